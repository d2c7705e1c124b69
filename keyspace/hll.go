package keyspace

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/redoubt-db/redoubt/mvcc"
)

// A HyperLogLog is a string in Redis' own format, byte for byte, so that GET, SETRANGE, DUMP and other servers find what they expect.
//
// The one difference is who fills the cache of the count in its header: Redis does so in PFCOUNT, which therefore writes. Here PFCOUNT is a
// read, as its name says, answered by any node without a log entry; a cache that came with the value is believed, none is ever written.

// Errors of strings that are no HyperLogLogs.
var (
	// ErrNotHLL: the string has no header of a HyperLogLog.
	ErrNotHLL = errors.New("keyspace: string is not a HyperLogLog")
	// ErrHLLCorrupted: the header is right, the registers are not.
	ErrHLLCorrupted = errors.New("keyspace: HyperLogLog is corrupted")
)

// hllSparseBytesMax is the directive that says how long a sparse HyperLogLog may grow; then it becomes dense.
const (
	hllSparseBytesMax        = "hll-sparse-max-bytes"
	hllSparseBytesMaxDefault = 3000
)

// hllSparseMax is the directive in force.
func (s *Space) hllSparseMax() int64 {
	if n, err := strconv.ParseInt(s.config[hllSparseBytesMax], 10, 64); err == nil {
		return n
	}
	return hllSparseBytesMaxDefault
}

// HLL is the HyperLogLog at key; false if there is none. It is good until the key's next change.
func (tx *Tx) HLL(key []byte) (HLL, bool, error) {
	it, ok, err := tx.str(key)
	if err != nil || !ok {
		return nil, false, err
	}
	h, err := asHLL(tx.Value(it))
	return h, err == nil, err
}

// AddHLL counts elements in the HyperLogLog at key, which begins as empty; false if that did not change it.
func (tx *Tx) AddHLL(key []byte, elements [][]byte) (bool, error) {
	it, h, err := tx.hllCopy(key)
	if err != nil {
		return false, err
	}
	changed, most := it.Len == 0, tx.space.hllSparseMax()
	for _, element := range elements {
		i, rank := hllRank(element)
		raised := false
		if h, raised, err = h.raise(i, rank, most); err != nil {
			return false, err
		}
		changed = changed || raised
	}
	if changed {
		h.forgetCount()
		tx.putGrown(key, it, h)
		tx.Notify(ClassString, "pfadd", key)
	}
	return changed, nil
}

// hllCopy is a copy of the HyperLogLog at key that may be changed, an empty one if there is none, and its item.
func (tx *Tx) hllCopy(key []byte) (mvcc.Item, HLL, error) {
	it, ok, err := tx.str(key)
	if err != nil {
		return it, nil, err
	}
	if !ok {
		return mvcc.Item{}, emptyHLL(), nil
	}
	if _, err := asHLL(tx.Value(it)); err != nil {
		return it, nil, err
	}
	return it, HLL(tx.grown(it, it.Len)), nil
}

// MergeHLLs makes dest the union of the HyperLogLogs at dest and at keys. It is dense if one of them is.
func (tx *Tx) MergeHLLs(dest []byte, keys [][]byte) error {
	var union hllRegisters
	dense := false
	for _, key := range append([][]byte{dest}, keys...) {
		s, ok, err := tx.ReadString(key)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		h, err := asHLL(s)
		if err != nil {
			return err
		}
		dense = dense || !h.Sparse()
		if !union.unite(h) {
			return ErrHLLCorrupted
		}
	}
	it, h, err := tx.hllCopy(dest)
	if err != nil {
		return err
	}
	if dense {
		if h, err = h.dense(); err != nil {
			return err
		}
	}
	most := tx.space.hllSparseMax()
	for i, rank := range union {
		if rank == 0 {
			continue
		}
		if h, _, err = h.raise(i, rank, most); err != nil {
			return err
		}
	}
	h.forgetCount()
	tx.putGrown(dest, it, h)
	tx.Notify(ClassString, "pfadd", dest) // Redis' name for both
	return nil
}

// MakeHLLDense turns the HyperLogLog at key into its dense form; false if it was dense, or is not there.
func (tx *Tx) MakeHLLDense(key []byte) (bool, error) {
	h, ok, err := tx.HLL(key)
	if err != nil || !ok || !h.Sparse() {
		return false, err
	}
	if h, err = h.dense(); err != nil {
		return false, err
	}
	it, _, _ := tx.str(key)
	tx.putGrown(key, it, h)
	return true, nil
}

// CountHLLs estimates how many elements the HyperLogLogs at keys have counted together.
func (v *View) CountHLLs(keys [][]byte) (int64, error) {
	if len(keys) == 1 {
		h, ok, err := v.hll(keys[0])
		if err != nil || !ok {
			return 0, err
		}
		return h.Count()
	}
	var union hllRegisters
	for _, key := range keys {
		h, ok, err := v.hll(key)
		if err != nil {
			return 0, err
		}
		if ok && !union.unite(h) {
			return 0, ErrHLLCorrupted
		}
	}
	return union.count(), nil
}

// hll is the HyperLogLog at key. A value that this view may not load is absent: it is noted as needed.
func (v *View) hll(key []byte) (HLL, bool, error) {
	s, ok, err := v.String(key)
	if err != nil || !ok || s == nil && v.need&NeedDisk != 0 {
		return nil, false, err
	}
	if len(s) > bitsQuickBytesMax && !v.mayLoad { // a corrupted one may have any length
		v.need |= NeedLong
		return nil, false, nil
	}
	h, err := asHLL(s)
	return h, err == nil, err
}

func asHLL(s []byte) (HLL, error) {
	if len(s) < hllHeaderBytes || !bytes.HasPrefix(s, []byte(hllMagic)) || s[hllFormAt] > hllSparse ||
		s[hllFormAt] == hllDense && len(s) != hllDenseBytes {
		return nil, ErrNotHLL
	}
	return HLL(s), nil
}

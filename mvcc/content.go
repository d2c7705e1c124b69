package mvcc

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/redoubt-db/redoubt/internal/ranked"
)

// Hasher computes the hash of everything a view shows, in bounded steps: for every database by number its
// live keys with all that belongs to their version, values from disk included. It is a sum over keys, so that
// neither the order of keys nor how far compaction came matters, nor how the log was cut into batches.
type Hasher struct {
	v     View
	bases []DatabaseBinding
	from  []byte // the key at which the first of bases goes on
	buf   []byte
	sum   uint64
}

// Hasher begins the content hash of the view at main. It needs RLock.
func (s *Store) Hasher(main uint64) (*Hasher, error) {
	v, err := s.At(main)
	if err != nil {
		return nil, err
	}
	return &Hasher{v: v, bases: v.Databases()}, nil
}

// Step takes in about n more keys and tells whether that was all. It needs RLock, takes ErrCompacted when
// compaction passed the view, and reads from disk what is cold.
func (h *Hasher) Step(n int) (done bool, err error) {
	if err := h.v.Err(); err != nil {
		return false, err
	}
	for n > 0 && len(h.bases) > 0 {
		more := false
		base := h.bases[0]
		sp := h.v.space(base.Keyspace)
		if sp != nil {
			sp.tree.ascend(h.from, func(ref uint32) bool {
				if n == 0 {
					h.from = append(h.from[:0], h.v.s.key(h.v.s.cell(ref))...)
					more = true
					return false
				}
				n--
				if it, ok := h.v.see(ref); ok {
					err = h.add(base.Database, it)
				}
				return err == nil
			})
		}
		if err != nil {
			return false, err
		}
		if !more {
			h.bases, h.from = h.bases[1:], h.from[:0]
		}
	}
	return len(h.bases) == 0, nil
}

func (h *Hasher) add(db uint32, it Item) error {
	content, err := h.content(it)
	if err != nil {
		return fmt.Errorf("content of key %q at %v: %w", it.Key, it.Mod, err)
	}
	h.mix(db, it, content)
	return nil
}

// mix adds an item whose value or elements have that hash.
func (h *Hasher) mix(db uint32, it Item, content uint64) {
	b := binary.BigEndian.AppendUint32(h.buf[:0], db)
	for _, n := range [...]uint64{
		it.Create.Main, uint64(it.Create.Sub), it.Mod.Main, uint64(it.Mod.Sub), it.Version,
		uint64(it.Deadline), it.Lease, uint64(it.Type), uint64(it.Hint), uint64(len(it.Key)), content,
	} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	h.buf = append(b, it.Key...)
	h.sum += xxhash.Sum64(h.buf)
}

// content is the hash of the item's value, or the sum of those of its elements.
func (h *Hasher) content(it Item) (sum uint64, err error) {
	if it.coll == 0 {
		value, err := h.v.Load(it)
		return xxhash.Sum64(value), err
	}
	return h.elements(h.v.Collection(it), it.Type), nil
}

// elements is the sum of the hashes of a collection's elements.
func (h *Hasher) elements(c Collection, typ Type) (sum uint64) {
	placed := layout(typ) == ranked.Placed
	c.Ascend(0, func(e *Element) bool {
		major := e.Major
		if !placed {
			major = 0 // a hash under this store's seed
		}
		b := h.buf[:0]
		for _, n := range [...]uint64{major, e.Main, uint64(e.Sub), uint64(e.Deadline), uint64(len(e.Name))} {
			b = binary.BigEndian.AppendUint64(b, n)
		}
		h.buf = append(append(b, e.Name...), e.Value...)
		sum += xxhash.Sum64(h.buf)
		return true
	})
	return sum
}

// Sum is the hash once Step said that was all.
func (h *Hasher) Sum() uint64 { return h.sum }

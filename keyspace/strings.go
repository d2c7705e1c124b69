package keyspace

import (
	"errors"
	"math"
	"slices"
	"strconv"

	"github.com/redoubt-db/redoubt/mvcc"
)

const (
	// StringBytesMax is how long a string may grow by APPEND, SETRANGE or SETBIT, in bytes. Arguments are
	// limited where they are read; this limit is a part of what a command does, hence the same on every node.
	StringBytesMax = 512 << 20

	// scratchBytesMax is the largest buffer for building values that is kept for the next one.
	scratchBytesMax = 1 << 20

	intBytesMax = 20 // the longest 64-bit integer in decimal
)

// Errors of operations on strings.
var (
	// ErrNotInteger: the string is not a 64-bit integer.
	ErrNotInteger = errors.New("keyspace: string is not an integer")
	// ErrNotFloat: the string is not a number.
	ErrNotFloat = errors.New("keyspace: string is not a number")
	// ErrOverflow: the result does not fit 64 bits.
	ErrOverflow = errors.New("keyspace: integer overflow")
	// ErrNaN: the result is not a finite number.
	ErrNaN = errors.New("keyspace: result is not finite")
	// ErrTooLong: the string would become longer than StringBytesMax.
	ErrTooLong = errors.New("keyspace: string too long")
)

// Notes on a string value, in mvcc.Attr.Hint. They tell how Redis would hold it, for OBJECT ENCODING
// alone. Numbers are on disk and never reused.
const (
	HintContent uint8 = iota // "int", "embstr" or "raw", as the content has it
	HintRaw                  // "raw": built in place
	HintBytes                // "embstr" or "raw" by length, even if it reads as an integer
)

// SetCondition is what a SET asks of the key before it writes.
type SetCondition uint8

const (
	SetAlways     SetCondition = iota
	SetIfAbsent                // NX
	SetIfPresent               // XX
	SetIfRevision              // IFREV: the mod revision is as given, 0 for an absent key
)

// SetOptions say when and with which life a string is set. The zero value sets it, without a deadline.
type SetOptions struct {
	If       SetCondition
	Revision uint64 // of SetIfRevision
	Deadline int64  // in milliseconds of log time; 0 is none. One that has passed deletes the key
	Lease    uint64 // shared lease to attach to; 0 is none
	KeepTTL  bool   // deadline and lease stay as they are
}

// String is the string at key; false if there is none. It is good until the key's next change.
func (tx *Tx) String(key []byte) (value []byte, ok bool, err error) {
	it, ok, err := tx.str(key)
	if !ok {
		return nil, false, err
	}
	return tx.Value(it), true, nil
}

// str finds a string's item.
func (tx *Tx) str(key []byte) (mvcc.Item, bool, error) {
	it, ok := tx.Lookup(key)
	if ok && it.Type != mvcc.String {
		return it, false, ErrWrongType
	}
	return it, ok, nil
}

// String is the string at key; false if there is none.
func (v *View) String(key []byte) (value []byte, ok bool, err error) {
	it, ok := v.Lookup(key)
	if !ok {
		return nil, false, nil
	}
	if it.Type != mvcc.String {
		return nil, false, ErrWrongType
	}
	return v.Value(it), true, nil
}

// StringLen is the length of the string at key in bytes, 0 if there is none.
func (v *View) StringLen(key []byte) (int, error) {
	it, ok := v.Lookup(key)
	if ok && it.Type != mvcc.String {
		return 0, ErrWrongType
	}
	return it.Len, nil
}

// Set makes key a string that lives until it is deleted, whatever it was.
func (tx *Tx) Set(key, value []byte) {
	tx.Put(key, mvcc.Attr{Type: mvcc.String}, value)
	tx.Notify(ClassString, "set", key)
}

// SetAll is Set of every key in pairs with the value behind it. Keys far apart in memory are brought near first, since to wait for
// one after the other takes longer than all the rest.
func (tx *Tx) SetAll(pairs [][]byte) {
	for len(pairs) > 0 {
		some := pairs[:min(len(pairs), 2*mvcc.PrefetchMax)]
		var keys [mvcc.PrefetchMax][]byte
		for i := range len(some) / 2 {
			keys[i] = some[2*i]
		}
		tx.mv.View().PrefetchWrites(&tx.space.ahead, tx.ks, keys[:len(some)/2])
		for i := 0; i < len(some); i += 2 {
			tx.Set(some[i], some[i+1])
		}
		pairs = pairs[len(some):]
	}
}

// SetString makes key a string if the condition holds; false if it does not. What to tell of it is the caller's to know:
// see NotifySet.
func (tx *Tx) SetString(key, value []byte, o SetOptions) (bool, error) {
	var it mvcc.Item
	ok := false
	if o.If != SetAlways || o.KeepTTL { // Put sees for itself what it supersedes
		if it, ok = tx.Lookup(key); !o.holds(it, ok) {
			return false, nil
		}
	}
	a := mvcc.Attr{Type: mvcc.String, Deadline: o.Deadline, Lease: o.Lease}
	switch {
	case o.Lease != 0 && !tx.HasLease(o.Lease):
		return false, ErrNoLease
	case o.KeepTTL && ok:
		a.Deadline, a.Lease = it.Deadline, it.Lease
	case o.Deadline != 0 && o.Deadline <= tx.now:
		tx.Delete(key)
		return true, nil
	}
	tx.Put(key, a, value)
	return true, nil
}

// NotifySet tells of a string that SetString set by those options.
func (tx *Tx) NotifySet(key []byte, o SetOptions) {
	tx.Notify(ClassString, "set", key)
	if o.Deadline != 0 || o.Lease != 0 {
		tx.Notify(ClassGeneric, "expire", key)
	}
	if o.Deadline != 0 && o.Deadline <= tx.now {
		tx.Notify(ClassExpired, "expired", key)
	}
}

func (o *SetOptions) holds(it mvcc.Item, exists bool) bool {
	switch o.If {
	case SetIfAbsent:
		return !exists
	case SetIfPresent:
		return exists
	case SetIfRevision:
		return exists && it.Mod.Main == o.Revision || !exists && o.Revision == 0
	}
	return true
}

// Increment adds delta to the integer at key, 0 if there is none, and keeps its time to live.
func (tx *Tx) Increment(key []byte, delta int64) (int64, error) {
	it, ok, err := tx.str(key)
	if err != nil {
		return 0, err
	}
	a, n := mvcc.Attr{Type: mvcc.String}, int64(0)
	if ok {
		if n, ok = ParseInt(tx.Value(it)); !ok {
			return 0, ErrNotInteger
		}
		a.Deadline, a.Lease = it.Deadline, it.Lease
	}
	if delta < 0 && n < math.MinInt64-delta || delta > 0 && n > math.MaxInt64-delta {
		return 0, ErrOverflow
	}
	n += delta
	var digits [intBytesMax]byte
	tx.Put(key, a, strconv.AppendInt(digits[:0], n, 10))
	tx.Notify(ClassString, "incrby", key)
	return n, nil
}

// IncrementFloat adds delta to the number at key, 0 if there is none, in the arithmetic of FloatSum, and
// keeps its time to live. The result is the value stored, and the caller's.
func (tx *Tx) IncrementFloat(key, delta []byte) ([]byte, error) {
	it, ok, err := tx.str(key)
	if err != nil {
		return nil, err
	}
	a, old := mvcc.Attr{Type: mvcc.String, Hint: HintBytes}, []byte("0")
	if ok {
		old = tx.Value(it)
		a.Deadline, a.Lease = it.Deadline, it.Lease
	}
	sum, err := FloatSum(old, delta)
	if err != nil {
		return nil, err
	}
	tx.Put(key, a, sum)
	tx.Notify(ClassString, "incrbyfloat", key)
	return sum, nil
}

// Append puts tail behind the string at key, which begins as empty, and returns the new length.
func (tx *Tx) Append(key, tail []byte) (int, error) {
	it, ok, err := tx.str(key)
	if err != nil {
		return 0, err
	}
	if !ok {
		tx.Put(key, mvcc.Attr{Type: mvcc.String}, tail)
		tx.Notify(ClassString, "append", key)
		return len(tail), nil
	}
	if len(tail) > StringBytesMax-it.Len {
		return 0, ErrTooLong
	}
	b := append(tx.grown(it, it.Len+len(tail))[:it.Len], tail...)
	tx.putGrown(key, it, b)
	tx.Notify(ClassString, "append", key)
	return len(b), nil
}

// SetRange writes part over the string at key from offset on, with zero bytes up to there if it is shorter, and
// returns the new length. An empty part changes nothing.
func (tx *Tx) SetRange(key []byte, offset int64, part []byte) (int, error) {
	it, ok, err := tx.str(key)
	if err != nil || len(part) == 0 {
		return it.Len, err
	}
	if offset > StringBytesMax-int64(len(part)) {
		return 0, ErrTooLong
	}
	if !ok {
		it = mvcc.Item{}
	}
	b := tx.grown(it, int(offset)+len(part))
	copy(b[offset:], part)
	tx.putGrown(key, it, b)
	tx.Notify(ClassString, "setrange", key)
	return len(b), nil
}

// grown is a copy of the item's value, at least n bytes long with zeros at its end, for building the next
// value. It is good until the next call.
func (tx *Tx) grown(it mvcc.Item, n int) []byte {
	n = max(n, it.Len)
	b := slices.Grow(tx.space.scratch[:0], n)[:n]
	if cap(b) <= scratchBytesMax {
		tx.space.scratch = b
	}
	done := 0
	if it.Len > 0 {
		done = copy(b, tx.Value(it))
	}
	clear(b[done:])
	return b
}

// putGrown stores a value built in place; time to live stays.
func (tx *Tx) putGrown(key []byte, it mvcc.Item, value []byte) {
	tx.Put(key, mvcc.Attr{Type: mvcc.String, Hint: HintRaw, Deadline: it.Deadline, Lease: it.Lease}, value)
}

// Range is the part of s from start to end, both included and counted from the end when negative.
func Range(s []byte, start, end int64) []byte {
	n := int64(len(s))
	if start < 0 && end < 0 && start > end {
		return nil
	}
	start, end = fromEnd(start, n), min(fromEnd(end, n), n-1)
	if start > end {
		return nil
	}
	return s[start : end+1]
}

// fromEnd turns an index that counts from the end of n into one from the start, at least 0.
func fromEnd(i, n int64) int64 {
	if i < 0 {
		i += n
	}
	return max(i, 0)
}

// StringEncoding is what OBJECT ENCODING says of a string with that note and value.
func StringEncoding(hint uint8, value []byte) string {
	const embeddedBytesMax = 44
	if hint == HintRaw || len(value) > embeddedBytesMax {
		return "raw"
	}
	if hint == HintContent {
		if _, ok := ParseInt(value); ok {
			return "int"
		}
	}
	return "embstr"
}

// ParseInt reads a 64-bit integer as Redis writes it: no plus sign, no leading zeros, no spaces.
func ParseInt(b []byte) (int64, bool) {
	digits, negative := b, false
	if len(b) > 1 && b[0] == '-' {
		digits, negative = b[1:], true
	}
	if len(b) > intBytesMax || len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	switch {
	case negative && n <= math.MaxInt64+1:
		return -int64(n), true
	case !negative && n <= math.MaxInt64:
		return int64(n), true
	}
	return 0, false
}

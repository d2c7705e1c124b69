package keyspace

import (
	"encoding/binary"
	"math"

	"github.com/redoubt-db/redoubt/mvcc"
)

// Overflow is what becomes of a value that does not fit its field.
type Overflow uint8

const (
	OverflowWrap Overflow = iota // the low bits are kept
	OverflowSat                  // the nearest value that fits
	OverflowFail                 // nothing is written and the answer is null
)

// FieldAct is what a FieldOp does.
type FieldAct uint8

const (
	FieldGet FieldAct = iota + 1
	FieldSet
	FieldIncrement
)

// FieldOp is one operation on a field of bits inside a string.
type FieldOp struct {
	Act      FieldAct
	Signed   bool
	Bits     uint  // width: 1 to 64 if signed, to 63 if not
	Offset   int64 // first bit
	Value    int64 // to set or to add
	Overflow Overflow
}

// Field is a FieldOp's answer.
type Field struct {
	Value  int64 // what was there for FieldGet and FieldSet, the sum for FieldIncrement
	Failed bool  // by OverflowFail
}

// Fields answers FieldGets on the string at key.
func (v *View) Fields(key []byte, ops []FieldOp) ([]Field, error) {
	s, _, err := v.String(key)
	if err != nil {
		return nil, err
	}
	return readFields(s, ops), nil
}

func readFields(s []byte, ops []FieldOp) []Field {
	out := make([]Field, len(ops))
	for i := range ops {
		out[i].Value = ops[i].read(s)
	}
	return out
}

// Fields does the operations in order on the string at key, which first becomes long enough for all that write, even
// for those that fail then, as in Redis.
func (tx *Tx) Fields(key []byte, ops []FieldOp) ([]Field, error) {
	end := int64(0) // of what is written, in bits
	for _, op := range ops {
		if op.Act != FieldGet {
			end = max(end, op.Offset+int64(op.Bits))
		}
	}
	if end == 0 {
		s, _, err := tx.ReadString(key)
		if err != nil {
			return nil, err
		}
		return readFields(s, ops), nil
	}
	it, ok, err := tx.str(key)
	if err != nil {
		return nil, err
	}
	if !ok {
		it = mvcc.Item{}
	}
	b := tx.grown(it, int((end+7)/8))
	grown := len(b) > it.Len || !ok
	wrote := false
	out := make([]Field, len(ops))
	for i := range ops {
		var other bool
		out[i], other = ops[i].apply(b)
		wrote = wrote || other || grown && ops[i].Act != FieldGet && !out[i].Failed
	}
	if grown || wrote {
		tx.putGrown(key, it, b)
	}
	if wrote { // what only grew for an operation that failed is not told of, as in Redis
		tx.Notify(ClassString, "setbit", key) // Redis' name for it
	}
	return out, nil
}

// apply does the operation on b, which is long enough, and tells whether b is another than before.
func (op *FieldOp) apply(b []byte) (f Field, changed bool) {
	old := op.read(b)
	if op.Act == FieldGet {
		return Field{Value: old}, false
	}
	var next int64
	var over bool
	if op.Act == FieldSet {
		next, over = op.fit(op.Value, 0)
	} else {
		next, over = op.fit(old, op.Value)
	}
	if over && op.Overflow == OverflowFail {
		return Field{Failed: true}, false
	}
	storeBits(b, op.Offset, op.Bits, uint64(next))
	if op.Act == FieldSet {
		return Field{Value: old}, old != next
	}
	return Field{Value: next}, old != next
}

func (op *FieldOp) read(b []byte) int64 {
	n := loadBits(b, op.Offset, op.Bits)
	if op.Signed {
		return int64(n<<(64-op.Bits)) >> (64 - op.Bits)
	}
	return int64(n)
}

// fit is value + delta as the field can hold it, and whether it had to be changed for that.
func (op *FieldOp) fit(value, delta int64) (n int64, over bool) {
	least, most := int64(0), int64(math.MaxInt64)
	if op.Signed {
		most >>= 64 - op.Bits
		least = -most - 1
	} else {
		most >>= 63 - op.Bits
	}
	sum := value + delta
	high := delta > 0 && sum < value || sum > most && !(delta < 0 && sum > value)
	low := delta < 0 && sum > value || sum < least && !(delta > 0 && sum < value)
	if op.tooHigh(value, most) {
		high, low = true, false
	}
	switch {
	case !high && !low:
		return sum, false
	case op.Overflow == OverflowSat && high:
		return most, true
	case op.Overflow == OverflowSat:
		return least, true
	case op.Signed:
		return sum << (64 - op.Bits) >> (64 - op.Bits), true
	}
	return sum & most, true
}

// tooHigh finds the values outside the field that Redis takes for too high though they are negative: any that is set
// to an unsigned field, and one so low that its distance to the top of a signed field does not fit 64 bits.
// Saturating then gives the highest value.
func (op *FieldOp) tooHigh(value, most int64) bool {
	if !op.Signed {
		return value < 0
	}
	return op.Bits < 64 && value < 0 && int64(uint64(most)-uint64(value)) < 0
}

// loadBits reads up to 64 bits of s, most significant first; those behind its end are 0.
func loadBits(s []byte, offset int64, width uint) uint64 {
	var w [9]byte
	if at := offset / 8; at < int64(len(s)) {
		copy(w[:], s[at:])
	}
	shift := uint(offset % 8)
	n := binary.BigEndian.Uint64(w[:])<<shift | uint64(w[8])>>(8-shift)
	return n >> (64 - width)
}

// storeBits writes the low bits of n into s, which is long enough.
func storeBits(s []byte, offset int64, width uint, n uint64) {
	var w [9]byte
	at, shift := offset/8, uint(offset%8)
	copy(w[:], s[at:])
	mask := ^uint64(0) << (64 - width)
	n <<= 64 - width
	binary.BigEndian.PutUint64(w[:], binary.BigEndian.Uint64(w[:])&^(mask>>shift)|n>>shift)
	w[8] = w[8]&^byte(mask<<(8-shift)) | byte(n<<(8-shift))
	copy(s[at:], w[:])
}

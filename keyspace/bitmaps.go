package keyspace

import (
	"encoding/binary"
	"math/bits"

	"github.com/redoubt-db/redoubt/mvcc"
)

// Bits of a string are numbered from the most significant bit of its first byte on. Behind its end they are 0.

// BitOffsetMax is the last bit that SETBIT and GETBIT may name.
const BitOffsetMax = StringBytesMax*8 - 1

// bitsQuickBytesMax is how long a string may be walked on an event loop; about a millisecond's worth.
const bitsQuickBytesMax = 4 << 20

// Bits is the string at key, to be walked from end to end by CountBits or FirstBit. A long one is NeedLong.
func (v *View) Bits(key []byte) (s []byte, ok bool, err error) {
	s, ok, err = v.String(key)
	if len(s) > bitsQuickBytesMax && !v.mayLoad {
		v.need |= NeedLong
		return nil, ok, err
	}
	return s, ok, err
}

// Bit is the bit of the string at key.
func (v *View) Bit(key []byte, offset int64) (byte, error) {
	s, _, err := v.String(key)
	return bitOf(s, offset), err
}

func bitOf(s []byte, offset int64) byte {
	if offset/8 >= int64(len(s)) {
		return 0
	}
	return s[offset/8] >> (7 - offset%8) & 1
}

// SetBit gives a bit of the string at key a value, making the string longer where needed, and returns the value it
// had. Nothing changes if it had that value and the string was long enough.
func (tx *Tx) SetBit(key []byte, offset int64, bit byte) (old byte, err error) {
	it, ok, err := tx.str(key)
	if err != nil {
		return 0, err
	}
	if ok && offset/8 < int64(it.Len) {
		if old = bitOf(tx.Value(it), offset); old == bit {
			return old, nil
		}
	}
	if !ok {
		it = mvcc.Item{}
	}
	b := tx.grown(it, int(offset/8)+1)
	mask := byte(1) << (7 - offset%8)
	b[offset/8] &^= mask
	b[offset/8] |= bit * mask
	tx.putGrown(key, it, b)
	tx.Notify(ClassString, "setbit", key)
	return old, nil
}

// CountBits counts the ones among the bits from..to of s, both included, which must be bits of s.
func CountBits(s []byte, from, to int64) int64 {
	if from > to {
		return 0
	}
	first, last := from/8, to/8
	head, tail := byte(0xff)>>(from%8), byte(0xff)<<(7-to%8)
	if first == last {
		return int64(bits.OnesCount8(s[first] & head & tail))
	}
	n := bits.OnesCount8(s[first]&head) + bits.OnesCount8(s[last]&tail)
	return int64(n) + countOnes(s[first+1:last])
}

func countOnes(s []byte) int64 {
	n := 0
	for len(s) >= 32 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(s)) + bits.OnesCount64(binary.LittleEndian.Uint64(s[8:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(s[16:])) + bits.OnesCount64(binary.LittleEndian.Uint64(s[24:]))
		s = s[32:]
	}
	for _, c := range s {
		n += bits.OnesCount8(c)
	}
	return int64(n)
}

// FirstBit is the number of the first bit with that value among from..to of s, both included, which must be bits of
// s; -1 if there is none.
func FirstBit(s []byte, bit byte, from, to int64) int64 {
	if from > to {
		return -1
	}
	flip := (bit - 1) // all ones when a zero is looked for: then the first one of the complement is meant
	at, last := from/8, to/8
	if c := (s[at] ^ flip) & (0xff >> (from % 8)); c != 0 {
		return within(at*8+int64(bits.LeadingZeros8(c)), to)
	}
	wide := uint64(flip) * 0x0101010101010101
	for at++; at+8 <= last; at += 8 {
		if w := binary.BigEndian.Uint64(s[at:]) ^ wide; w != 0 {
			return at*8 + int64(bits.LeadingZeros64(w))
		}
	}
	for ; at <= last; at++ {
		if c := s[at] ^ flip; c != 0 {
			return within(at*8+int64(bits.LeadingZeros8(c)), to)
		}
	}
	return -1
}

func within(pos, to int64) int64 {
	if pos > to {
		return -1
	}
	return pos
}

// BitOp is an operation on whole strings.
type BitOp uint8

const (
	BitAnd BitOp = iota + 1
	BitOr
	BitXor
	BitNot // of one string
)

// BitOp makes dest the result of an operation on the strings at keys, each padded with zeros to the longest, and
// returns its length. An empty result deletes dest.
func (tx *Tx) BitOp(op BitOp, dest []byte, keys [][]byte) (int, error) {
	sources, n := make([][]byte, len(keys)), 0
	for i, key := range keys {
		s, _, err := tx.ReadString(key)
		if err != nil {
			return 0, err
		}
		sources[i], n = s, max(n, len(s))
	}
	if n == 0 {
		if tx.Delete(dest) {
			tx.Notify(ClassGeneric, "del", dest)
		}
		return 0, nil
	}
	out := make([]byte, n)
	copy(out, sources[0])
	if op == BitNot {
		invert(out)
	}
	for _, s := range sources[1:] {
		combine(op, out, s)
	}
	tx.Lookup(dest) // a generation past its deadline ends first
	tx.Put(dest, mvcc.Attr{Type: mvcc.String, Hint: HintRaw}, out)
	tx.Notify(ClassString, "set", dest)
	return n, nil
}

func invert(b []byte) {
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, ^binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	for i := range b {
		b[i] = ^b[i]
	}
}

// combine puts the operation on dst and s, which is not longer, into dst.
func combine(op BitOp, dst, s []byte) {
	if op == BitAnd {
		clear(dst[len(s):])
	}
	dst = dst[:len(s)]
	for len(s) >= 8 {
		a, b := binary.LittleEndian.Uint64(dst), binary.LittleEndian.Uint64(s)
		binary.LittleEndian.PutUint64(dst, op.word(a, b))
		dst, s = dst[8:], s[8:]
	}
	for i := range s {
		dst[i] = byte(op.word(uint64(dst[i]), uint64(s[i])))
	}
}

func (op BitOp) word(a, b uint64) uint64 {
	switch op {
	case BitAnd:
		return a & b
	case BitOr:
		return a | b
	}
	return a ^ b
}

package command

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

const (
	errBitOffset Error = "ERR bit offset is not an integer or out of range"
	errBit       Error = "ERR bit is not an integer or out of range"
	errBitArg    Error = "ERR The bit argument must be 1 or 0."
	errBitNot    Error = "ERR BITOP NOT must be called with a single source key."
)

// Bitmaps are the commands on the bits of strings.
func Bitmaps() []Spec {
	const (
		ranged    = "[start end [BYTE | BIT]]"
		operation = "[GET encoding offset | [OVERFLOW WRAP | SAT | FAIL] SET encoding offset value | INCRBY encoding offset increment [GET encoding offset | [OVERFLOW WRAP | SAT | FAIL] SET encoding offset value | INCRBY encoding offset increment ...]]"
	)
	return []Spec{
		{Name: "SETBIT", Syntax: "key offset value",
			Summary: "Sets or clears the bit at offset in the string value stored at key", Since: "2.2.0", Group: "bitmap", Complexity: "O(1)",
			Arity: Exactly(4), Keys: KeyAt(1).As("RW access update"), Flags: DenyOOM, ACL: acl.Bitmap, Write: setBit},
		{Name: "GETBIT", Syntax: "key offset",
			Summary: "Returns the bit value at offset in the string value stored at key", Since: "2.2.0", Group: "bitmap", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(1), Flags: Fast, ACL: acl.Bitmap, Read: getBit},
		{Name: "BITCOUNT", Syntax: "key " + ranged,
			Summary: "Count set bits in a string", Since: "2.6.0", Group: "bitmap", Complexity: "O(N)",
			Arity: AtLeast(2), Keys: KeyAt(1), ACL: acl.Bitmap, Read: bitCount},
		{Name: "BITPOS", Syntax: "key bit [start [end [BYTE | BIT]]]",
			Summary: "Find first bit set or clear in a string", Since: "2.8.7", Group: "bitmap", Complexity: "O(N)",
			Arity: AtLeast(3), Keys: KeyAt(1), ACL: acl.Bitmap, Read: bitPos},
		{Name: "BITOP", Syntax: "operation destkey key [key ...]",
			Summary: "Perform bitwise operations between strings", Since: "2.6.0", Group: "bitmap", Complexity: "O(N)",
			Arity: AtLeast(4), Keys: KeysFromTo(2, -1, 1).With(KeySpec{Index: 2, Access: "OW update"}, KeySpec{Index: 3, Last: -1, Access: "RO access"}),
			Flags: DenyOOM, ACL: acl.Bitmap, Write: bitOp},
		{Name: "BITFIELD", Syntax: "key " + operation,
			Summary: "Perform arbitrary bitfield integer operations on strings", Since: "3.2.0", Group: "bitmap",
			Complexity: "O(1) for each subcommand specified",
			Arity:      AtLeast(2), Keys: KeyAt(1).As("RW access update variable_flags").Noted("This command allows both access and modification of the key").Varies(bitFieldAccess), Flags: DenyOOM, ACL: acl.Bitmap,
			Differs: servedAsRead("GET alone"), Read: bitFieldRO, Write: bitField, Stores: bitFieldStores},
		{Name: "BITFIELD_RO", Syntax: "key [GET encoding offset [GET encoding offset ...]]",
			Summary: "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD", Since: "6.0.0", Group: "bitmap",
			Complexity: "O(1) for each subcommand specified",
			Arity:      AtLeast(2), Keys: KeyAt(1), Flags: Fast, ACL: acl.Bitmap, Read: bitFieldRO},
	}
}

// bitFieldAccess is what a BITFIELD does with its key.
func bitFieldAccess(args [][]byte) string {
	if bitFieldStores(args) {
		return "RW access update"
	}
	return "RO access"
}

// bitFieldStores tells whether a BITFIELD writes: not if all its operations are GET.
func bitFieldStores(args [][]byte) bool {
	for i := 2; i < len(args); {
		switch rest := len(args) - i - 1; {
		case equalFold(args[i], "GET") && rest >= 2:
			i += 3
		case equalFold(args[i], "OVERFLOW") && rest >= 1:
			i += 2
		default:
			return true
		}
	}
	return false
}

// BitOffset is argument i as the number of a bit.
func (a args) BitOffset(i int) (int64, error) {
	n, ok := parseInt(a[i])
	if !ok || n < 0 || n > keyspace.BitOffsetMax {
		return 0, errBitOffset
	}
	return n, nil
}

func setBit(c *WriteCall) (resp.Value, error) {
	offset, err := c.BitOffset(2)
	if err != nil {
		return resp.None, err
	}
	bit, ok := parseInt(c.At(3))
	if !ok || bit != 0 && bit != 1 {
		return resp.None, errBit
	}
	old, err := c.Tx.SetBit(c.At(1), offset, byte(bit))
	return resp.Int(int64(old)), err
}

func getBit(c *ReadCall) (resp.Value, error) {
	offset, err := c.BitOffset(2)
	if err != nil {
		return resp.None, err
	}
	bit, err := c.View.Bit(c.At(1), offset)
	return resp.Int(int64(bit)), err
}

// bitCount looks at the key first, as Redis does: an absent one answers 0 whatever the range.
func bitCount(c *ReadCall) (resp.Value, error) {
	s, ok, err := c.View.Bits(c.At(1))
	if err != nil || !ok {
		return resp.Int(0), err
	}
	if c.Len() == 2 {
		return resp.Int(keyspace.CountBits(s, 0, int64(len(s))*8-1)), nil
	}
	if c.Len() != 4 && c.Len() != 5 {
		return resp.None, errSyntax
	}
	start, err := c.Int(2)
	if err != nil {
		return resp.None, err
	}
	end, err := c.Int(3)
	if err != nil {
		return resp.None, err
	}
	if start < 0 && end < 0 && start > end {
		return resp.Int(0), nil
	}
	unit, err := c.bitUnit(4)
	if err != nil {
		return resp.None, err
	}
	from, to := bitRange(start, end, len(s), unit)
	return resp.Int(keyspace.CountBits(s, from, to)), nil
}

// bitUnit is how many bits one step of a range is: 8 unless argument i is there and says BIT.
func (a args) bitUnit(i int) (int64, error) {
	switch {
	case i >= len(a), a.Is(i, "BYTE"):
		return 8, nil
	case a.Is(i, "BIT"):
		return 1, nil
	}
	return 0, errSyntax
}

// bitRange turns a range in units, counted from the end when negative, into the bits from..to of n bytes.
func bitRange(start, end int64, n int, unit int64) (from, to int64) {
	size := int64(n) * 8 / unit
	if start < 0 {
		start = max(start+size, 0)
	}
	if end < 0 {
		end = max(end+size, 0)
	}
	if end = min(end, size-1); start > end {
		return 0, -1
	}
	return start * unit, end*unit + unit - 1
}

func bitPos(c *ReadCall) (resp.Value, error) {
	bit, err := c.Int(2)
	if err != nil {
		return resp.None, err
	}
	if bit != 0 && bit != 1 {
		return resp.None, errBitArg
	}
	s, ok, err := c.View.Bits(c.At(1))
	if err != nil {
		return resp.None, err
	}
	if !ok { // endless zeros, whatever the range
		return resp.Int(-bit), nil
	}
	if c.Len() > 6 {
		return resp.None, errSyntax
	}
	start, end, unit, err := c.bitPosRange()
	if err != nil {
		return resp.None, err
	}
	from, to := bitRange(start, end, len(s), unit)
	pos := keyspace.FirstBit(s, byte(bit), from, to)
	if pos < 0 && bit == 0 && c.Len() < 5 && from <= to {
		pos = int64(len(s)) * 8 // without an end the string goes on with zeros
	}
	return resp.Int(pos), nil
}

func (a args) bitPosRange() (start, end, unit int64, err error) {
	end, unit = -1, 8
	if len(a) > 3 {
		if start, err = a.Int(3); err != nil {
			return
		}
	}
	if unit, err = a.bitUnit(5); err != nil {
		return
	}
	if len(a) > 4 {
		end, err = a.Int(4)
	}
	return
}

func bitOp(c *WriteCall) (resp.Value, error) {
	var op keyspace.BitOp
	switch {
	case c.Is(1, "AND"):
		op = keyspace.BitAnd
	case c.Is(1, "OR"):
		op = keyspace.BitOr
	case c.Is(1, "XOR"):
		op = keyspace.BitXor
	case c.Is(1, "NOT"):
		op = keyspace.BitNot
	default:
		return resp.None, errSyntax
	}
	if op == keyspace.BitNot && c.Len() != 4 {
		return resp.None, errBitNot
	}
	n, err := c.Tx.BitOp(op, c.At(2), c.From(3))
	return resp.Int(int64(n)), err
}

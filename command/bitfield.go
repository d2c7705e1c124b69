package command

import (
	"math"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

const (
	errFieldType     Error = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
	errFieldOverflow Error = "ERR Invalid OVERFLOW type specified"
	errFieldReadOnly Error = "ERR BITFIELD_RO only supports the GET subcommand"
)

func bitField(c *WriteCall) (resp.Value, error) {
	ops, _, err := c.fieldOps()
	if err != nil {
		return resp.None, err
	}
	fields, err := c.Tx.Fields(c.At(1), ops)
	if err != nil {
		return resp.None, err
	}
	return fieldReply(fields), nil
}

func bitFieldRO(c *ReadCall) (resp.Value, error) {
	ops, writes, err := c.fieldOps()
	if err != nil {
		return resp.None, err
	}
	if writes {
		return resp.None, errFieldReadOnly
	}
	fields, err := c.View.Fields(c.At(1), ops)
	if err != nil {
		return resp.None, err
	}
	return fieldReply(fields), nil
}

func fieldReply(fields []keyspace.Field) resp.Value {
	list := make([]resp.Value, len(fields))
	for i, f := range fields {
		list[i] = resp.Int(f.Value)
		if f.Failed {
			list[i] = resp.Null()
		}
	}
	return resp.Array(list...)
}

// fieldOps reads the operations behind the key and tells whether any of them writes.
func (a args) fieldOps() (ops []keyspace.FieldOp, writes bool, err error) {
	overflow := keyspace.OverflowWrap
	for i := 2; i < len(a); {
		behind := len(a) - i - 1
		op := keyspace.FieldOp{Overflow: overflow}
		switch {
		case a.Is(i, "GET") && behind >= 2:
			op.Act = keyspace.FieldGet
		case a.Is(i, "SET") && behind >= 3:
			op.Act = keyspace.FieldSet
		case a.Is(i, "INCRBY") && behind >= 3:
			op.Act = keyspace.FieldIncrement
		case a.Is(i, "OVERFLOW") && behind >= 1:
			if overflow, err = a.fieldOverflow(i + 1); err != nil {
				return nil, false, err
			}
			i += 2
			continue
		default:
			return nil, false, errSyntax
		}
		n, err := a.fieldOp(&op, i)
		if err != nil {
			return nil, false, err
		}
		ops, writes = append(ops, op), writes || op.Act != keyspace.FieldGet
		i += n
	}
	return ops, writes, nil
}

func (a args) fieldOverflow(i int) (keyspace.Overflow, error) {
	switch {
	case a.Is(i, "WRAP"):
		return keyspace.OverflowWrap, nil
	case a.Is(i, "SAT"):
		return keyspace.OverflowSat, nil
	case a.Is(i, "FAIL"):
		return keyspace.OverflowFail, nil
	}
	return 0, errFieldOverflow
}

// fieldOp reads the arguments of the operation at i and returns how many it has with its name.
func (a args) fieldOp(op *keyspace.FieldOp, i int) (n int, err error) {
	kind := a[i+1]
	if len(kind) == 0 || kind[0] != 'i' && kind[0] != 'u' {
		return 0, errFieldType
	}
	op.Signed = kind[0] == 'i'
	width, ok := parseInt(kind[1:])
	if !ok || width < 1 || width > 64 || width == 64 && !op.Signed {
		return 0, errFieldType
	}
	op.Bits = uint(width)
	if op.Offset, err = a.fieldOffset(i+2, width); err != nil {
		return 0, err
	}
	if op.Act == keyspace.FieldGet {
		return 3, nil
	}
	op.Value, err = a.Int(i + 3)
	return 4, err
}

// fieldOffset is argument i as the number of a bit, or with # as the number of a field of that width.
func (a args) fieldOffset(i int, width int64) (int64, error) {
	if len(a[i]) == 0 || a[i][0] != '#' {
		return a.BitOffset(i)
	}
	n, ok := parseInt(a[i][1:])
	if !ok || n < 0 || n > math.MaxInt64/width || n*width > keyspace.BitOffsetMax {
		return 0, errBitOffset
	}
	return n * width, nil
}

// Package resp holds replies as values and their two encodings, RESP2 and RESP3, and reads
// requests under limits. It is thin over redcon.
package resp

import (
	"math"
	"strconv"
	"unsafe"

	"github.com/tidwall/redcon"
)

// Protocol is the version of RESP a connection speaks.
type Protocol uint8

const (
	RESP2 Protocol = 2 // what a connection speaks until HELLO 3
	RESP3 Protocol = 3 // typed replies: maps, sets, doubles, booleans, pushes
)

type kind uint8

const (
	kindNone kind = iota // no reply at all (CLIENT REPLY OFF, a reply already written)
	kindNull
	kindNullArray
	kindSimple
	kindError
	kindInt
	kindBulk
	kindArray
	kindMap
	kindSet
	kindPush
	kindDouble
	kindBool
	kindBigNumber
	kindVerbatim
	kindRaw
)

// Value is one reply. It is made by the constructors below and written by Append; the zero Value
// writes nothing. Byte slices inside are aliased, not copied: a Value is good for as long as
// what it was made from.
type Value struct {
	kind  kind
	num   int64 // Int; Bool as 0 or 1; Double as its bits
	bytes []byte
	list  []Value // Map: key, value, key, value ...
}

// None is the absence of a reply.
var None = Value{}

// Null is the null bulk string of RESP2 and the null of RESP3.
func Null() Value { return Value{kind: kindNull} }

// NullArray is the null array of RESP2 and the null of RESP3.
func NullArray() Value { return Value{kind: kindNullArray} }

// OK is the simple string "OK".
func OK() Value { return Simple("OK") }

// Simple is a simple string; it must hold no CR or LF.
func Simple(s string) Value { return Value{kind: kindSimple, bytes: view(s)} }

// Error is an error reply. The text begins with its code, as in "ERR syntax error", and has no dash.
func Error(text string) Value { return Value{kind: kindError, bytes: view(text)} }

// Int is an integer.
func Int(n int64) Value { return Value{kind: kindInt, num: n} }

// Bulk is a bulk string that aliases b; a nil slice is the empty string, not null.
func Bulk(b []byte) Value { return Value{kind: kindBulk, bytes: b} }

// BulkString is a bulk string.
func BulkString(s string) Value { return Value{kind: kindBulk, bytes: view(s)} }

// Array is an array of values; it keeps the slice.
func Array(list ...Value) Value { return Value{kind: kindArray, list: list} }

// Map is a map in RESP3 and an array of twice the length in RESP2; pairs are key, value, key, value.
func Map(pairs ...Value) Value { return Value{kind: kindMap, list: pairs} }

// Set is a set in RESP3 and an array in RESP2.
func Set(list ...Value) Value { return Value{kind: kindSet, list: list} }

// Push is an out-of-band message in RESP3 and an array in RESP2.
func Push(list ...Value) Value { return Value{kind: kindPush, list: list} }

// Double is a double in RESP3 and a bulk string in RESP2, in the form of FormatDouble.
func Double(f float64) Value { return Value{kind: kindDouble, num: int64(math.Float64bits(f))} }

// Bool is a boolean in RESP3 and 1 or 0 in RESP2.
func Bool(b bool) Value {
	v := Value{kind: kindBool}
	if b {
		v.num = 1
	}
	return v
}

// BigNumber is a big number in RESP3 and a bulk string in RESP2.
func BigNumber(digits string) Value { return Value{kind: kindBigNumber, bytes: view(digits)} }

// Verbatim is text with format "txt" in RESP3 and a bulk string in RESP2.
func Verbatim(text string) Value { return Value{kind: kindVerbatim, bytes: view(text)} }

// Raw is bytes already encoded for the connection they go to.
func Raw(encoded []byte) Value { return Value{kind: kindRaw, bytes: encoded} }

// IsError tells an error reply.
func (v Value) IsError() bool { return v.kind == kindError }

// IsNone tells the absence of a reply.
func (v Value) IsNone() bool { return v.kind == kindNone }

// Text is the text of a simple, error, bulk or verbatim value.
func (v Value) Text() []byte { return v.bytes }

// Append writes v behind dst in the protocol's encoding and returns the longer slice.
func (v Value) Append(dst []byte, p Protocol) []byte {
	switch v.kind {
	case kindNull:
		return appendNull(dst, p, "$-1\r\n")
	case kindNullArray:
		return appendNull(dst, p, "*-1\r\n")
	case kindSimple:
		return redcon.AppendString(dst, text(v.bytes))
	case kindError:
		return appendError(dst, v.bytes)
	case kindInt:
		return redcon.AppendInt(dst, v.num)
	case kindBulk:
		return redcon.AppendBulk(dst, v.bytes)
	case kindRaw:
		return append(dst, v.bytes...)
	case kindArray, kindSet, kindPush, kindMap:
		return v.appendList(dst, p)
	case kindDouble, kindBool, kindBigNumber, kindVerbatim:
		return v.appendTyped(dst, p)
	}
	return dst
}

// Encode is what Append writes, without a copy if the value is encoded already.
func (v Value) Encode(p Protocol) []byte {
	if v.kind == kindRaw {
		return v.bytes
	}
	return v.Append(nil, p)
}

func (v Value) appendList(dst []byte, p Protocol) []byte {
	mark, n := byte('*'), len(v.list)
	if p == RESP3 {
		switch v.kind {
		case kindMap:
			mark, n = '%', n/2
		case kindSet:
			mark = '~'
		case kindPush:
			mark = '>'
		}
	}
	dst = AppendHeader(dst, mark, n)
	for i := range v.list {
		dst = v.list[i].Append(dst, p)
	}
	return dst
}

func (v Value) appendTyped(dst []byte, p Protocol) []byte {
	switch v.kind {
	case kindDouble:
		return AppendDouble(dst, math.Float64frombits(uint64(v.num)), p)
	case kindBool:
		if p == RESP3 {
			return append(dst, '#', "ft"[v.num], '\r', '\n')
		}
		return redcon.AppendInt(dst, v.num)
	case kindBigNumber:
		if p == RESP3 {
			return append(append(append(dst, '('), v.bytes...), '\r', '\n')
		}
		return redcon.AppendBulk(dst, v.bytes)
	}
	if p == RESP3 {
		dst = AppendHeader(dst, '=', len(v.bytes)+len("txt:"))
		return append(append(append(dst, "txt:"...), v.bytes...), '\r', '\n')
	}
	return redcon.AppendBulk(dst, v.bytes)
}

// AppendHeader writes the head of an aggregate: its mark ('*', '%', '~', '>', '=') and count.
func AppendHeader(dst []byte, mark byte, n int) []byte {
	dst = append(dst, mark)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '\r', '\n')
}

// AppendDouble writes f as Redis does: a double in RESP3, a bulk string in RESP2.
func AppendDouble(dst []byte, f float64, p Protocol) []byte {
	var buf [32]byte
	digits := FormatDouble(buf[:0], f)
	if p == RESP3 {
		return append(append(append(dst, ','), digits...), '\r', '\n')
	}
	return redcon.AppendBulk(dst, digits)
}

// FormatDouble appends f as C's %.17g, which is what Redis 7.0 replies with: 0.1 is 0.10000000000000001.
// Later versions of Redis send the shortest digits that read back the same.
func FormatDouble(dst []byte, f float64) []byte {
	const (
		digits   = 17
		exactMax = 1e17 // integers from here on have an exponent
	)
	switch {
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case f != 0 && f == math.Trunc(f) && math.Abs(f) < exactMax:
		return strconv.AppendInt(dst, int64(f), 10)
	}
	return strconv.AppendFloat(dst, f, 'g', digits, 64)
}

// appendError writes an error on one line: CR and LF inside the text would end the reply early.
func appendError(dst, msg []byte) []byte {
	dst = append(dst, '-')
	for _, c := range msg {
		if c == '\r' || c == '\n' {
			c = ' '
		}
		dst = append(dst, c)
	}
	return append(dst, '\r', '\n')
}

func appendNull(dst []byte, p Protocol, old string) []byte {
	if p == RESP3 {
		return append(dst, "_\r\n"...)
	}
	return append(dst, old...)
}

// view reads a string's bytes without a copy; replies are never written to.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

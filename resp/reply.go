package resp

import "slices"

// Limits of a Reply.
const (
	replyKeepMax = 1 << 20 // bytes of the largest buffer that it keeps for the next
	replyItem    = 24      // bytes that a value is thought to take, for room to begin with
)

// Reply is a long reply in the making, encoded value by value: as a tree of Values, LRANGE of 600 items would take
// 40 KB of them first, and twice the time. What is begun with a count is for the caller to fill with so many values.
//
//	r.Reset(RESP3)
//	r.Map(1); r.Bulk("field"); r.Bulk("value")
//	return r.Value()
//
// It encodes for the connection at once, so only a handler that knows the protocol may use it.
type Reply struct {
	buf []byte
	p   Protocol
}

// Reset begins another reply in the buffer of the last one, whose Value is no longer good.
func (r *Reply) Reset(p Protocol) {
	if r.p, r.buf = p, r.buf[:0]; cap(r.buf) > replyKeepMax {
		r.buf = nil
	}
}

// Value is the reply, good until Reset.
func (r *Reply) Value() Value { return Raw(r.buf) }

// Array begins an array of n values.
func (r *Reply) Array(n int) { r.head('*', n) }

// Set begins a set of n values.
func (r *Reply) Set(n int) {
	if r.p == RESP3 {
		r.head('~', n)
	} else {
		r.head('*', n)
	}
}

// Map begins a map of n pairs of values.
func (r *Reply) Map(n int) {
	if r.p == RESP3 {
		r.head('%', n)
	} else {
		r.head('*', 2*n)
	}
}

func (r *Reply) head(mark byte, n int) {
	r.buf = AppendHeader(slices.Grow(r.buf, min(n*replyItem, replyKeepMax)), mark, n)
}

// Bulk adds a bulk string, which it copies.
func (r *Reply) Bulk(b []byte) { r.buf = AppendBulk(r.buf, b) }

// Double adds a double.
func (r *Reply) Double(f float64) { r.buf = AppendDouble(r.buf, f, r.p) }

// AppendBulk writes a bulk string.
func AppendBulk(dst, b []byte) []byte {
	switch n := len(b); {
	case n < 10:
		dst = append(dst, '$', '0'+byte(n), '\r', '\n')
	case n < 100:
		dst = append(dst, '$', '0'+byte(n/10), '0'+byte(n%10), '\r', '\n')
	default:
		dst = AppendHeader(dst, '$', n)
	}
	dst = append(dst, b...)
	return append(dst, '\r', '\n')
}

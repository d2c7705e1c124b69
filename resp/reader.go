package resp

import (
	"bytes"
	"cmp"
	"errors"
	"unsafe"
)

// The parser here is our own, not redcon.ReadNextCommand, which differs from Redis where clients can
// tell: it scans an incomplete request from its first byte at each call (quadratic on a large one that
// comes in pieces), allocates for each word of an inline command, knows no limits and no escapes, takes
// '$' at the start of a line for Tile38's protocol, refuses negative counts and line ends other than
// CR LF, accepts leading zeros, and panics on a negative bulk length.

// Limits of requests from clients that have not authenticated, as in Redis.
const (
	unauthenticatedArgsMax = 10
	unauthenticatedBulkMax = 16 * 1024
)

// argsKeptMax bounds the room for arguments that a Reader keeps from one request to the next, so that
// a connection that once sent a million of them does not hold their memory for ever.
const argsKeptMax = 1024

// bulkMin is the length of the shortest argument on the wire: "$0\r\n\r\n".
const bulkMin = 6

// lineEnd is how many bytes end a header or a bulk. Redis looks for CR alone and skips two bytes.
const lineEnd = 2

// Limits that no directive changes, as in Redis; and those of its directives when they are not set.
const (
	inlineMax    = 64 << 10
	multibulkMax = 1<<31 - 1
	bulkMax      = 512 << 20
	queryMax     = 1 << 30
)

// Limits bound a request. All are inclusive, and zero is Redis' own.
type Limits struct {
	MaxBulk      int64 // bytes of one argument: proto-max-bulk-len
	MaxInline    int   // bytes of an inline command, or of a count's line
	MaxMultibulk int   // arguments of one request
	Query        int64 // bytes of a whole request as sent: client-query-buffer-limit
}

func (l *Limits) bulk() int64    { return cmp.Or(l.MaxBulk, bulkMax) }
func (l *Limits) inline() int    { return cmp.Or(l.MaxInline, inlineMax) }
func (l *Limits) multibulk() int { return cmp.Or(l.MaxMultibulk, multibulkMax) }
func (l *Limits) query() int64   { return cmp.Or(l.Query, queryMax) }

// A ProtocolError ends the connection after it is sent as an error reply.
type ProtocolError string

func (e ProtocolError) Error() string { return string(e) }

// Errors of requests that cannot be read any further.
const (
	errInlineLong   ProtocolError = "ERR Protocol error: too big inline request"
	errQuotes       ProtocolError = "ERR Protocol error: unbalanced quotes in request"
	errCountLong    ProtocolError = "ERR Protocol error: too big mbulk count string"
	errCount        ProtocolError = "ERR Protocol error: invalid multibulk length"
	errCountNoAuth  ProtocolError = "ERR Protocol error: unauthenticated multibulk length"
	errLengthLong   ProtocolError = "ERR Protocol error: too big bulk count string"
	errLength       ProtocolError = "ERR Protocol error: invalid bulk length"
	errLengthNoAuth ProtocolError = "ERR Protocol error: unauthenticated bulk length"
)

// ErrQuery is a request beyond Limits.Query. As in Redis the connection ends without a reply.
var ErrQuery = errors.New("resp: request exceeds client-query-buffer-limit")

// span is where an argument lies, from the first byte of its request.
type span struct{ from, to int }

// Reader takes requests apart. There is one per connection. Between calls it keeps what it learned of
// an incomplete request, as offsets and not as slices, since the bytes may have moved when more come:
//
//	"*2\r\n$3\r\nGET\r\n$100\r\nab"  gives  pos 22 (behind "$100\r\n"), left 1, bulk 100, spans [8 11]
//
// so each byte is looked at once, however many pieces it came in. The zero Reader is ready.
type Reader struct {
	pos     int  // offset behind what was understood; in a line, behind what holds no line end
	left    int  // arguments yet to come; 0 is before the count's line
	bulk    int  // length of the argument being read, if inBulk
	inBulk  bool // behind an argument's "$n\r\n"
	scanned int  // bytes behind pos known to hold no line end
	want    int
	spans   []span
	args    [][]byte
}

// Next takes the first request off buf. It returns the arguments and n, the bytes they took; with n 0
// and no error the request is incomplete, and the next call must be given the same bytes and more.
// An empty line and a count of zero or less are taken with no arguments.
//
// The arguments alias buf, or memory of their own where an inline command has quotes. The slice that holds
// them is the Reader's, and good until Next is called again. Calling Next again with the bytes just taken
// gives the same request. An error is a ProtocolError or ErrQuery, after which the Reader and the
// connection are of no use.
func (r *Reader) Next(buf []byte, lim *Limits, authenticated bool) (args [][]byte, n int, err error) {
	if len(buf) == 0 {
		r.want = 1
		return nil, 0, nil
	}
	if buf[0] == '*' {
		args, n, err = r.multibulk(buf, lim, authenticated)
	} else {
		args, n, err = r.inline(buf, lim)
	}
	if err == nil && n == 0 && int64(r.want) > lim.query() || int64(n) > lim.query() {
		return nil, 0, ErrQuery
	}
	return args, n, err
}

// Want is how many bytes an incomplete request has at least, from its first; calling Next with fewer
// is of no use. It is good after a call of Next that found a request incomplete.
func (r *Reader) Want() int { return r.want }

// Room is how many bytes the Reader takes for arguments' places, beside the buffer that they alias.
func (r *Reader) Room() int {
	return cap(r.args)*int(unsafe.Sizeof([]byte{})) + cap(r.spans)*int(unsafe.Sizeof(span{}))
}

// Reset forgets an incomplete request and the room for arguments.
func (r *Reader) Reset() { *r = Reader{} }

func (r *Reader) multibulk(buf []byte, lim *Limits, authenticated bool) ([][]byte, int, error) {
	if r.pos == 0 && r.scanned == 0 {
		if n := r.whole(buf, lim); n > 0 {
			r.pos = n
			args := r.args
			return args, r.take(), nil
		}
		r.args = r.args[:0]
	}
	if r.left == 0 {
		count, ok, err := r.count(buf, lim, authenticated)
		if !ok || err != nil {
			return nil, 0, err
		}
		if count <= 0 {
			return nil, r.take(), nil
		}
		r.left = count
	}
	for r.left > 0 {
		if !r.inBulk {
			if ok, err := r.length(buf, lim, authenticated); !ok || err != nil {
				return nil, 0, err
			}
		}
		end := r.pos + r.bulk
		if len(buf) < end+lineEnd {
			r.want = end + lineEnd + (r.left-1)*bulkMin
			return nil, 0, nil
		}
		r.spans = append(r.spans, span{r.pos, end})
		r.pos, r.inBulk = end+lineEnd, false
		r.left--
	}
	for _, s := range r.spans {
		r.args = append(r.args, buf[s.from:s.to:s.to])
	}
	args := r.args
	return args, r.take(), nil
}

// whole reads the common case, a small request that is all there and has nothing odd, at less than half
// of what the rest of this file takes. It gives its length, or 0 if it is not such a request, in which
// case nothing is known and args holds rubbish.
func (r *Reader) whole(buf []byte, lim *Limits) int {
	count, i := shortCount(buf, 1)
	if count < 1 || count > min(unauthenticatedArgsMax, lim.multibulk()) {
		return 0
	}
	longest := int(min(unauthenticatedBulkMax, lim.bulk()))
	for range count {
		if i >= len(buf) || buf[i] != '$' {
			return 0
		}
		n, from := shortCount(buf, i+1)
		if n < 0 || n > longest || from+n+lineEnd > len(buf) {
			return 0
		}
		r.args = append(r.args, buf[from:from+n:from+n])
		i = from + n + lineEnd
	}
	return i
}

// shortCount reads the digits at i and the line end behind them; -1 if there is anything else, or too many.
func shortCount(buf []byte, i int) (n, next int) {
	const digitsMax = 5
	start := i
	for ; i < len(buf) && i <= start+digitsMax; i++ {
		c := buf[i]
		if c == '\r' {
			if i == start || buf[start] == '0' && i > start+1 {
				return -1, 0
			}
			return n, i + lineEnd
		}
		if c < '0' || c > '9' {
			return -1, 0
		}
		n = n*10 + int(c-'0')
	}
	return -1, 0
}

// count reads the line "*n".
func (r *Reader) count(buf []byte, lim *Limits, authenticated bool) (count int, ok bool, err error) {
	line, ok, err := r.line(buf, lim, errCountLong)
	if !ok || err != nil {
		return 0, false, err
	}
	n, ok := parseCount(line[1:])
	switch {
	case !ok || n > int64(lim.multibulk()):
		return 0, false, errCount
	case n > unauthenticatedArgsMax && !authenticated:
		return 0, false, errCountNoAuth
	}
	return int(n), true, nil
}

// length reads the line "$n".
func (r *Reader) length(buf []byte, lim *Limits, authenticated bool) (ok bool, err error) {
	start := r.pos
	line, ok, err := r.line(buf, lim, errLengthLong)
	if !ok || err != nil {
		r.want = max(r.want, start+r.left*bulkMin)
		return false, err
	}
	if len(line) == 0 || line[0] != '$' {
		return false, ProtocolError("ERR Protocol error: expected '$', got '" + string(buf[start:start+1]) + "'")
	}
	n, ok := parseCount(line[1:])
	switch {
	case !ok || n < 0 || n > lim.bulk():
		return false, errLength
	case n > unauthenticatedBulkMax && !authenticated:
		return false, errLengthNoAuth
	}
	r.bulk, r.inBulk = int(n), true
	return true, nil
}

// line is the header line at pos without its end, if it is all there; long is the error if it is beyond
// bounds. Redis finds its end with strchr, so that a NUL hides it; that is kept, and the bound makes it an
// error in time.
func (r *Reader) line(buf []byte, lim *Limits, long error) (line []byte, ok bool, err error) {
	rest := buf[r.pos:min(len(buf), r.pos+lim.inline()+1)]
	i := r.scanned
	for i < len(rest) && rest[i] != '\r' && rest[i] != 0 {
		i++
	}
	r.scanned = i
	switch {
	case i < len(rest) && rest[i] == '\r':
		if r.want = r.pos + i + lineEnd; r.want > len(buf) {
			return nil, false, nil
		}
		r.pos, r.scanned = r.want, 0
		return rest[:i], true, nil
	case len(rest) > lim.inline():
		return nil, false, long
	}
	r.want = len(buf) + 1
	return nil, false, nil
}

// take ends a request and tells its length.
func (r *Reader) take() int {
	n := r.pos
	r.pos, r.left, r.scanned, r.want = 0, 0, 0, 0
	if cap(r.args) > argsKeptMax {
		r.args, r.spans = nil, nil
	}
	r.args, r.spans = r.args[:0], r.spans[:0]
	return n
}

// inline reads a command typed as a line. A NUL hides the end of the line, as for a header.
func (r *Reader) inline(buf []byte, lim *Limits) ([][]byte, int, error) {
	rest := buf[:min(len(buf), lim.inline()+1)]
	end := bytes.IndexByte(rest[r.scanned:], '\n')
	if end >= 0 {
		end += r.scanned
	}
	if end < 0 || bytes.IndexByte(rest[:end], 0) >= 0 {
		if len(buf) > lim.inline() {
			return nil, 0, errInlineLong
		}
		if end < 0 {
			r.scanned = len(rest)
		}
		r.want = len(buf) + 1
		return nil, 0, nil
	}
	r.pos = end + 1
	line := rest[:end]
	if end > 0 && line[end-1] == '\r' {
		line = line[:end-1]
	}
	if bytes.ContainsAny(line, `"'`) {
		line = bytes.Clone(line) // what is taken may be read again, so its quotes stay
	}
	args, ok := appendWords(r.args, line)
	if !ok {
		return nil, 0, errQuotes
	}
	r.args = args
	return args, r.take(), nil
}

// parseCount reads what Redis' string2ll reads: an optional minus, no plus, no leading zeros, no spaces.
func parseCount(b []byte) (int64, bool) {
	const digitsMax = 19 // of an int64; one that is beyond it with as many is negative after the loop
	negative := len(b) > 1 && b[0] == '-'
	digits := b
	if negative {
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > digitsMax || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	if n > 1<<63-1 {
		return -1 << 63, negative && n == 1<<63
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

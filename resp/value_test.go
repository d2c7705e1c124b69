package resp

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"testing"
)

// decode reads one value as a client would and gives it back written out; it fails the test on anything
// that is not RESP of protocol p.
func decode(t *testing.T, b []byte, p Protocol) (shown string, rest []byte) {
	t.Helper()
	end := bytes.Index(b, []byte("\r\n"))
	if end < 1 {
		t.Fatalf("no line in %q", b)
	}
	mark, line, rest := b[0], string(b[1:end]), b[end+2:]
	if p == RESP2 && bytes.IndexByte([]byte("+-:$*"), mark) < 0 {
		t.Fatalf("RESP2 has no %q", b)
	}
	switch mark {
	case '+', '-', ':', ',', '#', '(', '_':
		return string(mark) + line, rest
	}
	n, err := strconv.Atoi(line)
	if err != nil {
		t.Fatalf("bad length in %q", b)
	}
	switch mark {
	case '$', '=':
		if n < 0 {
			return "null", rest
		}
		if string(rest[n:n+2]) != "\r\n" {
			t.Fatalf("bulk of %d does not end: %q", n, rest)
		}
		return fmt.Sprintf("%c%q", mark, rest[:n]), rest[n+2:]
	case '*', '~', '>', '%':
		shown = string(mark) + "["
		if mark == '%' {
			n *= 2
		}
		for range n {
			var item string
			item, rest = decode(t, rest, p)
			shown += item + " "
		}
		return shown + "]", rest
	}
	t.Fatalf("unknown mark in %q", b)
	return "", nil
}

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		v            Value
		resp2, resp3 string
	}{
		{None, "", ""},
		{Null(), "$-1\r\n", "_\r\n"},
		{NullArray(), "*-1\r\n", "_\r\n"},
		{OK(), "+OK\r\n", "+OK\r\n"},
		{Error("ERR a\r\nb"), "-ERR a  b\r\n", "-ERR a  b\r\n"},
		{Int(math.MinInt64), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"},
		{Bulk(nil), "$0\r\n\r\n", "$0\r\n\r\n"},
		{BulkString("a\r\n"), "$3\r\na\r\n\r\n", "$3\r\na\r\n\r\n"},
		{Array(), "*0\r\n", "*0\r\n"},
		{Map(BulkString("k"), Int(1)), "*2\r\n$1\r\nk\r\n:1\r\n", "%1\r\n$1\r\nk\r\n:1\r\n"},
		{Set(Int(1)), "*1\r\n:1\r\n", "~1\r\n:1\r\n"},
		{Push(Int(1)), "*1\r\n:1\r\n", ">1\r\n:1\r\n"},
		{Double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n"},
		{Double(math.Inf(-1)), "$4\r\n-inf\r\n", ",-inf\r\n"},
		{Bool(true), ":1\r\n", "#t\r\n"},
		{Bool(false), ":0\r\n", "#f\r\n"},
		{BigNumber("12345678901234567890"), "$20\r\n12345678901234567890\r\n", "(12345678901234567890\r\n"},
		{Verbatim("hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"},
		{Raw([]byte(":7\r\n")), ":7\r\n", ":7\r\n"},
		{Array(Null(), NullArray(), Map()), "*3\r\n$-1\r\n*-1\r\n*0\r\n", "*3\r\n_\r\n_\r\n%0\r\n"},
	} {
		if got := string(c.v.Append(nil, RESP2)); got != c.resp2 {
			t.Errorf("RESP2: %q, want %q", got, c.resp2)
		}
		if got := string(c.v.Append(nil, RESP3)); got != c.resp3 {
			t.Errorf("RESP3: %q, want %q", got, c.resp3)
		}
	}
}

// grow makes a value out of bytes, one byte choosing each node, and what decode should show of it.
type grow struct {
	src   []byte
	depth int
}

func (g *grow) next() int {
	if len(g.src) == 0 {
		return 0
	}
	c := g.src[0]
	g.src = g.src[1:]
	return int(c)
}

func (g *grow) text() []byte {
	n := min(g.next()%8, len(g.src))
	s := g.src[:n]
	g.src = g.src[n:]
	return s
}

func (g *grow) list(kinds int) (values []Value, shown string) {
	if g.depth++; g.depth > 5 {
		return nil, ""
	}
	for range g.next() % 4 * kinds {
		v, s := g.value()
		values, shown = append(values, v), shown+s+" "
	}
	g.depth--
	return values, shown
}

// value shows a value as RESP3 has it.
func (g *grow) value() (Value, string) {
	switch g.next() % 11 {
	case 0:
		return Null(), "_"
	case 1:
		n := int64(g.next()) - 128
		return Int(n), fmt.Sprintf(":%d", n)
	case 2:
		s := g.text()
		return Bulk(s), fmt.Sprintf("$%q", s)
	case 3:
		s := g.text()
		return Verbatim(string(s)), fmt.Sprintf("=%q", append([]byte("txt:"), s...))
	case 4:
		f := float64(g.next()) / 8
		return Double(f), "," + strconv.FormatFloat(f, 'f', -1, 64)
	case 5:
		return Bool(true), "#t"
	case 6:
		l, s := g.list(1)
		return Array(l...), "*[" + s + "]"
	case 7:
		l, s := g.list(2)
		return Map(l...), "%[" + s + "]"
	case 8:
		l, s := g.list(1)
		return Set(l...), "~[" + s + "]"
	case 9:
		s := bytes.Map(func(r rune) rune {
			if r == '\r' || r == '\n' {
				return ' '
			}
			return r
		}, bytes.ToValidUTF8(g.text(), nil))
		return Error(string(s)), "-" + string(s)
	}
	return BigNumber("123"), "(123"
}

func FuzzAppend(f *testing.F) {
	f.Add([]byte{6, 3, 7, 1, 2, 3, 'a', '\r', '\n', 1, 5, 8, 2, 4, 12, 0})
	f.Add([]byte{9, 4, 'E', 'R', '\n', 'x'})
	f.Fuzz(func(t *testing.T, src []byte) {
		v, want := (&grow{src: src}).value()
		got, rest := decode(t, v.Append(nil, RESP3), RESP3)
		if got != want || len(rest) > 0 {
			t.Errorf("%s and %q left, want %s", got, rest, want)
		}
		if _, rest := decode(t, v.Append(nil, RESP2), RESP2); len(rest) > 0 {
			t.Errorf("RESP2: %q left behind", rest)
		}
	})
}

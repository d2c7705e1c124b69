package resp

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/redcon"
)

// smallLimits let short inputs reach every bound.
func smallLimits() *Limits {
	return &Limits{MaxBulk: 40, MaxInline: 24, MaxMultibulk: 12, Query: 120}
}

// slowNext is the rival of Reader.Next: it sees everything at once and keeps nothing.
func slowNext(s string, lim *Limits, authenticated bool) (args []string, n int, err error) {
	args, rest, err := slowRequest(s, lim, authenticated)
	switch {
	case errors.Is(err, errMore):
		if int64(len(s)) >= lim.Query {
			return nil, 0, ErrQuery
		}
		return nil, 0, nil
	case err == nil && int64(len(s)-len(rest)) > lim.Query:
		return nil, 0, ErrQuery
	}
	return args, len(s) - len(rest), err
}

var errMore = errors.New("more bytes are needed")

func slowRequest(s string, lim *Limits, authenticated bool) (args []string, rest string, err error) {
	if s == "" {
		return nil, s, errMore
	}
	if s[0] != '*' {
		line, rest, err := slowLine(s, "\n", 1, lim, errInlineLong)
		if err != nil {
			return nil, s, err
		}
		args, ok := slowWords(strings.TrimSuffix(line, "\r"))
		if !ok {
			return nil, s, errQuotes
		}
		return args, rest, nil
	}
	line, rest, err := slowLine(s, "\r", 2, lim, errCountLong)
	if err != nil {
		return nil, s, err
	}
	count, ok := slowInt(line[1:])
	if !ok || count > int64(lim.MaxMultibulk) {
		return nil, s, errCount
	}
	if count > 10 && !authenticated {
		return nil, s, errCountNoAuth
	}
	for range count {
		var arg string
		if arg, rest, err = slowBulk(rest, lim, authenticated); err != nil {
			return nil, s, err
		}
		args = append(args, arg)
	}
	return args, rest, nil
}

func slowBulk(s string, lim *Limits, authenticated bool) (arg, rest string, err error) {
	line, rest, err := slowLine(s, "\r", 2, lim, errLengthLong)
	if err != nil {
		return "", s, err
	}
	if line == "" || line[0] != '$' {
		return "", s, ProtocolError("ERR Protocol error: expected '$', got '" + s[:1] + "'")
	}
	n, ok := slowInt(line[1:])
	switch {
	case !ok || n < 0 || n > lim.MaxBulk:
		return "", s, errLength
	case n > 16384 && !authenticated:
		return "", s, errLengthNoAuth
	case len(rest) < int(n)+2:
		return "", s, errMore
	}
	return rest[:n], rest[n+2:], nil
}

func slowLine(s, end string, skip int, lim *Limits, long error) (line, rest string, err error) {
	i := strings.IndexAny(s, end+"\x00")
	switch {
	case (i < 0 || s[i] == 0) && len(s) > lim.MaxInline, i > lim.MaxInline:
		return "", s, long
	case i < 0 || s[i] == 0 || i+skip > len(s):
		return "", s, errMore
	}
	return s[:i], s[i+skip:], nil
}

func slowInt(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == s
}

// slowWords splits a line one byte at a time by what it is in.
func slowWords(s string) (words []string, ok bool) {
	const blanks = " \t\n\v\f\r"
	word, in, open := "", byte(0), false
	for i := 0; i < len(s); i++ {
		c, tail := s[i], s[i+1:]
		switch {
		case !open && strings.IndexByte(blanks, c) >= 0:
		case !open, open && in == 0:
			open = true
			switch {
			case c == '"' || c == '\'':
				in = c
			case strings.IndexByte(" \t\n\r", c) >= 0:
				words, word, open = append(words, word), "", false
			default:
				word += string(s[i : i+1])
			}
		case c == in:
			if tail != "" && strings.IndexByte(blanks, tail[0]) < 0 {
				return nil, false
			}
			words, word, open, in = append(words, word), "", false, 0
		case c == '\\' && in == '\'' && strings.HasPrefix(tail, "'"):
			word += "'"
			i++
		case c == '\\' && in == '"' && tail != "":
			if b, err := strconv.ParseUint(tail[1:min(3, len(tail))], 16, 8); tail[0] == 'x' && len(tail) > 2 && err == nil {
				word += string([]byte{byte(b)})
				i += 3
				continue
			}
			if j := strings.IndexByte("nrtba", tail[0]); j >= 0 {
				word += "\n\r\t\b\a"[j : j+1]
			} else {
				word += tail[:1]
			}
			i++
		default:
			word += s[i : i+1]
		}
	}
	if in != 0 {
		return nil, false
	}
	if open {
		words = append(words, word)
	}
	return words, true
}

// slowAll is what slowNext makes of all requests in s: each on a line, then the error if any.
func slowAll(s string, lim *Limits, authenticated bool) (all string) {
	for {
		args, n, err := slowNext(s, lim, authenticated)
		if err != nil {
			return all + err.Error()
		}
		if n == 0 {
			return all
		}
		all += fmt.Sprintf("%q\n", args)
		s = s[n:]
	}
}

// piecesAll gives s to a Reader in pieces as long as cut says, at a new place in memory each time.
func piecesAll(t *testing.T, s string, lim *Limits, authenticated bool, cut func() int) (all string) {
	var r Reader
	var pending []byte
	for {
		args, n, err := r.Next(pending, lim, authenticated)
		if err != nil {
			return all + err.Error()
		}
		if n > 0 {
			all += fmt.Sprintf("%q\n", args)
			pending = bytes.Clone(pending[n:])
			continue
		}
		if r.Want() <= len(pending) {
			t.Fatalf("wants %d bytes and has %d: %q", r.Want(), len(pending), pending)
		}
		if s == "" {
			return all
		}
		piece := min(cut(), len(s))
		pending = append(bytes.Clone(pending), s[:piece]...)
		s = s[piece:]
	}
}

// checkPieces compares the Reader with its rival on s, cut at random.
func checkPieces(t *testing.T, s string, seed uint64) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, authenticated := range []bool{true, false} {
		for _, most := range []int{1, 3, 20, len(s) + 1} {
			got := piecesAll(t, s, smallLimits(), authenticated, func() int { return 1 + rnd.IntN(most) })
			want := slowAll(s, smallLimits(), authenticated)
			if strings.HasSuffix(got, ErrQuery.Error()) { // as soon as it is known, which the rival does not see
				got, want = commandsOf(got), commandsOf(want)
			}
			if got != want {
				t.Fatalf("%q in pieces of up to %d:\n got %s\nwant %s", s, most, got, want)
			}
		}
	}
}

// commandsOf are all lines but an error's.
func commandsOf(all string) string { return all[:strings.LastIndexByte(all, '\n')+1] }

func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n", "get \"a\\x41\\n\" 'b\\''\r\n\r\nx\n", "*0\r\n*-1\r\n",
		"*1\r\n$41\r\n", "*13\r\n", "*11\r\n", "*1\r\n+", "*1\x00", "a\x00\n", "*3\r\n$40\r\n", "\"a\"b\r\n", "*1\r\n$00\r\n",
	} {
		f.Add(s, uint64(1))
	}
	f.Fuzz(checkPieces)
}

// TestPieces runs the fuzz target on requests that are nearly right, which chance alone seldom finds.
func TestPieces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	parts := []string{
		"*1\r\n", "*2\r\n", "*3\r\n", "*0\r\n", "*12\r\n", "$1\r\na\r\n", "$3\r\nGET\r\n", "$0\r\n\r\n", "$10\r\n0123456789\r\n",
		"$40\r\n" + strings.Repeat("y", 40) + "\r\n", "$-1\r\n", "$41\r\n", "get a\r\n", "\"\\x41\\", "'a\\' '", "\n", "\r", "\x00", "$", "*", "1",
	}
	for i := range 4000 {
		s := ""
		for range 1 + rnd.IntN(12) {
			s += parts[rnd.IntN(len(parts))]
		}
		checkPieces(t, s, uint64(i))
	}
}

// TestWantOfHugeRequest counts the calls and the bytes a large argument takes when its reader is obeyed.
func TestWantOfHugeRequest(t *testing.T) {
	const size = 100_000
	request := AppendHeader(nil, '*', 3)
	for _, arg := range []string{"SET", "k", strings.Repeat("v", size)} {
		request = Bulk([]byte(arg)).Append(request, RESP2)
	}
	var r Reader
	have := 1
	for calls := 1; ; calls++ {
		args, n, err := r.Next(request[:have], &Limits{}, true)
		if err != nil {
			t.Fatal(err)
		}
		if n == len(request) && len(args) == 3 && len(args[2]) == size {
			return
		}
		if r.Want() > len(request) {
			t.Fatalf("wants %d bytes of %d", r.Want(), len(request))
		}
		have = r.Want()
		if calls > 20 {
			t.Fatalf("%d calls for %d bytes", calls, have)
		}
	}
}

// TestManyArgumentsInPieces would take minutes if an incomplete request were read from its start again.
func TestManyArgumentsInPieces(t *testing.T) {
	const count = 200_000
	request := AppendHeader(nil, '*', count)
	for range count {
		request = append(request, "$1\r\na\r\n"...)
	}
	var r Reader
	for have := 1; ; have += 10 {
		args, n, err := r.Next(request[:min(have, len(request))], &Limits{}, true)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			if n != len(request) || len(args) != count || have < len(request) {
				t.Fatalf("%d arguments in %d bytes of %d, given %d", len(args), n, len(request), have)
			}
			break
		}
	}
	if cap(r.args) > argsKeptMax || cap(r.spans) > argsKeptMax {
		t.Errorf("room for %d arguments is kept", cap(r.args))
	}
}

func TestQueryLimit(t *testing.T) {
	lim := &Limits{Query: 30}
	for _, c := range []struct {
		sent string
		err  error
	}{
		{"*1\r\n$20\r\n01234567890123456789\r\n", ErrQuery}, // 31 bytes
		{"*1\r\n$19\r\n0123456789012345678\r\n", nil},       // 30
		{"*1\r\n$21\r\n", ErrQuery},                         // can only become more
		{"*5\r\n", ErrQuery},                                // five arguments take 30 bytes behind these
		{"*4\r\n", nil},
		{strings.Repeat("a", 29), nil},
		{strings.Repeat("a", 30), ErrQuery},
	} {
		var r Reader
		if _, _, err := r.Next([]byte(c.sent), lim, true); !errors.Is(err, c.err) {
			t.Errorf("%q: %v, want %v", c.sent, err, c.err)
		}
	}
}

// TestReadTwice takes a request again, as for a command that was parked.
func TestReadTwice(t *testing.T) {
	for _, sent := range []string{"set \"a b\" 'c'\r\n", "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"} {
		var r Reader
		buf := []byte(sent)
		args, n, _ := r.Next(buf, &Limits{}, true)
		first := fmt.Sprintf("%q", args)
		args, again, err := r.Next(buf, &Limits{}, true)
		if second := fmt.Sprintf("%q", args); second != first || again != n || err != nil {
			t.Errorf("%s in %d bytes, then %s in %d, %v", first, n, second, again, err)
		}
	}
}

func TestReaderDoesNotAllocate(t *testing.T) {
	lim := &Limits{}
	for _, sent := range []string{"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n", "set a b\r\n"} {
		var r Reader
		buf := []byte(sent)
		if n := testing.AllocsPerRun(100, func() {
			r.Next(buf[:len(buf)-3], lim, true)
			r.Next(buf, lim, true)
		}); n != 0 {
			t.Errorf("%q: %v allocations", sent, n)
		}
	}
}

// BenchmarkReader reads pipelined SETs, ours beside redcon's parser.
func BenchmarkReader(b *testing.B) {
	one := []byte("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$3\r\nxxx\r\n")
	buf := slices.Concat(one, one, one, one, one, one, one, one, one, one)
	b.Run("reader", func(b *testing.B) {
		lim := &Limits{}
		var r Reader
		for i := 0; b.Loop(); i++ {
			if _, n, _ := r.Next(buf[i%10*len(one):], lim, true); n != len(one) {
				b.Fatal(n)
			}
		}
	})
	b.Run("redcon", func(b *testing.B) {
		var args [][]byte
		for i := 0; b.Loop(); i++ {
			complete, got, _, _, err := redcon.ReadNextCommand(buf[i%10*len(one):], args)
			if !complete || err != nil {
				b.Fatal(err)
			}
			args = got
		}
	})
}

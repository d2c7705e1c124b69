package glob

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/internal/redistest"
)

// cases are the odd corners. TestLikeRedis asks a real server about each of them.
var cases = []struct {
	pattern, s string
	want       bool
}{
	{"", "", true},
	{"", "a", false},
	{"*", "", true}, // KEYS * lists the key with the empty name
	{"**", "", false},
	{"*", "abc", true},
	{"**", "a", true},
	{"a*", "a", true},
	{"a**", "a", true},
	{"a*b", "ab", true},
	{"a*b", "axxb", true},
	{"a*b", "axxbc", false},
	{"*a*b*", "xxaxxbxx", true},
	{"h?llo", "hello", true},
	{"h?llo", "hllo", false},
	{"?", "", false},
	{"*?", "", false},
	{"*?", "a", true},
	{"?*?", "a", false},
	{"h[ae]llo", "hallo", true},
	{"h[ae]llo", "hillo", false},
	{"h[^e]llo", "hallo", true},
	{"h[^e]llo", "hello", false},
	{"h[a-c]llo", "hbllo", true},
	{"h[c-a]llo", "hbllo", true},
	{"h[a-c]llo", "hdllo", false},
	{"[abc", "a", true},
	{"[abc", "d", false},
	{"[", "[", false},
	{"[", "a", false},
	{"[^", "a", true},
	{"a[^", "a", false},
	{"[]", "a", false},
	{"[]a", "a", false},
	{"[^]", "a", true},
	{"[^]a", "xa", true},
	{"[a-", "-", true},
	{"[a-", "a", true},
	{"[a-]", "-", false}, // the range ] to a, never closed
	{"[a-]", "^", true},
	{"[a-]b", "b", true},
	{"[-a]", "-", true},
	{`[\]]`, "]", true},
	{`[\]`, "]", true},
	{`[\`, `\`, true},
	{`[a\-z]`, "b", false},
	{`[a\-z]`, "-", true},
	{"[^^]", "^", false},
	{"[a^]", "^", true},
	{`\`, `\`, true},
	{`a\`, `a\`, true},
	{`\*`, "*", true},
	{`\*`, "a", false},
	{`\a`, "a", true},
	{`\\`, `\`, true},
	{"*[b-d]", "xxc", true},
	{"*\\", "x\\", true},
	{"[a-c-e]", "d", false},
	{"[a-c-e]", "-", true},
	{"]", "]", true},
	{"-", "-", true},
	{"^a", "^a", true},
	{"a*a*a*a*b", "aaaaaaaaaaaaaaaa", false},
	{"*foo*bar", "foobarfoobar", true},
	{"\x00*", "\x00a", true},
	{"[\x80-\xff]", "\xaa", true},
}

func TestMatch(t *testing.T) {
	for _, c := range cases {
		if got := Match([]byte(c.pattern), []byte(c.s)); got != c.want {
			t.Errorf("Match(%q, %q) = %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
}

func TestMatchFold(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"MAX*", "maxmemory", true},
		{"max[A-Z]*", "maxmemory", true},
		{"[M]ax", "max", true},
		{`[\M]ax`, "max", false},
		{`\Max`, "max", true},
		{"[a-Z]", "b", false},
		{"é", "É", false},
	} {
		if got := MatchFold([]byte(c.pattern), []byte(c.s)); got != c.want {
			t.Errorf("MatchFold(%q, %q) = %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
}

// A pattern of many stars against a long string that does not match: an exponential matcher never comes back.
func TestManyStars(t *testing.T) {
	pattern := append(bytes.Repeat([]byte("a*"), 200), 'b')
	if Match(pattern, bytes.Repeat([]byte("a"), 10_000)) {
		t.Error("a*a*...b matches a run of a")
	}
	if pattern[len(pattern)-1] = 'a'; !Match(pattern, bytes.Repeat([]byte("a"), 10_000)) {
		t.Error("a*a*...a does not match a run of a")
	}
}

func TestLiteralPrefix(t *testing.T) {
	for _, c := range []struct {
		pattern, prefix string
		exact           bool
	}{
		{"", "", true},
		{"user:1", "user:1", true},
		{"user:*", "user:", false},
		{"*", "", false},
		{"a?b", "a", false},
		{"a[b]", "a", false},
		{`a\*b*`, "a*b", false},
		{`a\*b`, "a*b", true},
		{`a\`, `a\`, true},
		{`\`, `\`, true},
		{`\\*`, `\`, false},
	} {
		prefix, exact := LiteralPrefix([]byte(c.pattern))
		if string(prefix) != c.prefix || exact != c.exact {
			t.Errorf("LiteralPrefix(%q) = %q, %v, want %q, %v", c.pattern, prefix, exact, c.prefix, c.exact)
		}
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	pattern, s := []byte("user:[0-9]*:*name"), []byte("user:1234:first-name")
	if n := testing.AllocsPerRun(100, func() { Match(pattern, s) }); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
}

// naive tries every split at every star. It tells what matches; its cost is what Match avoids.
func naive(pattern, s []byte, fold bool) bool {
	if len(pattern) == 0 {
		return len(s) == 0
	}
	if pattern[0] == '*' {
		for i := 0; i <= len(s); i++ {
			if naive(pattern[1:], s[i:], fold) {
				return true
			}
		}
		return false
	}
	if len(s) == 0 {
		return false
	}
	element, rest := naiveElement(pattern)
	return (element(s[0]) || fold && element(flip(s[0]))) && naive(rest, s[1:], fold)
}

// naiveElement turns the first element into a set of bytes. With folding, a byte matches when it or its other case is in the set;
// that differs from Redis for ranges and escapes in classes, where the fuzzer therefore does not fold.
func naiveElement(pattern []byte) (func(byte) bool, []byte) {
	switch {
	case pattern[0] == '?':
		return func(byte) bool { return true }, pattern[1:]
	case pattern[0] == '\\' && len(pattern) > 1:
		return func(b byte) bool { return b == pattern[1] }, pattern[2:]
	case pattern[0] != '[':
		return func(b byte) bool { return b == pattern[0] }, pattern[1:]
	}
	rest := pattern[1:]
	negated := len(rest) > 0 && rest[0] == '^'
	if negated {
		rest = rest[1:]
	}
	var set [256]bool
	for len(rest) > 0 && rest[0] != ']' {
		if rest[0] == '\\' && len(rest) > 1 {
			set[rest[1]] = true
			rest = rest[2:]
		} else if len(rest) > 2 && rest[1] == '-' {
			for b := int(min(rest[0], rest[2])); b <= int(max(rest[0], rest[2])); b++ {
				set[b] = true
			}
			rest = rest[3:]
		} else {
			set[rest[0]] = true
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		rest = rest[1:]
	}
	return func(b byte) bool { return set[b] != negated }, rest
}

func flip(b byte) byte {
	if ('A' <= b && b <= 'Z') || ('a' <= b && b <= 'z') {
		return b ^ 0x20
	}
	return b
}

func FuzzMatch(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.pattern), []byte(c.s))
	}
	f.Fuzz(func(t *testing.T, pattern, s []byte) {
		if bytes.Count(pattern, []byte("*")) > 6 || len(s) > 30 {
			Match(pattern, s)
			return
		}
		want := naive(pattern, s, false)
		if len(s) == 0 && len(pattern) > 1 {
			want = false
		}
		if got := Match(pattern, s); got != want {
			t.Errorf("Match(%q, %q) = %v, want %v", pattern, s, got, want)
		}
		if !bytes.ContainsRune(pattern, '[') && len(s) > 0 {
			want := naive(pattern, s, true)
			if got := MatchFold(pattern, s); got != want {
				t.Errorf("MatchFold(%q, %q) = %v, want %v", pattern, s, got, want)
			}
		}
		prefix, exact := LiteralPrefix(pattern)
		if want && !bytes.HasPrefix(s, prefix) {
			t.Errorf("%q matches %q, which has not the prefix %q", pattern, s, prefix)
		}
		if exact && want != bytes.Equal(s, prefix) {
			t.Errorf("%q is exactly %q, but its match with %q is %v", pattern, prefix, s, want)
		}
	})
}

// TestRandom is the fuzzer's law on short strings over the letters that matter, where chance meets every rule often.
func TestRandom(t *testing.T) {
	const letters = `ab*?[]^-\c`
	rng := rand.New(rand.NewSource(1))
	word := func(n int, from string) []byte {
		w := make([]byte, rng.Intn(n))
		for i := range w {
			w[i] = from[rng.Intn(len(from))]
		}
		return w
	}
	for range 300_000 {
		pattern, s := word(8, letters), word(6, `abc]-\`)
		want := naive(pattern, s, false) && !(len(s) == 0 && len(pattern) > 1)
		if got := Match(pattern, s); got != want {
			t.Fatalf("Match(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	}
}

// TestLikeRedis asks KEYS of a real server, with the table and with random patterns.
func TestLikeRedis(t *testing.T) {
	ask := redis(t)
	type question struct{ pattern, s string }
	var questions []question
	for _, c := range cases {
		questions = append(questions, question{c.pattern, c.s})
	}
	rng := rand.New(rand.NewSource(2))
	for range 3000 {
		var q question
		for range 1 + rng.Intn(7) {
			q.pattern += string(`ab*?[]^-\c`[rng.Intn(10)])
		}
		for range rng.Intn(5) {
			q.s += string(`abc]-\`[rng.Intn(6)])
		}
		questions = append(questions, q)
	}
	for _, q := range questions {
		ask("FLUSHALL")
		ask("SET", q.s, "x")
		want := ask("KEYS", q.pattern) == "*1"
		if got := Match([]byte(q.pattern), []byte(q.s)); got != want {
			t.Errorf("Match(%q, %q) = %v, Redis says %v", q.pattern, q.s, got, want)
		}
	}
}

// redis starts a redis-server on a unix socket and returns a function that sends a command and returns the first line of the reply.
func redis(t *testing.T) func(args ...string) string {
	t.Helper()
	conn := redistest.Start(t, "--save", "").Dial(t)
	r := bufio.NewReader(conn)
	return func(args ...string) string {
		t.Helper()
		fmt.Fprintf(conn, "*%d\r\n", len(args))
		for _, arg := range args {
			fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(arg), arg)
		}
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		line = strings.TrimRight(line, "\r\n")
		if n, err := strconv.Atoi(strings.TrimPrefix(line, "*")); err == nil {
			for range 2 * n {
				if _, err := r.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
		}
		return line
	}
}

func TestTooManyStars(t *testing.T) {
	s := bytes.Repeat([]byte("a"), 5000)
	if !Match(bytes.Repeat([]byte("*?"), starsMax), s) {
		t.Errorf("%d stars do not match", starsMax)
	}
	if Match(bytes.Repeat([]byte("*?"), starsMax+1), s) {
		t.Errorf("%d stars match; Redis gives up", starsMax+1)
	}
}

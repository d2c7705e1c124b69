package command

import (
	"fmt"
	"strings"
	"testing"
)

// TestWaiting is what the server asks about commands that wait, and those that serve them.
func TestWaiting(t *testing.T) {
	table := NewTable(Families()...)
	words := func(line string) (argv [][]byte) {
		for _, w := range strings.Fields(line) {
			argv = append(argv, []byte(w))
		}
		return argv
	}
	show := func(argv [][]byte) string {
		var list []string
		for _, a := range argv {
			list = append(list, string(a))
		}
		return strings.Join(list, " ")
	}
	for _, test := range []struct {
		line, waits string // for which keys
		most        int
		alone       string // for the last of them alone
	}{
		{"BLPOP a b c 5", "a b c", 1, "BLPOP c 5"},
		{"BRPOP a 5", "a", 1, "BRPOP a 5"},
		{"BLMPOP 5 2 a b LEFT COUNT 7", "a b", 7, "BLMPOP 5 1 b LEFT COUNT 7"},
		{"BZMPOP 5 2 a count MIN", "a count", 1, "BZMPOP 5 1 count MIN"},
		{"BZPOPMAX a b 5", "a b", 1, "BZPOPMAX b 5"},
		{"BLMOVE a b LEFT LEFT 5", "a", 1, "BLMOVE a b LEFT LEFT 5"},
		{"BRPOPLPUSH a b 5", "a", 1, "BRPOPLPUSH a b 5"},
	} {
		argv := words(test.line)
		s := table.Lookup(argv[0])
		keys := s.WaitKeys(argv)
		got := fmt.Sprint(show(keys), "|", s.TakesMost(argv), "|", show(s.WaitFor(argv, keys[len(keys)-1])))
		if want := fmt.Sprint(test.waits, "|", test.most, "|", test.alone); got != want {
			t.Errorf("%s: %s, want %s", test.line, got, want)
		}
	}
	for _, test := range []struct {
		line, puts    string // to which keys
		most, certain int
	}{
		{"LPUSH a 1 2 3", "a", 3, 3},
		{"RPUSHX a 1", "a", 0, 0},
		{"LINSERT a BEFORE 1 2", "a", 0, 0},
		{"LPOP a", "", 1, 0},
		{"LREM a 0 x", "", 1, 0},
		{"LMOVE a b LEFT LEFT", "b", 1, 0},
		{"BLMOVE a b LEFT LEFT 0", "b", 1, 0},
		{"ZADD a NX CH 1 x 2 y", "a", 2, 1},
		{"ZADD a XX 1 x", "a", 0, 0},
		{"ZADD a INCR 1 x", "a", 1, 1},
		{"ZINCRBY a 1 x", "a", 1, 1},
		{"ZUNIONSTORE a 2 b c", "a", 1, 0},
		{"RENAME a b", "b", 1, 0},
		{"RENAMENX a b", "b", 1, 0},
		{"COPY a b", "b", 1, 0},
		{"RESTORE a 0 x", "a", 1, 0},
		{"SORT a BY x STORE b", "b", 1, 0},
		{"SORT a", "", 1, 0},
		{"EXPIRE a 1", "", 1, 0},
		{"DEL a", "", 1, 0},
	} {
		argv := words(test.line)
		s := table.Lookup(argv[0])
		most, certain := s.Brings(argv)
		got := fmt.Sprint(show(s.PutKeys(argv)), "|", most, certain)
		if want := fmt.Sprint(test.puts, "|", test.most, test.certain); got != want {
			t.Errorf("%s: %s, want %s", test.line, got, want)
		}
	}
}

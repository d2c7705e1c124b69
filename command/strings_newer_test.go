package command

import (
	"bytes"
	"testing"

	"github.com/redoubt-db/redoubt/keyspace"
)

// pushList makes key a list.
func (s *stage) pushList(key string) {
	b := s.store.Begin()
	s.store.Lock()
	tx := s.space.Begin(b, s.now, 0)
	list := tx.NewList([]byte(key))
	list.Push(keyspace.Right, []byte("item"))
	tx.Commit()
	s.store.Unlock()
	if err := b.Commit(s.store.Applied() + 1); err != nil {
		s.t.Fatal(err)
	}
}

func TestNewerStringsOnAnotherType(t *testing.T) {
	const wrong = string(errWrongType)
	for _, c := range []struct{ line, want string }{
		{"SET l v IFEQ v", wrong},
		{"SET l v IFNE v", wrong},
		{"SET l v IFDEQ x", wrong},
		{"SET l v IFDNE 0000000000000000 GET", wrong},
		{"DELEX l IFEQ v", string(errDelexType)},
		{"DELEX l IFDNE x", string(errDelexType)},
		{"DELEX l FOO v", string(errDelexType)},
		{"DELEX l IFEQ", "ERR wrong number of arguments for 'delex' command"},
		{"DELEX l", "1"},
		{"DELIFEQ l item", wrong},
		{"DIGEST l", wrong},
		{"MSETEX 2 l v m v XX", "0"},
		{"MSETEX 1 l v NX", "0"},
		{"MSETEX 2 l v m v", "1"},
		{"PFADD l v", wrong},
		{"PFCOUNT l", wrong},
		{"PFCOUNT l m", wrong},
		{"PFMERGE m l", wrong},
		{"PFMERGE l m", wrong},
		{"PFDEBUG ENCODING l", wrong},
	} {
		s := newStage(t)
		s.pushList("l")
		if got := s.do(c.line); got != c.want {
			t.Errorf("%s = %s, want %s", c.line, got, c.want)
		}
	}
}

// TestNewerStringsChangeNothing: what finds nothing to do takes no revision.
func TestNewerStringsChangeNothing(t *testing.T) {
	for _, line := range []string{
		"SET word x IFEQ other", "SET word x IFNE abc", "SET none x IFEQ abc", "SET word x IFDEQ 123", "DELEX none", "DELEX word IFEQ x",
		"DELEX word IFDEQ 123", "DELIFEQ word x", "DELIFEQ none x", "MSETEX 2 none 1 word 2 NX", "MSETEX 2 word 1 none 2 XX", "MSETEX 1 word 1 EX 0",
		"PFADD word x", "PFMERGE word", "PFADD hll a", "PFDEBUG DECODE hll",
	} {
		s := newStage(t)
		s.do("SET word abc")
		s.do("PFADD hll a")
		before := s.store.Revision()
		reply := s.do(line)
		if after := s.store.Revision(); after != before {
			t.Errorf("%s = %s took revision %d", line, reply, after)
		}
	}
}

// TestNewerKeys: what COMMAND GETKEYSANDFLAGS makes of them. No released Redis that is installed can say.
func TestNewerKeys(t *testing.T) {
	table := NewTable(NewerStrings(), Strings())
	for _, c := range []struct{ line, want string }{
		{"MSETEX 2 a 1 b 2 EX 9", "*[*[$a ~[+OW +update]] *[$b ~[+OW +update]]]"},
		{"DELEX a", "*[*[$a ~[+RM +delete]]]"},
		{"DELEX a IFEQ x", "*[*[$a ~[+RW +delete]]]"},
		{"DELIFEQ a x", "*[*[$a ~[+RM +access +delete]]]"},
		{"DIGEST a", "*[*[$a ~[+RO +access]]]"},
		{"SET a 1 IFNE 2", "*[*[$a ~[+RW +access +update]]]"},
	} {
		if got := nodeOf(t, GetKeysAndFlags(table, raw(c.line))).String(); got != c.want {
			t.Errorf("GETKEYSANDFLAGS %s = %s, want %s", c.line, got, c.want)
		}
	}
	if got := nodeOf(t, GetKeys(table, raw("MSETEX 3 a 1 b 2"))).String(); got != "-ERR Invalid arguments specified for command" {
		t.Errorf("GETKEYS of too few pairs: %s", got)
	}
}

// raw are the words of a line as arguments.
func raw(line string) [][]byte { return bytes.Fields([]byte(line)) }

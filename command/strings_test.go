package command

import (
	"bytes"
	"testing"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// putList makes key a list, whose commands are not needed for that.
func (s *stage) putList(key string) {
	b := s.store.Begin()
	s.store.Lock()
	tx := s.space.Begin(b, s.now, 0)
	l := tx.NewList([]byte(key))
	l.Push(keyspace.Right, []byte("x"))
	tx.Commit()
	s.store.Unlock()
	if err := b.Commit(s.store.Applied() + 1); err != nil {
		s.t.Fatal(err)
	}
}

func TestStringsOnAnotherType(t *testing.T) {
	const wrong = string(errWrongType)
	for _, c := range []struct{ line, want string }{
		{"GET l", wrong},
		{"SET l v GET", wrong},
		{"SET l v NX GET", wrong},
		{"SET l v NX", "nil"},
		{"SET l v", "OK"},
		{"SET l v XX", "OK"},
		{"SETNX l v", "0"},
		{"SETEX l 10 v", "OK"},
		{"GETSET l v", wrong},
		{"GETDEL l", wrong},
		{"GETEX l", wrong},
		{"GETEX l EX x", wrong},
		{"GETRANGE l 0 1", wrong},
		{"SETRANGE l 0 x", wrong},
		{"SETRANGE l 0 \"\"", wrong},
		{"APPEND l x", wrong},
		{"STRLEN l", wrong},
		{"INCR l", wrong},
		{"DECRBY l 1", wrong},
		{"INCRBYFLOAT l x", wrong},
		{"MGET l l", "[nil nil]"},
		{"MSETNX m 1 l 1", "0"},
		{"MSET l 1", "OK"},
		{"LCS l m NONSENSE", string(errLCSType)},
		{"LCS m l", string(errLCSType)},
		{"SETBIT l 0 1", wrong},
		{"GETBIT l 0", wrong},
		{"BITCOUNT l x", wrong},
		{"BITPOS l 0 x", wrong},
		{"BITPOS l 2", string(errBitArg)},
		{"BITOP AND d l", wrong},
		{"BITOP AND l m", "0"},
		{"BITFIELD l GET u8 0", wrong},
		{"BITFIELD l SET u8 0 1", wrong},
		{"BITFIELD_RO l GET u8 0", wrong},
	} {
		s := newStage(t)
		s.putList("l")
		if got := s.do(c.line); got != c.want {
			t.Errorf("%s = %s, want %s", c.line, got, c.want)
		}
	}
}

// TestErrorsChangeNothing: a command that fails leaves no change, and so do those that find nothing to do.
func TestErrorsChangeNothing(t *testing.T) {
	for _, line := range []string{
		"INCR word", "INCRBYFLOAT word 1", "SETRANGE word 536870912 x", "SETRANGE word 0 \"\"", "SETBIT word 0 0", "SETBIT word 4294967296 1",
		"SET word x NX", "SET none x XX", "SETNX word x", "SET word x IFREV 99", "SET word x LEASE 9", "SET word x EX 0",
		"GETEX word", "GETEX word PERSIST", "GETEX word EX 0", "GETDEL none", "MSETNX none 1 word 2", "BITOP AND none gone",
		"BITFIELD word GET u8 0", "BITFIELD word OVERFLOW FAIL SET u4 0 99", "BITFIELD word SET u8 0 97", "MSET a 1 b",
	} {
		s := newStage(t)
		s.do("SET word abc")
		before := s.store.Revision()
		reply := s.do(line)
		if after := s.store.Revision(); after != before {
			t.Errorf("%s = %s took revision %d", line, reply, after)
		}
	}
}

// FuzzStrings runs whatever arguments there are: a handler must not panic.
func FuzzStrings(f *testing.F) {
	for _, line := range []string{
		"SET k v PX 5 GET NX", "SET k v IFREV 3 LEASE 1", "GETEX k EXAT 5", "BITFIELD k OVERFLOW SAT INCRBY i5 #3 -7 GET u63 1",
		"BITPOS k 0 -5 9 BIT", "LCS k k IDX MINMATCHLEN 2 WITHMATCHLEN", "SETRANGE k 5 x", "INCRBYFLOAT k -0x1p3", "BITOP NOT d k",
	} {
		f.Add([]byte(line))
	}
	table := NewTable(Strings(), Bitmaps())
	f.Fuzz(func(t *testing.T, line []byte) {
		argv := bytes.Split(line, []byte(" "))
		spec := table.Lookup(argv[0])
		if spec == nil || !spec.Arity.Allows(len(argv)) {
			return
		}
		for _, a := range argv {
			if len(a) > 6 { // half a gigabyte of zeros is legal, and slow
				return
			}
		}
		s := newStage(t)
		s.do("SET k abcdefghijk")
		b := s.store.Begin()
		tx := s.space.Begin(b, s.now, 1)
		view := tx.View()
		var err error
		if spec.ReadsOnly(argv) {
			_, err = spec.Read(&ReadCall{args: argv, View: &view, Proto: resp.RESP2})
		} else {
			_, err = spec.Write(&WriteCall{args: argv, Tx: tx, Proto: resp.RESP2})
		}
		if err != nil && bytes.Equal(ErrorReply(err).Text(), []byte(errInternal)) {
			t.Fatalf("%q: %v", argv, err)
		}
		tx.Abort()
		if err := b.Commit(9); err != nil {
			t.Fatal(err)
		}
	})
}

package command

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// stage runs commands on a store in memory at a log time that the test moves.
type stage struct {
	t     *testing.T
	table *Table
	store *mvcc.Store
	space *keyspace.Space
	db    uint32
	now   int64
	seed  uint64
}

func newStage(t *testing.T) *stage {
	t.Helper()
	store, err := mvcc.Open(mvcc.Options{Dir: "db", FS: vfs.NewMem(), HeapMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	families := append(Families(), []Spec{
		{Name: "REVISION", Arity: AtLeast(2), Sub: []Spec{RevisionKey()}},
	})
	return &stage{t: t, table: NewTable(families...), store: store, space: keyspace.Open(store), now: 1_000_000}
}

// do runs one command as a request of its own and returns its reply, flat: lists in brackets.
func (s *stage) do(line string) string {
	s.t.Helper()
	return s.multi(line)[0]
}

// multi runs several commands in one request, each rolled back if it fails.
func (s *stage) multi(lines ...string) []string {
	s.t.Helper()
	b := s.store.Begin()
	s.store.Lock()
	s.seed++
	tx := s.space.Begin(b, s.now, s.seed)
	tx.Select(s.db)
	var out []string
	for _, line := range lines {
		var args [][]byte
		for _, word := range strings.Fields(line) {
			args = append(args, []byte(strings.Trim(word, `"`)))
		}
		out = append(out, flat(s.run(tx, args)))
	}
	tx.Commit()
	s.store.Unlock()
	if err := b.Commit(s.store.Applied() + 1); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *stage) run(tx *keyspace.Tx, args [][]byte) []byte {
	spec := s.table.Lookup(args[0])
	if strings.HasPrefix(string(args[0]), "_") { // an internal command
		args[0][0] = ' '
		spec = s.table.Lookup(args[0])
	}
	if spec != nil && len(spec.Sub) > 0 && len(args) > 1 {
		spec = spec.Lookup(args[1])
	}
	switch {
	case spec == nil:
		return resp.Error("ERR unknown").Append(nil, resp.RESP3)
	case !spec.Arity.Allows(len(args)):
		return WrongArity(spec.Name).Append(nil, resp.RESP3)
	}
	var v resp.Value
	var err error
	if !spec.ReadsOnly(args) {
		var c WriteCall
		c.Reset(args, tx, resp.RESP3)
		mark := tx.Mark()
		if v, err = spec.Write(&c); err != nil {
			tx.Rollback(mark)
		}
	} else {
		var c ReadCall
		view := tx.View()
		c.Reset(args, &view, resp.RESP3)
		v, err = spec.Read(&c)
	}
	if err != nil {
		v = ErrorReply(err)
	}
	return v.Append(nil, resp.RESP3)
}

// flat prints a reply on one line.
func flat(reply []byte) string {
	s, rest := flatten(reply)
	if len(rest) > 0 {
		return s + " and " + string(rest)
	}
	return s
}

func flatten(b []byte) (string, []byte) {
	head, rest, _ := bytes.Cut(b, []byte("\r\n"))
	n, _ := strconv.Atoi(string(head[1:]))
	switch head[0] {
	case '$':
		return string(rest[:n]), rest[n+2:]
	case '_':
		return "nil", rest
	case '*', '%':
		if head[0] == '%' {
			n *= 2
		}
		parts := make([]string, n)
		for i := range parts {
			parts[i], rest = flatten(rest)
		}
		return "[" + strings.Join(parts, " ") + "]", rest
	}
	return string(head[1:]), rest
}

// script runs lines of "command = reply", "+ms" to move the time, "> n" to choose a database.
func script(t *testing.T, text string) {
	t.Helper()
	s := newStage(t)
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '+':
			ms, err := strconv.ParseInt(line[1:], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			s.now += ms
		case line[0] == '>':
			if _, err := fmt.Sscanf(line, "> %d", &s.db); err != nil {
				t.Fatal(err)
			}
		default:
			cmd, want, ok := strings.Cut(line, " = ")
			if got := s.multi(strings.Split(cmd, " ; ")...); ok && strings.Join(got, " ; ") != want {
				t.Errorf("line %d: %s = %s, want %s", i+1, cmd, strings.Join(got, " ; "), want)
			}
		}
	}
}

package keyspace

import (
	"fmt"
	"testing"
)

// TestMissesLast: what a command missed is told and counted although it failed and its changes are taken back; not that of an entry
// that is given up.
func TestMissesLast(t *testing.T) {
	s := newRig(t, 1).space
	s.classes = parseClasses("KEAm")
	b := s.Store.Begin()
	s.Store.Lock()
	defer s.Store.Unlock()
	s.Hear(true)
	tx := s.Begin(b, 1, 1)
	tx.Set([]byte("a"), nil)
	mark := tx.Mark()
	tx.Set([]byte("b"), nil)
	if _, ok, err := tx.ReadString([]byte("c")); ok || err != nil {
		t.Fatal(ok, err)
	}
	view := tx.ReadView()
	view.Lookup([]byte("d"))
	view.Lookup([]byte("a"))
	view.Glance([]byte("e"))
	tx.Rollback(mark)
	if l := tx.Lookups(); l != (Lookups{Hits: 1, Misses: 2}) {
		t.Errorf("%+v, want 1 hit and 2 misses", l)
	}
	got := ""
	for _, m := range s.news.list {
		got += fmt.Sprintf("%s=%s ", m.Channel, m.Payload)
	}
	want := "__keyspace@0__:a=set __keyevent@0__:set=a " +
		"__keyspace@0__:c=keymiss __keyevent@0__:keymiss=c __keyspace@0__:d=keymiss __keyevent@0__:keymiss=d "
	if got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	tx.Abort()
	if n := len(s.news.list); n > 0 {
		t.Errorf("%d messages of a request that was given up", n)
	}
}

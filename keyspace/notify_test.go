package keyspace

import (
	"fmt"
	"testing"

	"github.com/redoubt-db/redoubt/mvcc"
)

func TestParseClasses(t *testing.T) {
	for value, want := range map[string]Class{
		"":      0,
		"g$lA":  0, // nowhere to be told
		"K$":    toKeyspace | ClassString,
		"Exe":   toKeyevent | ClassExpired | ClassEvicted,
		"KEA":   toKeyspace | toKeyevent | classesAll,
		"mnE":   toKeyevent | ClassMiss | ClassNew,
		"$lshK": toKeyspace | ClassString | ClassList | ClassSet | ClassHash,
		"ztdgE": toKeyevent | ClassZSet | ClassStream | ClassModule | ClassGeneric,
	} {
		if got := parseClasses(value); got != want {
			t.Errorf("parseClasses(%q) = %b, want %b", value, got, want)
		}
	}
}

// TestNewsFollowsRequest: what a request says goes with it when it is taken back, and so does what a command in it says.
func TestNewsFollowsRequest(t *testing.T) {
	s := newRig(t, 1).space
	s.classes = parseClasses("EA")
	say := func(listening bool, run func(*Tx)) string {
		b := s.Store.Begin()
		s.Store.Lock()
		s.Hear(listening)
		tx := s.Begin(b, 1, 1)
		run(tx)
		s.Store.Unlock()
		if err := b.Commit(1); err != nil {
			t.Fatal(err)
		}
		list, _ := s.TakeNews()
		text := ""
		for _, m := range list {
			text += fmt.Sprintf("%s=%s ", m.Channel, m.Payload)
		}
		return text
	}
	talk := func(tx *Tx) {
		tx.Publish([]byte("c"), []byte("first"), false)
		mark := tx.Mark()
		tx.Set([]byte("a"), nil)
		tx.Rollback(mark)
		tx.NotifyIn(3, ClassGeneric, "del", []byte("b"))
		tx.Notify(ClassMiss, "keymiss", []byte("b")) // not asked for
	}
	for _, c := range []struct {
		listening bool
		run       func(*Tx)
		want      string
	}{
		{true, func(tx *Tx) { talk(tx); tx.Commit() }, "c=first __keyevent@3__:del=b "},
		{true, func(tx *Tx) { talk(tx); tx.Abort() }, ""},
		{false, func(tx *Tx) { talk(tx); tx.Commit() }, ""},
	} {
		if got := say(c.listening, c.run); got != c.want {
			t.Errorf("listening %v: said %q, want %q", c.listening, got, c.want)
		}
	}
}

// TestNewsIsBounded: what is too much is lost, counted, and never in the way of what comes later.
func TestNewsIsBounded(t *testing.T) {
	s := newRig(t, 1).space
	word := func(b []byte) []byte { return append(b, 'x') }
	for range newsMax + 5 {
		s.news.add(false, word, word)
	}
	if list, lost := s.TakeNews(); len(list) != newsMax || lost != 5 {
		t.Errorf("%d messages kept and %d lost, want %d and 5", len(list), lost, newsMax)
	}
	s.news.add(true, word, word)
	if list, lost := s.TakeNews(); len(list) != 1 || lost != 0 || !list[0].Sharded {
		t.Errorf("then %v, %d lost", list, lost)
	}
}

// TestNotifyOff holds Notify to no allocation while nobody listens.
func TestNotifyOff(t *testing.T) {
	s := newRig(t, 1).space
	s.classes = parseClasses("KEA")
	b := s.Store.Begin()
	s.Store.Lock()
	defer s.Store.Unlock()
	s.Hear(false)
	tx := s.Begin(b, 1, 1)
	key := []byte("a")
	tx.Put(key, mvcc.Attr{Type: mvcc.String}, nil)
	if n := testing.AllocsPerRun(100, func() { tx.Notify(ClassString, "set", key) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	tx.Abort()
}

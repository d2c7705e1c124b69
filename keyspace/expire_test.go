package keyspace

import (
	"fmt"
	"testing"

	"github.com/redoubt-db/redoubt/mvcc"
)

func TestDueIsSharedAndBounded(t *testing.T) {
	r := newRig(t, 1)
	r.apply(1000, func(tx *Tx) {
		for db, n := range []int{100, 5, 0} {
			tx.Select(uint32(db))
			for i := range n {
				tx.Put(fmt.Appendf(nil, "k%03d", i), text(int64(1001+i)), nil)
			}
			tx.Put([]byte("later"), text(9000), nil)
		}
	})
	for _, c := range []struct {
		now  int64
		max  int
		want string
	}{
		{1000, 10, ""},
		{1001, 10, "0[k000] 1[k000] "},
		{1003, 4, "0[k000 k001] 1[k000 k001] "},
		{1003, 3, "0[k000 k001] 1[k000] "},
		{1003, 1, "0[k000] "},
		{1003, 0, ""},
	} {
		if got := named(r.space.Due(c.now, c.max)); got != c.want {
			t.Errorf("Due(%d, %d) = %s, want %s", c.now, c.max, got, c.want)
		}
	}
	total := 0
	for _, d := range r.space.Due(2000, 60) {
		total += len(d.Keys)
	}
	if total != 35 { // five of the second database, and the first one's half
		t.Errorf("Due(2000, 60) names %d keys, want 35", total)
	}
}

func named(due []DueKeys) (out string) {
	for _, d := range due {
		out += fmt.Sprintf("%d%s ", d.DB, d.Keys)
	}
	return out
}

// A flush takes the deadlines along, so nothing is left to expire, and memory with them.
func TestFlushDropsDeadlines(t *testing.T) {
	r := newRig(t, 1)
	r.apply(1000, func(tx *Tx) {
		if _, err := tx.Grant(5, 10); err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			tx.Put(fmt.Appendf(nil, "private:%d", i), text(1100), nil)
			tx.Put(fmt.Appendf(nil, "shared:%d", i), mvcc.Attr{Type: mvcc.String, Lease: 5}, nil)
		}
		tx.Select(1)
		tx.Put([]byte("stays"), text(1200), nil)
	})
	if n := r.space.Volatile(); n != 1001 {
		t.Errorf("Volatile() = %d, want 1001", n)
	}
	r.apply(1000, func(tx *Tx) { tx.Flush() })
	if n := r.space.Volatile(); n != 1 {
		t.Errorf("Volatile() = %d, want 1", n)
	}
	if d, ok := r.space.NextDeadline(); d != 1010 || !ok { // the lease's
		t.Errorf("NextDeadline() = %d, want 1010", d)
	}
	if due := r.space.Due(1150, 10); len(due) != 0 {
		t.Errorf("Due(1150) = %s", named(due))
	}
	if n := len(r.space.Leases.Refs(5)); n != 0 {
		t.Errorf("%d keys hang from the lease", n)
	}
	r.apply(1150, func(tx *Tx) { tx.RevokeDue(5) })
	if d, ok := r.space.NextDeadline(); d != 1200 || !ok {
		t.Errorf("NextDeadline() = %d, want 1200", d)
	}
}

// A key that still lives is found among any number of keys past their deadlines.
func TestRandomAmongOverdue(t *testing.T) {
	r := newRig(t, 1)
	r.apply(1000, func(tx *Tx) {
		for i := range 20_000 {
			tx.Put(fmt.Appendf(nil, "over:%d", i), text(1001), nil)
		}
		tx.Put([]byte("lives"), text(0), nil)
	})
	v := r.space.View(0, 1001, 1001, false)
	for v.Seed = 1; v.Need() == 0; v.Seed++ {
		if key, ok := v.Random(); ok && string(key) != "lives" {
			t.Fatalf("Random() = %q, which is over", key)
		}
	}
	if v.Need() != NeedLong {
		t.Errorf("Random() needs %b, want NeedLong", v.Need())
	}
	v = r.space.View(0, 1001, 1001, true)
	if key, ok := v.Random(); !ok || string(key) != "lives" {
		t.Errorf("Random() = %q, %v, want lives", key, ok)
	}
	if n := v.Len(); n != 1 {
		t.Errorf("Len() = %d, want 1", n)
	}
	v = r.space.View(0, 1001, 1001, false)
	if v.Len(); v.Need() != NeedLong {
		t.Errorf("Len() of %d overdue keys needs %b, want NeedLong", 20_000, v.Need())
	}
}

func TestAccessTimes(t *testing.T) {
	r := newRig(t, 1)
	r.apply(1000, func(tx *Tx) { tx.Put([]byte("k"), text(0), nil) })
	idle := func(now int64) int64 {
		v := r.space.View(0, now, now, true)
		it, _ := v.Lookup([]byte("k"))
		return v.IdleTime(it)
	}
	if got := idle(60_000); got != 59_000 {
		t.Errorf("IdleTime() of a key written a while ago = %d, want 59000", got)
	}
	v := r.space.View(0, 10_000, 10_000, true)
	if !v.Touch([]byte("k")) || v.Touch([]byte("none")) {
		t.Error("Touch does not tell whether the key exists")
	}
	if got := idle(70_500); got != 60_000 {
		t.Errorf("IdleTime() = %d, want 60000", got)
	}
	v = r.space.View(0, 65_000, 65_000, true)
	it, _ := v.Lookup([]byte("k"))
	if v.Value(it); idle(70_500) != 5_000 {
		t.Errorf("IdleTime() after Value = %d, want 5000", idle(70_500))
	}
}

func TestPastKnowsNoClock(t *testing.T) {
	r := newRig(t, 1)
	r.apply(1000, func(tx *Tx) { tx.Put([]byte("k"), text(1500), []byte("v")) })
	rev := r.store.Revision()
	r.apply(2000, func(tx *Tx) { tx.Lookup([]byte("k")) })
	for _, c := range []struct{ estimate, ttl int64 }{{1200, 300}, {3000, 0}} {
		v, err := r.space.At(0, rev)
		if err != nil {
			t.Fatal(err)
		}
		v.CountFrom(c.estimate)
		it, ok := v.Lookup([]byte("k"))
		if !ok || string(v.Value(it)) != "v" || v.TTL(it) != c.ttl || v.Len() != 1 || v.Need() != 0 {
			t.Errorf("at %d, counting from %d: %v, TTL %d, want %d", rev, c.estimate, ok, v.TTL(it), c.ttl)
		}
	}
	v := r.space.View(0, 2000, 2000, true)
	if _, ok := v.Lookup([]byte("k")); ok {
		t.Error("k lives on")
	}
}

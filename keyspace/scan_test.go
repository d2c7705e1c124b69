package keyspace

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/internal/glob"
	"github.com/redoubt-db/redoubt/mvcc"
)

// apply runs fn as one committed request at a time.
func (r *rig) apply(now int64, fn func(tx *Tx)) {
	r.t.Helper()
	b := r.store.Begin()
	r.store.Lock()
	tx := r.space.Begin(b, now, 1)
	fn(tx)
	tx.Commit()
	r.store.Unlock()
	if err := b.Commit(r.store.Applied() + 1); err != nil {
		r.t.Fatal(err)
	}
}

func text(deadline int64) mvcc.Attr { return mvcc.Attr{Type: mvcc.String, Deadline: deadline} }

// A key that is there from the first call to the last is shown exactly once, whatever comes and goes; one that was
// never there, or past its deadline all the time, is never shown.
func TestScanWhileKeysComeAndGo(t *testing.T) {
	for seed := range uint64(20) {
		r := newRig(t, seed)
		rnd := rand.New(rand.NewPCG(seed, 9))
		stays := 50 + rnd.IntN(500)
		r.apply(1000, func(tx *Tx) {
			for i := range stays {
				tx.Put(fmt.Appendf(nil, "stays:%d", i), text(0), nil)
				tx.Put(fmt.Appendf(nil, "over:%d", i), text(1500), nil)
				tx.Put(fmt.Appendf(nil, "goes:%d", i), text(0), nil)
			}
		})
		pattern := []string{"*", "stays:*", "*5*", "[so]*"}[rnd.IntN(4)]
		seen, cursor := map[string]int{}, uint64(0)
		for turn := 0; turn == 0 || cursor != 0; turn++ {
			v := r.space.View(0, 2000, 2000, true)
			cursor = v.Scan(cursor, 1+rnd.IntN(30), []byte(pattern), func(it mvcc.Item) { seen[string(it.Key)]++ })
			r.apply(2000, func(tx *Tx) {
				for range 20 {
					i := rnd.IntN(2 * stays)
					tx.Put(fmt.Appendf(nil, "comes:%d", i), text(0), nil)
					tx.Delete(fmt.Appendf(nil, "goes:%d", i))
					tx.Lookup(fmt.Appendf(nil, "over:%d", i))
					tx.Put(fmt.Appendf(nil, "stays:%d", rnd.IntN(stays)), text(0), []byte("changed"))
				}
			})
		}
		for i := range stays {
			key, want := fmt.Sprintf("stays:%d", i), 0
			if glob.Match([]byte(pattern), []byte(key)) {
				want = 1
			}
			if seen[key] != want {
				t.Fatalf("seed %d: MATCH %s showed %s %d times, want %d", seed, pattern, key, seen[key], want)
			}
		}
		for key := range seen {
			if strings.HasPrefix(key, "over:") || !glob.Match([]byte(pattern), []byte(key)) {
				t.Fatalf("seed %d: MATCH %s showed %s", seed, pattern, key)
			}
		}
	}
}

func TestKeysAgainstGlob(t *testing.T) {
	r := newRig(t, 1)
	names := []string{"", "a", "ab", "abc", "abd", "b", "a*", "*", "x\xff", "x\xff\xff", "user:1", "user:10", "user:2"}
	r.apply(1000, func(tx *Tx) {
		for _, name := range names {
			tx.Put([]byte(name), text(0), nil)
		}
		tx.Put([]byte("abe"), text(1001), nil)
	})
	for _, pattern := range []string{"*", "", "a", "a*", "ab?", "a\\*", "\\*", "x\xff*", "user:?", "user:1*", "[ab]*", "none*", "none", "abe"} {
		v := r.space.View(0, 1001, 1001, true)
		got, want := map[string]bool{}, map[string]bool{}
		for _, key := range v.Keys([]byte(pattern)) {
			got[string(key)] = true
		}
		for _, name := range names {
			if glob.Match([]byte(pattern), []byte(name)) {
				want[name] = true
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("KEYS %q = %v, want %v", pattern, got, want)
		}
	}
}

// What a view cannot know it says, instead of guessing.
func TestNeeds(t *testing.T) {
	r := newRig(t, 1)
	r.apply(1000, func(tx *Tx) {
		tx.Put([]byte("soon"), text(1010), nil)
		tx.Put([]byte("later"), text(5000), nil)
	})
	read := map[string]func(v *View){
		"Lookup(soon)": func(v *View) { v.Lookup([]byte("soon")) },
		"Len":          func(v *View) { v.Len() },
		"Keys(*)":      func(v *View) { v.Keys([]byte("*")) },
		"Scan":         func(v *View) { v.Scan(0, 10, nil, func(mvcc.Item) {}) },
	}
	for name, fn := range read {
		for _, c := range []struct {
			now, estimate int64
			need          Need
		}{{1000, 1009, 0}, {1000, 1010, NeedTick}, {1009, 1100, NeedTick}, {1010, 1100, 0}} {
			v := r.space.View(0, c.now, c.estimate, false)
			if fn(&v); v.Need() != c.need {
				t.Errorf("%s at %d, estimate %d: need %b, want %b", name, c.now, c.estimate, v.Need(), c.need)
			}
		}
	}
	v := r.space.View(0, 1000, 1000, false)
	v.Keys([]byte("later*"))
	if v.Scan(0, scanCountMax, nil, func(mvcc.Item) {}); v.Need() != 0 {
		t.Errorf("a scan of %d needs %b", scanCountMax, v.Need())
	}
	if v.Scan(0, scanCountMax+1, nil, func(mvcc.Item) {}); v.Need() != NeedLong {
		t.Errorf("a scan of %d needs %b, want NeedLong", scanCountMax+1, v.Need())
	}
}

// A long read lets the applier in and still sees one state: each name stands in exactly one of two places.
func TestKeysPausesAtOneRevision(t *testing.T) {
	const names = 5 * pauseEvery
	r := newRig(t, 1)
	r.apply(1000, func(tx *Tx) {
		for i := range names {
			tx.Put(fmt.Appendf(nil, "x:%d", i), text(0), nil)
		}
	})
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { // moves names between the places until the readers are done
		defer close(ended)
		rnd := rand.New(rand.NewPCG(1, 1))
		for {
			select {
			case <-stop:
				return
			default:
			}
			r.apply(1000, func(tx *Tx) {
				for range 50 {
					i := rnd.IntN(names)
					x, y := fmt.Appendf(nil, "x:%d", i), fmt.Appendf(nil, "y:%d", i)
					if ok, _ := tx.Rename(x, y, false); !ok {
						_, _ = tx.Rename(y, x, false)
					}
				}
			})
		}
	}()
	for range 10 {
		r.store.RLock()
		v := r.space.View(0, 1000, 1000, true)
		v.Pauses = true
		keys := v.Keys([]byte("[xy]:*"))
		r.store.RUnlock()
		seen := map[string]int{}
		for _, key := range keys {
			seen[string(key[2:])]++
		}
		if len(keys) != names || len(seen) != names {
			t.Errorf("%d keys, %d names, want %d", len(keys), len(seen), names)
		}
	}
	close(stop)
	<-ended
}

func TestHistoryInPages(t *testing.T) {
	r := newRig(t, 1)
	var want []string
	for i := range 3 {
		r.apply(1000, func(tx *Tx) {
			for j := range historyPage - 7 {
				tx.Put([]byte("k"), text(0), fmt.Appendf(nil, "%d.%d", i, j))
				want = append(want, fmt.Sprintf("%d.%d", i, j))
			}
		})
	}
	for _, pauses := range []bool{false, true} {
		for _, count := range []int{0, 1, historyPage - 1, historyPage, historyPage + 1, len(want), len(want) + 1} {
			for _, newest := range []bool{false, true} {
				r.store.RLock()
				v := r.space.View(0, 1000, 1000, true)
				v.Pauses = pauses
				var got []string
				err := v.History([]byte("k"), HistoryRange{Count: count, NewestFirst: newest}, func(_ mvcc.Version, value []byte) {
					got = append(got, string(value))
				})
				r.store.RUnlock()
				expect := slices.Clone(want)
				if newest {
					slices.Reverse(expect)
				}
				if count > 0 {
					expect = expect[:min(count, len(expect))]
				}
				if err != nil || !slices.Equal(got, expect) {
					t.Errorf("COUNT %d newest first %v: %d versions %q.., want %d (%v)", count, newest, len(got), got[:1], len(expect), err)
				}
			}
		}
	}
}

// TestElementHistoryInPages: several collections under one name, each of more changes than a page, one behind the other.
func TestElementHistoryInPages(t *testing.T) {
	r := newRig(t, 1)
	var want []string
	for i := range 3 {
		r.apply(1000, func(tx *Tx) {
			h, err := tx.Hash([]byte("k"))
			if err != nil {
				t.Fatal(err)
			}
			for j := range historyPage*2 - 1 + i {
				h.Set(fmt.Appendf(nil, "f%d", j%5), fmt.Appendf(nil, "%d.%d", i, j))
				want = append(want, fmt.Sprintf("%d.%d", i, j))
			}
		})
		r.apply(1000, func(tx *Tx) { tx.Delete([]byte("k")) })
	}
	for _, pauses := range []bool{false, true} {
		r.store.RLock()
		v := r.space.View(0, 1000, 1000, true)
		v.Pauses = pauses
		list, ok, err := v.ElementHistory([]byte("k"), HistoryRange{})
		r.store.RUnlock()
		var got []string
		for _, c := range list {
			if c.OfElement {
				got = append(got, string(c.Element.Value))
			}
		}
		if err != nil || !ok || !slices.Equal(got, want) {
			t.Errorf("pauses %v: %d changes, want %d (%v, %v)", pauses, len(got), len(want), ok, err)
		}
	}
}

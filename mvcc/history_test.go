package mvcc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// newStore is an empty store in memory.
func newStore(t testing.TB) *Store {
	t.Helper()
	s, err := Open(Options{Dir: "store", FS: vfs.NewMem(), HeapMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// apply runs one request in a batch of its own.
func apply(t testing.TB, s *Store, request func(tx *Tx)) uint64 {
	t.Helper()
	b := s.Begin()
	s.Lock()
	tx := b.Tx()
	request(tx)
	main, _ := tx.Commit()
	s.Unlock()
	if err := b.Commit(s.Applied() + 1); err != nil {
		t.Fatal(err)
	}
	return main
}

func put(key, value string) func(*Tx) {
	return func(tx *Tx) { tx.Put(1, []byte(key), Attr{Type: String}, []byte(value)) }
}

func del(key string) func(*Tx) {
	return func(tx *Tx) { tx.Delete(1, []byte(key)) }
}

func compact(t testing.TB, s *Store, rev uint64) {
	t.Helper()
	apply(t, s, func(tx *Tx) {
		if err := tx.Compact(rev); err != nil {
			t.Fatalf("compact(%d): %v", rev, err)
		}
		for tx.CompactStep(3) == 3 {
		}
	})
}

// rows are the revisions of all records on disk, save those that are dead and linger.
func rows(t testing.TB, s *Store) string {
	t.Helper()
	var out []string
	for _, rev := range diskRecords(t, s) {
		if c, i := s.chunks.find(rev); c == nil || c.dead>>i&1 == 0 {
			out = append(out, rev.String())
		}
	}
	return strings.Join(out, " ")
}

// The example of etcd's keyIndex: the key "test" with the generations {1.0, 2.1 (tombstone)} and
// {3.3 created and then tombstoned}.
func TestCompactGenerations(t *testing.T) {
	s := newStore(t)
	apply(t, s, put("test", "a"))
	apply(t, s, func(tx *Tx) { put("other", "x")(tx); del("test")(tx) })
	apply(t, s, func(tx *Tx) {
		for i := range 3 {
			put(fmt.Sprint("filler", i), "x")(tx)
		}
		put("test", "b")(tx)
		del("test")(tx)
	})
	apply(t, s, put("other", "y"))

	const filler = "3-0 3-1 3-2"
	for _, step := range []struct {
		rev        uint64
		want       string
		cells      int
		seenBefore bool // test at the revision before, which is compacted
	}{
		{1, "1-0 2-0 2-1 " + filler + " 3-3 3-4 4-0", 5, false},
		{2, "2-0 2-1 " + filler + " 3-3 3-4 4-0", 5, false},
		{3, "2-0 " + filler + " 3-4 4-0", 5, false},
		{4, filler + " 4-0", 4, false},
	} {
		compact(t, s, step.rev)
		if got := rows(t, s); got != step.want {
			t.Errorf("compact(%d) leaves rows %s, want %s", step.rev, got, step.want)
		}
		if got := s.spaces[1].table.len; got != step.cells {
			t.Errorf("compact(%d) leaves %d keys in the index, want %d", step.rev, got, step.cells)
		}
		if _, err := s.At(step.rev - 1); !errors.Is(err, ErrCompacted) {
			t.Errorf("after compact(%d) a view at %d gives %v", step.rev, step.rev-1, err)
		}
		for main := step.rev; main <= 4; main++ {
			v, err := s.At(main)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := v.Lookup(1, []byte("test")); ok != (main == 1) {
				t.Errorf("after compact(%d) test is live at %d: %v", step.rev, main, ok)
			}
		}
	}
	if err := func() (err error) { apply(t, s, func(tx *Tx) { err = tx.Compact(4) }); return err }(); !errors.Is(err, ErrCompacted) {
		t.Errorf("compact(4) again: %v", err)
	}
	if err := func() (err error) { apply(t, s, func(tx *Tx) { err = tx.Compact(5) }); return err }(); !errors.Is(err, ErrFuture) {
		t.Errorf("compact(5) at revision 4: %v", err)
	}
}

// A search of a long past takes few steps, wherever compaction ended.
func TestPastSearchIsShort(t *testing.T) {
	const versions = 20_000
	s := newStore(t)
	for i := range versions {
		apply(t, s, put("k", fmt.Sprint(i)))
		if i == versions/2 {
			compact(t, s, versions/3)
		}
	}
	ref, c := s.find(1, []byte("k"))
	if ref == 0 {
		t.Fatal("no key")
	}
	for main := uint64(versions / 3); main < versions; main += 37 {
		steps, p := 0, c.past
		for s.past(p).fromMain > main {
			if q := s.past(p); q.jump != 0 && q.jumpTo > main {
				p = q.jump
			} else {
				p = q.next
			}
			steps++
		}
		if got := s.at(c, main); got != p || s.past(p).fromMain != main {
			t.Fatalf("revision %d: past %d from %d, want %d", main, got, s.past(p).fromMain, p)
		}
		if steps > 45 { // 3 log2(20,000)
			t.Errorf("revision %d was found after %d steps", main, steps)
		}
	}
}

// What a step of compaction touches is the garbage, not the keys.
func TestCompactStepCountsGarbage(t *testing.T) {
	s := newStore(t)
	apply(t, s, func(tx *Tx) {
		for i := range 5000 {
			put(fmt.Sprint("k", i), "v")(tx)
		}
	})
	for i := range 10 {
		apply(t, s, put(fmt.Sprint("k", i), "w"))
	}
	apply(t, s, del("k11"))
	apply(t, s, put("k12", "w"))
	var steps []int
	apply(t, s, func(tx *Tx) {
		tx.Compact(s.current)
		if got := s.Garbage(); got != 13 {
			t.Errorf("garbage %d, want 12 versions and a tombstone", got)
		}
		for _, max := range []int{5, 5, 5, 5} {
			steps = append(steps, tx.CompactStep(max))
		}
	})
	if want := []int{5, 5, 3, 0}; !slices.Equal(steps, want) {
		t.Errorf("steps freed %v, want %v", steps, want)
	}
	if h := s.History(); h.Versions != 0 || h.Bytes != 0 {
		t.Errorf("history %+v after compaction to the end", h)
	}
}

func TestFlushedKeyspaceGoesInSteps(t *testing.T) {
	s := newStore(t)
	apply(t, s, func(tx *Tx) {
		for i := range 100 {
			put(fmt.Sprint("k", i), strings.Repeat("v", 1+i*5))(tx)
		}
	})
	apply(t, s, func(tx *Tx) { tx.Flush(0) })
	if h := s.History(); h.Versions != 100 {
		t.Errorf("history has %d versions after a flush of 100 keys", h.Versions)
	}
	apply(t, s, func(tx *Tx) {
		for tx.CompactStep(10) == 10 { // cools
		}
	})
	if v, err := s.At(1); err != nil || v.Len(v.Keyspace(0)) != 100 {
		t.Fatalf("the flushed keys are not in the past: %v", err)
	}
	if it, ok := must2(s.At(1)).Lookup(1, []byte("k7")); !ok || !it.Cold {
		t.Errorf("a flushed key is there: %v, cold: %v", ok, it.Cold)
	}
	apply(t, s, func(tx *Tx) { tx.Put(tx.Keyspace(0), []byte("new"), Attr{Type: String}, nil) })
	if got := s.RevisionBefore(99); got != 3 { // the flush is 2: its keys go when compaction is above
		t.Errorf("history of 99 versions begins at %d, want 3", got)
	}
	if got := s.RevisionBefore(100); got != 0 {
		t.Errorf("history of 100 versions begins at %d, want 0", got)
	}
	compact(t, s, 3)
	if got := rows(t, s); got != "2-0 3-0" {
		t.Errorf("rows %s are left, want the binding and the new key", got)
	}
	if got := s.cells.Stats().Slots; got != 1 {
		t.Errorf("%d cells are left, want 1", got)
	}
}

// TestGarbageOfSortedSets: the order by score is garbage as well. Steps grow with the garbage, so what is not counted is freed last and slowly.
func TestGarbageOfSortedSets(t *testing.T) {
	s, err := Open(Options{Dir: "store", FS: vfs.NewMem(), HeapMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	apply(t, s, func(tx *Tx) {
		it := tx.Make(1, []byte("zset"), Attr{Type: ZSet})
		for i := range 1000 {
			score := ScoreBytes(float64(i))
			tx.PutElement(it.Ref, Element{Name: fmt.Appendf(nil, "member%d", i), Value: score[:]})
		}
	})
	compact(t, s, s.Revision())
	apply(t, s, del("zset"))
	apply(t, s, func(tx *Tx) {
		tx.Compact(s.current)
		tx.CompactStep(10) // lets go of it
	})
	if got := s.Garbage(); got < 1990 {
		t.Errorf("garbage %d, want the 1000 members in both orders", got)
	}
	apply(t, s, func(tx *Tx) { tx.CompactStep(s.Garbage()) })
	if got := s.leaves.Stats().Slots; s.Garbage() != 0 || got != 0 {
		t.Errorf("%d leaves are left, and garbage %d", got, s.Garbage())
	}
}

// TestFlushedElementsAreHistory: the limits of history count what FLUSHDB left behind once the first steps have gone through it.
func TestFlushedElementsAreHistory(t *testing.T) {
	o := Options{Dir: "store", FS: vfs.NewMem(), HeapMemory: true}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	for key := range 3 {
		apply(t, s, func(tx *Tx) {
			it := tx.Make(1, fmt.Appendf(nil, "set%d", key), Attr{Type: Set})
			for i := range 100 {
				tx.PutElement(it.Ref, Element{Name: fmt.Appendf(nil, "member%d", i)})
			}
		})
	}
	compact(t, s, s.Revision())
	if h := s.History(); h.Versions != 0 || h.Bytes != 0 {
		t.Fatalf("history is %+v, want none", h)
	}
	flushed := apply(t, s, func(tx *Tx) { tx.Flush(0) })
	apply(t, s, func(tx *Tx) { tx.Put(tx.Keyspace(0), []byte("new"), Attr{Type: String}, nil) })
	for steps := 0; s.Garbage() > 0; steps++ {
		if steps > 10 {
			t.Fatalf("%d items of garbage after %d steps", s.Garbage(), steps)
		}
		apply(t, s, func(tx *Tx) { tx.CompactStep(2) })
	}
	if h := s.History(); h.Versions != 303 || h.Bytes < 300*recordOverhead {
		t.Errorf("history is %+v, want 3 keys with 300 elements", h)
	}
	if rev := s.RevisionBefore(200); rev != flushed+1 {
		t.Errorf("compaction to %d leaves 200 versions, want %d", rev, flushed+1)
	}
	s = reopen(t, s, o)
	compact(t, s, flushed+1)
	if h := s.History(); h.Versions != 0 || h.Bytes != 0 {
		t.Errorf("history is %+v, want none", h)
	}
}

func must2(v View, err error) View {
	if err != nil {
		panic(err)
	}
	return v
}

// Invariants broken by a caller stop the store with the numbers.
func TestInvariantsPanic(t *testing.T) {
	for name, broken := range map[string]func(s *Store){
		"mvcc: applied index 1 follows 2":           func(s *Store) { s.Begin().Commit(2); s.Begin().Commit(1) },
		"mvcc: a batch is open at revision 0":       func(s *Store) { s.Begin(); s.Begin() },
		"mvcc: a transaction is open at revision 0": func(s *Store) { b := s.Begin(); b.Tx(); b.Tx() },
		"mvcc: a change in keyspace 0, which is none": func(s *Store) {
			s.Begin().Tx().Put(0, []byte("k"), Attr{}, nil)
		},
		"mvcc: a change at 1-2 in keyspace 1, which was dropped at 1-1": func(s *Store) {
			tx := s.Begin().Tx()
			put("k", "v")(tx)
			tx.Flush(0)
			put("k", "v")(tx)
		},
		"mvcc: compaction in a transaction that may be undone": func(s *Store) {
			tx := s.Begin().Tx()
			put("k", "v")(tx)
			tx.CompactStep(1)
		},
	} {
		s, err := Open(Options{Dir: "store", FS: vfs.NewMem(), HeapMemory: true})
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != name {
					t.Errorf("panic %q, want %q", got, name)
				}
			}()
			broken(s)
		}()
		s.Close()
	}
}

func TestQueueAgainstSlice(t *testing.T) {
	var q queue[int]
	var model []int
	rnd := rand.New(rand.NewPCG(5, 5))
	for i := range 50_000 {
		switch n := rnd.IntN(10); {
		case n < 5-i/10_000%2*2:
			q.push(i)
			model = append(model, i)
		case len(model) == 0:
		case n < 8:
			if got := q.pop(); got != model[0] {
				t.Fatalf("step %d: popped %d, want %d", i, got, model[0])
			}
			model = model[1:]
		default:
			if got := q.popBack(); got != model[len(model)-1] {
				t.Fatalf("step %d: popped %d from behind, want %d", i, got, model[len(model)-1])
			}
			model = model[:len(model)-1]
		}
		if q.len != len(model) {
			t.Fatalf("step %d: length %d, want %d", i, q.len, len(model))
		}
		if n := len(model); n > 0 {
			at := rnd.IntN(n)
			if got := q.at(at); got != model[at] {
				t.Fatalf("step %d: element %d is %d, want %d", i, at, got, model[at])
			}
			if got := q.before(func(v int) bool { return v >= model[at] }); got != at {
				t.Fatalf("step %d: %d elements before %d, want %d", i, got, model[at], at)
			}
		}
	}
}

package sm

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/mvcc"
)

// A state restored at any revision that can be read shows what the original shows there, and goes on from it as a
// machine does whose log ended there.
func TestLawRestore(t *testing.T) {
	eachSeed(t, func(t *testing.T, rng *rand.Rand) {
		log := anyLog(rng, randomLog(rng, 100), 300)
		from := newReplica(t)
		from.apply(batches(log, func() int { return 1 + rng.IntN(10) }))
		store := from.m.Space().Store
		if rng.IntN(2) == 0 {
			compacted := store.Compacted() + rng.Uint64N(store.Revision()-store.Compacted()+1)
			q := func(args ...string) request { return request{now: 1, ops: []op{{args: args}}} }
			tail := []request{q("COMPACT", fmt.Sprint(compacted)), q(command.CompactStep, fmt.Sprint(rng.IntN(400)))}
			from.continueLog(tail)
		}
		rev := store.Compacted() + rng.Uint64N(store.Revision()-store.Compacted()+1)
		to := restored(t, from, rev)
		if got, want := content(t, to, rev), content(t, from, rev); got != want {
			t.Fatalf("content at %d of %d..%d is %x, want %x", rev, store.Compacted(), store.Revision(), got, want)
		}
		if s := to.m.Space().Store; s.Revision() != rev || s.Applied() != 0 || len(to.m.Members()) != 0 || len(to.m.state.receipts) != 0 {
			t.Errorf("restored: revision %d, applied %d, members %v, receipts %v", s.Revision(), s.Applied(), to.m.Members(), to.m.state.receipts)
		}
		more := batches(anyLog(rng, randomLog(rng, 50), 100), one)
		again := restored(t, from, rev)
		to.apply(more)
		again.apply(more)
		if got, want := to.summary(), again.summary(); got != want {
			t.Errorf("two restored machines go on to %s and %s", got, want)
		}
		applied := to.m.Space().Store.Applied()
		if err := to.m.Sync(); err != nil {
			t.Fatal(err)
		}
		want := to.summary()
		if got := to.crash(rng); got != applied || to.summary() != want {
			t.Errorf("after a restart %d entries and %s, want %d and %s", got, to.summary(), applied, want)
		}
	})
}

// continueLog applies requests as a later incarnation.
func (r *replicaRig) continueLog(log []request) {
	r.t.Helper()
	index := r.m.Space().Store.Applied()
	r.apply([]Entry{{index + 1, AppendIncarnate(nil, testNode, 2)}})
	for i, q := range log {
		h := Header{Node: testNode, Incarnation: 2, Number: uint64(i + 1), Now: q.now, Count: 1}
		r.apply([]Entry{{index + 2 + uint64(i), SealBatch(nil, h, q.append(nil))}})
	}
}

func content(t *testing.T, r *replicaRig, rev uint64) uint64 {
	t.Helper()
	sum, err := r.m.Content(rev, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func restored(t *testing.T, from *replicaRig, rev uint64) *replicaRig {
	t.Helper()
	src, err := from.m.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	var stream strings.Builder
	if err := errors.Join(src.WriteAt(rev, &stream, nil), src.Close()); err != nil {
		t.Fatal(err)
	}
	to := &replicaRig{t: t, fs: vfs.NewCrashableMem(), locals: map[uint64]*Local{}}
	if err := Restore("data", mvcc.Options{FS: to.fs}, strings.NewReader(stream.String()), nil); err != nil {
		t.Fatal(err)
	}
	if err := Restore("data", mvcc.Options{FS: to.fs}, strings.NewReader(stream.String()), nil); err == nil {
		t.Error("a state was restored over another")
	}
	to.open()
	t.Cleanup(func() { to.m.Close() })
	return to
}

func TestRefound(t *testing.T) {
	r := newReplica(t)
	r.apply(batches([]request{{now: 5, ops: []op{{args: []string{"SET", "a", "1"}}}}}, one))
	want := r.summary()
	if err := r.m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Refound("data", mvcc.Options{FS: r.fs}); err != nil {
		t.Fatal(err)
	}
	if applied := r.open(); applied != 0 || r.summary() != want {
		t.Errorf("refounded: applied %d, %s, want 0 and %s", applied, r.summary(), want)
	}
	if err := Refound("nothing", mvcc.Options{FS: r.fs}); !errors.Is(err, ErrDamaged) {
		t.Errorf("an empty directory: %v", err)
	}
}

func TestWriteAtLimits(t *testing.T) {
	r := newReplica(t)
	log := []request{{now: 5, ops: []op{{args: []string{"SET", "a", "1"}}}}, {now: 5, ops: []op{{args: []string{"SET", "a", "2"}}}}}
	r.apply(batches(log, one))
	r.continueLog([]request{{now: 5, ops: []op{{args: []string{"COMPACT", "2"}}}}})
	src, err := r.m.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for rev, want := range map[uint64]error{1: mvcc.ErrCompacted, 3: mvcc.ErrFuture} {
		if err := src.WriteAt(rev, &strings.Builder{}, nil); !errors.Is(err, want) {
			t.Errorf("at %d: %v, want %v", rev, err, want)
		}
	}
	if facts, err := src.Facts(); err != nil || facts.Revision != 2 || facts.Compacted != 2 {
		t.Errorf("facts %+v, %v", facts, err)
	}
}

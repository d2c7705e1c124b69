package sm

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// The laws of the machine for keys of all types. What a revision showed when it was the newest is written down then, and
// judges all that is read of it later.

const (
	typedSeeds    = 6
	typedRequests = 250
	typedLooks    = 12 // revisions of a log that are probed
)

// eachTypedSeed is eachSeed with a log of random commands. REDOUBT_SIM_SEEDS makes for a longer search.
func eachTypedSeed(t *testing.T, law func(t *testing.T, rng *rand.Rand, log []request)) {
	seeds := typedSeeds
	if testing.Short() {
		seeds = 2
	}
	if n, err := strconv.Atoi(os.Getenv("REDOUBT_SIM_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 3))
			law(t, rng, newGrammar(t, rng).log(typedRequests))
		})
	}
}

// seen is what some revisions showed when each was the newest.
type seen map[uint64]string

// look writes down what the newest revision shows.
func (s seen) look(r *replicaRig) {
	store := r.m.Space().Store
	if rev := store.Revision(); rev > 0 {
		s[rev] = r.hashes(rev) + "\n" + r.probe(0)
	}
}

// check compares the revisions that can still be read.
func (s seen) check(t *testing.T, r *replicaRig) {
	t.Helper()
	for rev, want := range s {
		if rev < r.m.Space().Store.Compacted() {
			continue
		}
		_, hash, _ := strings.Cut(r.hashes(rev), ", ")
		if !strings.Contains(want, ", "+hash+"\n") {
			t.Errorf("%s, want %.200s", hash, want)
		}
		_, want, _ = strings.Cut(want, "\n")
		if line := differs(r.probe(rev), want); line != "" {
			t.Fatalf("at revision %d: %s", rev, line)
		}
	}
}

// A view of the past answers as the present did, and the history of elements tells how one became the other.
func TestLawTypedPast(t *testing.T) {
	eachTypedSeed(t, func(t *testing.T, rng *rand.Rand, log []request) {
		r, was := newReplica(t), seen{}
		for i, e := range batches(log, one) {
			r.apply([]Entry{e})
			if rng.IntN(len(log)) < typedLooks || i == len(log) {
				was.look(r)
			}
		}
		was.check(t, r)
		r.checkHistories()
	})
}

// Any split of a log gives the same state, and so does a crash anywhere, and a snapshot of any moment.
func TestLawTypedSplitCrashSnapshot(t *testing.T) {
	eachTypedSeed(t, func(t *testing.T, rng *rand.Rand, log []request) {
		log = anyLog(rng, log, 100)
		want, was := newReplica(t), seen{}
		for _, e := range batches(log, one) {
			want.apply([]Entry{e})
			if rng.IntN(len(log)) < typedLooks {
				was.look(want)
			}
		}
		entries := batches(log, func() int { return 1 + rng.IntN(20) })
		crashed, late := newReplica(t), newReplica(t)
		for at, crashes := 0, 0; at < len(entries); {
			n := 1 + rng.IntN(min(len(entries)-at, 10))
			crashed.apply(entries[at : at+n])
			at += n
			switch n := rng.IntN(6); {
			case n == 0:
				if err := crashed.m.Sync(); err != nil {
					t.Fatal(err)
				}
			case n == 1 && crashes < crashesMax:
				at = int(crashed.crash(rng))
				crashes++
			}
		}
		crashed.handTo(late)
		if rng.IntN(2) == 0 {
			late.crash(rng)
		}
		for _, r := range []*replicaRig{crashed, late} {
			if got := r.summary(); got != want.summary() {
				t.Errorf("%s, want %s", got, want.summary())
			}
			was.check(t, r)
		}
		late.checkHistories()
	})
}

// handTo makes another replica of the state, by a snapshot.
func (r *replicaRig) handTo(other *replicaRig) {
	r.t.Helper()
	src, err := r.m.Prepare()
	if err != nil {
		r.t.Fatal(err)
	}
	var stream strings.Builder
	if err := errors.Join(src.WriteTo(&stream, nil), src.Close()); err != nil {
		r.t.Fatal(err)
	}
	if err := other.m.Recover(strings.NewReader(stream.String()), nil); err != nil {
		r.t.Fatal(err)
	}
}

// Compaction in steps of any size and at any time changes no view from its revision on, on replicas that crash.
func TestLawTypedCompaction(t *testing.T) {
	eachTypedSeed(t, func(t *testing.T, rng *rand.Rand, plain []request) {
		var padded []request // what stands for compaction in the log that is not compacted: chance counts requests
		for _, q := range plain {
			padded = append(padded, q)
			if rng.IntN(3) == 0 {
				padded = append(padded, request{now: q.now, ops: []op{{args: []string{command.Tick}}}})
			}
		}
		want, was, log := newReplica(t), seen{}, slices.Clone(padded)
		compacted := uint64(0)
		for i, e := range batches(padded, one) {
			want.apply([]Entry{e})
			if rng.IntN(len(plain)) < typedLooks {
				was.look(want)
			}
			if i == 0 || padded[i-1].ops[0].args[0] != command.Tick {
				continue
			}
			args := []string{command.CompactStep, fmt.Sprint(1 + rng.IntN(200))}
			if rng.IntN(3) == 0 {
				compacted += rng.Uint64N(want.m.Space().Store.Revision() - compacted + 1)
				args = []string{"COMPACT", fmt.Sprint(compacted)}
			}
			log[i-1].ops = []op{{args: args}}
		}
		r := newReplica(t)
		entries := batches(log, func() int { return 1 + rng.IntN(10) })
		for at := 0; at < len(entries); {
			n := 1 + rng.IntN(min(len(entries)-at, 10))
			r.apply(entries[at : at+n])
			if at += n; rng.IntN(10) == 0 {
				at = int(r.crash(rng))
			}
		}
		other := newReplica(t)
		r.handTo(other)
		for _, r := range []*replicaRig{r, other} {
			if got := r.summary(); got != want.summary() {
				t.Errorf("%s, want %s", got, want.summary())
			}
			was.check(t, r)
			r.checkHistories()
		}
	})
}

// A command that fails in the middle of a MULTI block leaves nothing behind.
func TestLawTypedRollback(t *testing.T) {
	eachTypedSeed(t, func(t *testing.T, rng *rand.Rand, plain []request) {
		g := newGrammar(t, rng)
		var log []request
		for _, q := range plain {
			if q.multi {
				var ops []op
				for _, o := range q.ops {
					for rng.IntN(2) == 0 {
						if bad := g.op(); bad.args[0][0] != ' ' && bad.args[0] != "SPOP" { // whose chance would be another's
							bad.args = append([]string{"SPOIL"}, bad.args...)
							ops = append(ops, bad)
						}
					}
					ops = append(ops, o)
				}
				q.ops = ops
			}
			log = append(log, q)
		}
		r := newReplica(t)
		for _, e := range batches(log, one) {
			r.apply([]Entry{e})
		}
		if got, want := r.summary(), reference(t, plain).summary(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		r.checkHistories()
	})
}

var errSpoiled = command.Error("ERR spoiled")

// spoil is a command that runs another one and then fails.
func spoil(table func() *command.Table) []command.Spec {
	return []command.Spec{{Name: "SPOIL", Arity: command.AtLeast(2), Write: func(c *command.WriteCall) (v resp.Value, err error) {
		if spec := table().Lookup(c.At(1)); spec.Write != nil && spec.Arity.Allows(c.Len()-1) {
			var inner command.WriteCall
			inner.Reset(c.From(1), c.Tx, c.Proto)
			if v, err = spec.Write(&inner); err != nil {
				return v, err
			}
		}
		return resp.None, errSpoiled
	}}}
}

// checkHistories compares the histories of all collections that were made since compaction with the views.
func (r *replicaRig) checkHistories() {
	r.t.Helper()
	r.m.RLock()
	defer r.m.RUnlock()
	store := r.m.Space().Store
	changes := map[mvcc.Revision][]elementChange{}
	for p := range r.places() {
		store.View().History(p.ks, []byte(p.key), 0, store.Revision(), false, func(v mvcc.Version) bool {
			if v.Tombstone || !v.Type.HasElements() || changes[store.View().CollectionID(v.Item)] != nil {
				return true
			}
			list := []elementChange{}
			store.View().ElementHistory(v.Item, mvcc.Revision{}, store.Revision(), func(e *mvcc.Element, deleted bool, n uint64) bool {
				list = append(list, elementChange{elementPlace(v.Type, e), elementText(e), e.Main, deleted})
				return true
			})
			changes[store.View().CollectionID(v.Item)] = list
			return true
		})
	}
	for rev := store.Compacted() + 1; rev <= store.Revision(); rev++ {
		r.checkHistory(rev, changes)
	}
}

// elementChange is one change in the history of a collection.
type elementChange struct {
	place, text string
	main        uint64
	deleted     bool
}

func elementPlace(t mvcc.Type, e *mvcc.Element) string {
	if t == mvcc.List || t == mvcc.Stream {
		return fmt.Sprintf("%d %q", e.Major, e.Name)
	}
	return fmt.Sprintf("%q", e.Name)
}

func elementText(e *mvcc.Element) string {
	return fmt.Sprintf("%q !%d @%d-%d", e.Value, e.Deadline, e.Main, e.Sub)
}

// keyPlace is where a key is.
type keyPlace struct {
	ks  mvcc.Keyspace
	key string
}

// places are those of all keys that any view shows.
func (r *replicaRig) places() map[keyPlace]bool {
	store, all := r.m.Space().Store, map[keyPlace]bool{}
	for rev := store.Compacted(); rev <= store.Revision(); rev++ {
		view, err := store.At(rev)
		if err != nil {
			r.t.Fatal(err)
		}
		for db := range uint32(worldDatabases) {
			ks := view.Keyspace(db)
			view.Ascend(ks, nil, func(it mvcc.Item) bool { all[keyPlace{ks, string(it.Key)}] = true; return true })
		}
	}
	return all
}

// checkHistory compares the collections of a view with what their histories make of nothing.
func (r *replicaRig) checkHistory(rev uint64, changes map[mvcc.Revision][]elementChange) {
	r.t.Helper()
	view, err := r.m.Space().Store.At(rev)
	if err != nil {
		r.t.Fatal(err)
	}
	for db := range uint32(worldDatabases) {
		view.Ascend(view.Keyspace(db), nil, func(it mvcc.Item) bool {
			if !it.Type.HasElements() || view.CollectionID(it).Main <= r.m.Space().Store.Compacted() {
				return true
			}
			want := map[string]string{}
			for _, c := range changes[view.CollectionID(it)] {
				if c.main > rev {
					break
				}
				if want[c.place] = c.text; c.deleted {
					delete(want, c.place)
				}
			}
			c := view.Collection(it)
			c.Ascend(0, func(e *mvcc.Element) bool {
				if got := elementText(e); got != want[elementPlace(it.Type, e)] {
					r.t.Fatalf("at %d element %q of %q is %s, by its history %s", rev, e.Name, it.Key, got, want[elementPlace(it.Type, e)])
				}
				return true
			})
			if c.Len() != len(want) {
				r.t.Fatalf("at %d %q has %d elements, by their history %d", rev, it.Key, c.Len(), len(want))
			}
			return true
		})
	}
}

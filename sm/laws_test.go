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
	"github.com/redoubt-db/redoubt/resp"
)

// lawSeeds is how many random logs each law is tried on.
const lawSeeds = 12

// crashesMax bounds how often one log is interrupted, so that its end is reached.
const crashesMax = 10

// replicaRig is one replica that may crash and come back.
type replicaRig struct {
	t      testing.TB
	fs     *vfs.MemFS
	m      *Machine
	locals map[uint64]*Local // by batch number
	asked  int
	program
}

// program is what a replica runs, beside what all do.
type program struct {
	knows    uint64 // semantics version; 0 is the newest
	commands []command.Spec
}

func newReplica(t testing.TB) *replicaRig { return newReplicaOf(t, program{}) }

func newReplicaOf(t testing.TB, p program) *replicaRig {
	r := &replicaRig{t: t, fs: vfs.NewCrashableMem(), locals: map[uint64]*Local{}, program: p}
	r.open()
	t.Cleanup(func() { r.m.Close() })
	return r
}

func (r *replicaRig) open() (applied uint64) {
	r.t.Helper()
	var table *command.Table
	table = command.NewTable(append(command.Families(), spoil(func() *command.Table { return table }), r.commands)...)
	r.m = New(Options{
		Table:     table,
		Semantics: r.knows,
		Store:     mvcc.Options{FS: r.fs, Seed: 1, HeapMemory: true, MemTableBytes: 256 << 10, CacheBytes: 1 << 20},
		Local:     func(_, _, number uint64) *Local { return r.locals[number] },
		Panicked: func(name string, reason any, stack []byte) {
			r.t.Errorf("%s panicked: %v\n%s", name, reason, stack)
		},
	})
	applied, err := r.m.Open("data")
	if err != nil {
		r.t.Fatal(err)
	}
	return applied
}

// crash forgets what was not synced, all of it or some.
func (r *replicaRig) crash(rng *rand.Rand) (applied uint64) {
	r.t.Helper()
	after := r.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(3) * 50, RNG: rng})
	if err := r.m.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.fs = after
	return r.open()
}

func (r *replicaRig) apply(entries []Entry) {
	r.t.Helper()
	if err := r.m.Apply(entries); err != nil {
		r.t.Fatal(err)
	}
}

// hashes are the chain hash and that of all there is to be seen at a revision.
func (r *replicaRig) hashes(rev uint64) string {
	r.t.Helper()
	store := r.m.Space().Store
	r.m.RLock()
	defer r.m.RUnlock()
	h, err := store.Hasher(rev)
	if err != nil {
		r.t.Fatalf("hash at %d of %d: %v", rev, store.Revision(), err)
	}
	for done := false; !done; {
		if done, err = h.Step(100); err != nil {
			r.t.Fatal(err)
		}
	}
	return fmt.Sprintf("chain %x, content at %d %x", store.ChainHash(), rev, h.Sum())
}

// summary is what must be the same on every replica.
func (r *replicaRig) summary() string {
	s := r.m.Space().Store
	return fmt.Sprintf("revision %d, log time %d, %s", s.Revision(), r.m.LogTime(), r.hashes(s.Revision()))
}

func (q request) append(dst []byte) []byte {
	if !q.multi {
		return AppendCommand(dst, q.ops[0].db, q.ops[0].bytes())
	}
	ops := make([]Op, len(q.ops))
	for i, o := range q.ops {
		ops[i] = Op{DB: o.db, Args: o.bytes()}
	}
	return AppendMulti(dst, nil, ops)
}

func (o op) bytes() (args [][]byte) {
	for _, a := range o.args {
		args = append(args, []byte(a))
	}
	return args
}

// batches cuts a log into entries: size tells how many requests the next may have. Log time is a batch's, so
// requests of different times never share one; and each request has the same chance wherever it is.
func batches(log []request, size func() int) (entries []Entry) {
	entries = append(entries, Entry{1, AppendIncarnate(nil, testNode, 1)})
	for from := 0; from < len(log); {
		var body []byte
		to, most := from, size()
		for ; to < len(log) && to < from+most && log[to].now == log[from].now; to++ {
			body = log[to].append(body)
		}
		h := Header{
			Node: testNode, Incarnation: 1, Number: uint64(len(entries)), Now: log[from].now,
			Seed: uint64(from) * seedStep, Count: to - from,
		}
		entries = append(entries, Entry{uint64(len(entries) + 1), SealBatch(nil, h, body)})
		from = to
	}
	return entries
}

func one() int { return 1 }

// reference applies a log entry by entry.
func reference(t *testing.T, log []request) *replicaRig {
	r := newReplica(t)
	for _, e := range batches(log, one) {
		r.apply([]Entry{e})
	}
	return r
}

func eachSeed(t *testing.T, law func(t *testing.T, rng *rand.Rand)) {
	for seed := range uint64(lawSeeds) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { law(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

// checkViews compares every view from the compacted revision on with the model's.
func (r *replicaRig) checkViews(w *world) {
	r.t.Helper()
	r.m.RLock()
	defer r.m.RUnlock()
	store := r.m.Space().Store
	for rev := store.Compacted(); rev <= w.rev; rev++ {
		view, err := store.At(rev)
		if err != nil {
			r.t.Fatal(err)
		}
		for db := range uint32(worldDatabases) {
			want, n := w.past[rev][db], 0
			view.Ascend(view.Keyspace(db), nil, func(it mvcc.Item) bool {
				n++
				value, err := view.Load(it)
				if err != nil {
					r.t.Fatal(err)
				}
				if got := (thing{string(value), it.Deadline}); got != want[string(it.Key)] {
					r.t.Fatalf("at %d database %d has %s = %.40v, want %.40v", rev, db, it.Key, got, want[string(it.Key)])
				}
				return true
			})
			if n != len(want) {
				r.t.Fatalf("at %d database %d has %d keys, want %d", rev, db, n, len(want))
			}
		}
	}
}

func TestLawModel(t *testing.T) {
	eachSeed(t, func(t *testing.T, rng *rand.Rand) {
		log := randomLog(rng, 400)
		r, w := newReplica(t), newWorld()
		for i, e := range batches(log, one) {
			if i == 0 {
				r.apply([]Entry{e})
				continue
			}
			q := log[i-1]
			local := &Local{Ops: []LocalOp{{Kind: OpRequest, Proto: resp.RESP2}}}
			r.locals[uint64(i)] = local
			r.apply([]Entry{e})
			answers, rev := w.run(q)
			want := strings.Join(answers, "")
			if q.multi {
				want = fmt.Sprintf("*%d|%s", len(q.ops), want)
			}
			if got := replies(local)[0]; got != want || local.Ops[0].Rev != rev {
				t.Fatalf("request %d %+v = %q at revision %d, want %q at %d", i, q, got, local.Ops[0].Rev, want, rev)
			}
		}
		r.checkViews(w)
	})
}

// Any split of a log into batches and calls of Apply gives the same state.
func TestLawSplit(t *testing.T) {
	eachSeed(t, func(t *testing.T, rng *rand.Rand) {
		log := anyLog(rng, randomLog(rng, 100), 300)
		want := reference(t, log).summary()
		r := newReplica(t)
		for rest := batches(log, func() int { return 1 + rng.IntN(60) }); len(rest) > 0; {
			n := 1 + rng.IntN(min(len(rest), 10))
			r.apply(rest[:n])
			rest = rest[n:]
		}
		if got := r.summary(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// A crash at any time costs nothing that the log does not give back.
func TestLawCrash(t *testing.T) {
	eachSeed(t, func(t *testing.T, rng *rand.Rand) {
		log := anyLog(rng, randomLog(rng, 100), 300)
		want := reference(t, log).summary()
		r := newReplica(t)
		entries := batches(log, func() int { return 1 + rng.IntN(10) })
		crashes := 0
		for at := 0; at < len(entries); {
			n := 1 + rng.IntN(min(len(entries)-at, 10))
			r.apply(entries[at : at+n])
			at += n
			switch n := rng.IntN(6); {
			case n == 0:
				if err := r.m.Sync(); err != nil {
					t.Fatal(err)
				}
			case n == 1 && crashes < crashesMax:
				at = int(r.crash(rng))
				crashes++
			}
		}
		if got := r.summary(); got != want {
			t.Errorf("after %d crashes %s, want %s", crashes, got, want)
		}
	})
}

// A snapshot is as good as the log in front of it, for a replica that has some of it or none, and crashes.
func TestLawSnapshot(t *testing.T) {
	eachSeed(t, func(t *testing.T, rng *rand.Rand) {
		log := anyLog(rng, randomLog(rng, 100), 300)
		want := reference(t, log)
		entries := batches(log, func() int { return 1 + rng.IntN(10) })
		from, to := newReplica(t), newReplica(t)
		some := rng.IntN(len(entries) / 2)
		at := some + rng.IntN(len(entries)-some)
		to.apply(entries[:some])
		from.apply(entries[:at])
		src, err := from.m.Prepare()
		if err != nil {
			t.Fatal(err)
		}
		from.apply(entries[at:])
		var stream strings.Builder
		if err := errors.Join(src.WriteTo(&stream, nil), src.Close()); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(2) == 0 { // the first try breaks off
			to.m.Recover(strings.NewReader(stream.String()[:rng.IntN(stream.Len())]), nil)
		}
		if err := to.m.Recover(strings.NewReader(stream.String()), nil); err != nil {
			t.Fatal(err)
		}
		if got := to.m.Receipt(testNode).Number; got != uint64(max(at-1, 0)) {
			t.Errorf("batch %d is the last of a snapshot of %d entries", got, at)
		}
		if rng.IntN(2) == 0 {
			if applied := to.crash(rng); applied != uint64(at) {
				t.Fatalf("a crash after the snapshot of %d entries leaves %d", at, applied)
			}
		}
		to.apply(entries[at:])
		for _, r := range []*replicaRig{from, to} {
			if got := r.summary(); got != want.summary() {
				t.Errorf("%s, want %s", got, want.summary())
			}
		}
	})
}

// Compaction to r, in steps of any size and at any time, changes no view from r on.
func TestLawCompaction(t *testing.T) {
	eachSeed(t, func(t *testing.T, rng *rand.Rand) {
		plain := randomLog(rng, 400)
		w := newWorld()
		var log []request
		compacted := uint64(0)
		for _, q := range plain {
			w.run(q)
			log = append(log, q)
			switch rng.IntN(10) {
			case 0:
				compacted += rng.Uint64N(w.rev - compacted + 1)
				log = append(log, request{now: q.now, ops: []op{{args: []string{"COMPACT", fmt.Sprint(compacted)}}}})
			case 1, 2:
				log = append(log, request{now: q.now, ops: []op{{args: []string{command.CompactStep, fmt.Sprint(1 + rng.IntN(30))}}}})
			}
		}
		want, r := reference(t, plain), newReplica(t)
		entries := batches(log, func() int { return 1 + rng.IntN(10) })
		for at := 0; at < len(entries); {
			n := 1 + rng.IntN(min(len(entries)-at, 10))
			r.apply(entries[at : at+n])
			if at += n; rng.IntN(10) == 0 {
				at = int(r.crash(rng))
			}
		}
		if got := r.summary(); got != want.summary() {
			t.Errorf("%s, want %s", got, want.summary())
		}
		for rev := max(compacted, 1); rev <= w.rev; rev += 1 + rng.Uint64N(20) {
			if got := r.hashes(rev); got != want.hashes(rev) {
				t.Errorf("%s, want %s", got, want.hashes(rev))
			}
		}
		r.checkViews(w)
	})
}

// anyLog adds requests of any command of the table, most of them wrong in some way.
func anyLog(rng *rand.Rand, log []request, n int) []request {
	var specs []*command.Spec
	var names [][]string
	for _, s := range command.NewTable(command.Families()...).List() {
		if !s.IsSession() {
			specs, names = append(specs, s), append(names, []string{s.Name})
		}
		for i := range s.Sub {
			if sub := &s.Sub[i]; !sub.IsSession() {
				specs, names = append(specs, sub), append(names, []string{s.Name, sub.Name})
			}
		}
	}
	now := log[len(log)-1].now
	for range n {
		i := rng.IntN(len(specs))
		if rng.IntN(3) == 0 {
			now += rng.Int64N(500)
		}
		log = append(log, request{now: now, ops: []op{{db: uint32(rng.IntN(worldDatabases)), args: anyArgs(rng, specs[i], names[i])}}})
	}
	return log
}

// anyArgs follows the command's syntax most of the time.
func anyArgs(rng *rand.Rand, s *command.Spec, name []string) []string {
	syntax := s.Syntax
	for _, c := range "[]|" {
		syntax = strings.ReplaceAll(syntax, string(c), " "+string(c)+" ")
	}
	w := wordsOf{rng, strings.Fields(syntax)}
	args := append([]string(nil), name...)
	if rng.IntN(10) > 0 {
		args = append(args, w.choice()...)
	}
	for n := s.Arity.Min + rng.IntN(3); len(args) < n && (s.Arity.Max < 0 || len(args) < s.Arity.Max); {
		args = append(args, w.word([]string{"key", "number", "EX"}[rng.IntN(3)]))
	}
	return args
}

// wordsOf makes arguments out of a syntax.
type wordsOf struct {
	rng  *rand.Rand
	rest []string
}

// choice is one of the alternatives up to the end of the group.
func (w *wordsOf) choice() []string {
	alternatives := [][]string{nil}
	for len(w.rest) > 0 {
		word := w.rest[0]
		w.rest = w.rest[1:]
		last := &alternatives[len(alternatives)-1]
		switch word {
		case "]":
			return alternatives[w.rng.IntN(len(alternatives))]
		case "|":
			alternatives = append(alternatives, nil)
		case "[":
			if group := w.choice(); w.rng.IntN(5) < 2 {
				*last = append(*last, group...)
			}
		case "...":
			*last = append(*last, *last...)
		default:
			*last = append(*last, w.word(word))
		}
	}
	return alternatives[w.rng.IntN(len(alternatives))]
}

func (w *wordsOf) word(placeholder string) string {
	key := fmt.Sprint("key:", w.rng.IntN(8))
	switch {
	case w.rng.IntN(20) == 0:
		return key
	case strings.Contains("key newkey key1 key2 destkey destination source", placeholder):
		return key
	case placeholder == strings.ToUpper(placeholder):
		return placeholder
	}
	return fmt.Sprint(w.rng.IntN(40) - 2)
}

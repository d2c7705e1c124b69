package sm

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// TestSemantics raises the version of a program that knows 3.
func TestSemantics(t *testing.T) {
	fs := vfs.NewMem()
	r := newRig(t, fs)
	r.m.o.Semantics, r.o.Semantics = 3, 3
	for _, step := range []struct {
		request, reply string
		want           uint64
	}{
		{" SEMANTICS 1", ":1", 1},
		{" SEMANTICS 2", ":2", 2},
		{" SEMANTICS 1", ":2", 2},
		{" SEMANTICS x", "-ERR invalid semantics version", 2},
		{" SEMANTICS 0", "-ERR invalid semantics version", 2},
		{" SEMANTICS", "-ERR wrong number of arguments for ' semantics' command", 2},
	} {
		if got := strings.TrimSuffix(r.do(step.request), "|"); got != step.reply || r.m.Semantics() != step.want {
			t.Errorf("%s = %s, and version %d; want %s, %d", step.request, got, r.m.Semantics(), step.reply, step.want)
		}
	}
	for version := uint64(1); version <= 3; version++ { // entries may be older than the state, or made by who knows more
		r.apply(SealBatchFor(version, nil, r.header(1), AppendCommand(nil, 0, words("COUNT n"))))
	}
	r.reopen()
	if got := r.m.Semantics(); got != 2 {
		t.Errorf("version %d after a restart, want 2", got)
	}
	if err := r.m.Close(); err != nil {
		t.Fatal(err)
	}
	older := New(Options{Table: r.o.Table, Store: r.o.Store, Semantics: 1})
	if _, err := older.Open("data"); err == nil || !strings.Contains(err.Error(), "a newer version is needed") {
		t.Errorf("a program that knows 1 opens the state: %v", err)
	}
}

// TestUnknownSemantics: who does not know what the others mean stops.
func TestUnknownSemantics(t *testing.T) {
	for what, entry := range map[string]func(r *rig) []byte{
		"an entry": func(r *rig) []byte {
			return SealBatchFor(3, nil, r.header(1), AppendCommand(nil, 0, words("COUNT n")))
		},
		"a rise": func(r *rig) []byte {
			return SealBatchFor(2, nil, r.header(1), AppendCommand(nil, 0, [][]byte{[]byte(semanticsCommand), []byte("3")}))
		},
	} {
		r := newRig(t, vfs.NewMem())
		r.m.o.Semantics = 2
		if err := r.try(entry(r)); err == nil || !strings.Contains(err.Error(), "semantics version 3, where 2 is known") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestDecodeSemantics(t *testing.T) {
	m := New(Options{Semantics: 2})
	for _, row := range []string{"", "\x02\x01", "\x01", "\x01\x00", "\x01\x01x", "\x01\x03"} {
		if _, err := m.decodeSemantics([]byte(row)); err == nil {
			t.Errorf("%q was taken for a row of the semantics version", row)
		}
	}
}

// changing are programs for which MEAN means something else at each version from the second on, up to the one that they know, and SEEN tells
// what it does at its place.
func changing(knows uint64) program {
	word := func(since func(keyspace.Semantics) bool) string {
		word := "first"
		for v := uint64(2); v <= knows; v++ {
			if since(keyspace.Semantics(v)) {
				word = "since " + strconv.FormatUint(v, 10)
			}
		}
		return word
	}
	return program{knows, []command.Spec{
		{Name: "MEAN", Arity: command.Exactly(2), Write: func(c *command.WriteCall) (resp.Value, error) {
			c.Tx.Put(c.At(1), mvcc.Attr{Type: mvcc.String}, []byte(word(c.Tx.Since)))
			return resp.BulkString(word(c.Tx.Since)), nil
		}},
		{Name: "SEEN", Arity: command.Exactly(2), Read: func(c *command.ReadCall) (resp.Value, error) {
			return resp.BulkString(word(c.View.Since)), nil
		}},
	}}
}

// TestMeaningAtItsPlace: what is in force changes between two requests of one entry, whatever version that was made for.
func TestMeaningAtItsPlace(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	p := changing(2)
	r.o.Table, r.o.Semantics = command.NewTable(testCommands(), p.commands), p.knows
	r.reopen()
	seen := LocalOp{Kind: OpRead, Proto: resp.RESP2, Spec: r.o.Table.Lookup([]byte("SEEN")), Args: words("SEEN k")}
	b := (&batch{}).command("MEAN k")
	b.local.Ops = append(b.local.Ops, seen)
	b.command(" SEMANTICS 2")
	b.local.Ops = append(b.local.Ops, seen)
	b.command("MEAN k")
	got := r.run(b)
	if want := []string{"$5|first|", "$5|first|", ":2|", "$7|since 2|", "$7|since 2|"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	r.reopen()
	r.expect(r.do("MEAN k"), "$7|since 2|")
	r.expect(r.multi(nil, "MEAN k", "SEEN k"), "*2|$7|since 2|$7|since 2|")
}

// changingLog is any requests, with MEAN at many places, and two rises. A program that knows 1 can apply what is in front of the first place, one
// that knows 2 what is in front of the second.
func changingLog(rng *rand.Rand) (log []request, rises [2]int) {
	some := randomLog(rng, 200)
	places := []int{1 + rng.IntN(len(some)/2), len(some)/2 + 1 + rng.IntN(len(some)/2-1)}
	for i, q := range some {
		for n, at := range places {
			if i == at {
				rises[n] = len(log)
				log = append(log, request{now: q.now, ops: []op{{args: []string{semanticsCommand, strconv.Itoa(n + 2)}}}})
			}
		}
		mean := op{db: uint32(rng.IntN(worldDatabases)), args: []string{"MEAN", "key:" + strconv.Itoa(rng.IntN(8))}}
		if q.multi {
			q.ops = append(q.ops, mean)
		}
		log = append(log, q, request{now: q.now, ops: []op{mean}})
	}
	return log, rises
}

// TestLawUpgrade: whichever programs a member ran, in whatever order it came to the log, and whatever of it it applied again by a newer one, it
// holds what the others hold.
func TestLawUpgrade(t *testing.T) {
	eachSeed(t, func(t *testing.T, rng *rand.Rand) {
		log, rises := changingLog(rng)
		newest := newReplicaOf(t, changing(3))
		each := batches(log, one)
		old := newReplicaOf(t, changing(1))
		for i, e := range each { // entry 0 is no batch
			newest.apply([]Entry{e})
			if i > rises[0] {
				continue
			}
			old.apply([]Entry{e})
			if a, b := old.summary(), newest.summary(); a != b {
				t.Fatalf("entry %d: old %s, new %s", i, a, b)
			}
		}
		want := newest.summary()
		if err := old.m.Apply(each[rises[0]+1:][:1]); err == nil {
			t.Error("an old program goes on behind the rise")
		}

		r, at := newReplicaOf(t, changing(1)), 0
		for range rises {
			r.stumble(rng, each, at, max(at, rises[r.knows-1]+1-rng.IntN(30)))
			r.program = changing(r.knows + 1)
			at = int(r.crash(rng))
		}
		r.stumble(rng, each, at, len(each))
		if got := r.summary(); got != want {
			t.Errorf("upgraded: %s, want %s", got, want)
		}
		split := newReplicaOf(t, changing(3))
		split.apply(batches(log, one)[:1])
		for _, e := range batches(log, func() int { return 1 + rng.IntN(60) })[1:] {
			split.apply([]Entry{e})
		}
		if got := split.summary(); got != want {
			t.Errorf("split: %s, want %s", got, want)
		}
	})
}

// stumble applies the entries from one place to another, and forgets some of them now and then.
func (r *replicaRig) stumble(rng *rand.Rand, entries []Entry, at, to int) int {
	r.t.Helper()
	for crashes := 0; at < to; {
		n := 1 + rng.IntN(min(to-at, 20))
		r.apply(entries[at : at+n])
		at += n
		switch n := rng.IntN(6); {
		case n == 0:
			if err := r.m.Sync(); err != nil {
				r.t.Fatal(err)
			}
		case n == 1 && crashes < crashesMax:
			at = int(r.crash(rng))
			crashes++
		}
	}
	return at
}

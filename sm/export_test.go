package sm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/rdb"
)

// An export is what DUMP says of each key, whatever is written between its steps.
func TestLawExport(t *testing.T) {
	passed := 0
	eachTypedSeed(t, func(t *testing.T, rng *rand.Rand, typed []request) {
		r := newReplica(t)
		log := batches(typed, func() int { return 1 + rng.IntN(5) })
		before := len(log) / 2
		r.apply(log[:before])
		want := r.dumps(t)
		var file bytes.Buffer
		if err := r.m.Export(&file, everything, func(uint64) {}, nil); err != nil {
			t.Fatal(err)
		}
		if got := keysOf(t, &file); got != want {
			t.Fatalf("exported\n%s, want\n%s", got, want)
		}
		file.Reset()
		x, rest, err := exportWalk{m: r.m}, log[before:], error(nil)
		if err := x.begin(&file, everything, func(uint64) {}); err != nil {
			t.Fatal(err)
		}
		for done := false; !done && err == nil; {
			rest = r.some(rng, rest)
			if done, err = x.look(); err == nil {
				rest = r.some(rng, rest)
				err = x.x.Write()
			}
		}
		if errors.Is(err, mvcc.ErrCompacted) {
			return
		}
		if err := errors.Join(err, x.x.Close()); err != nil {
			t.Fatal(err)
		}
		passed++
		if got := keysOf(t, &file); got != want {
			t.Errorf("exported while it changed\n%s, want\n%s", got, want)
		}
	})
	if passed == 0 {
		t.Error("compaction was ahead of each export")
	}
}

func noAux(uint64) []string { return nil }

var everything = keyspace.ExportOptions{Fields: true, Aux: noAux}

// some applies a few of the entries and returns the others.
func (r *replicaRig) some(rng *rand.Rand, entries []Entry) []Entry {
	n := min(rng.IntN(12), len(entries))
	r.apply(entries[:n])
	return entries[n:]
}

// dumps are all keys of the present, with what DUMP says of them.
func (r *replicaRig) dumps(t *testing.T) string {
	t.Helper()
	var lines []string
	r.m.RLock()
	defer r.m.RUnlock()
	rev := r.m.Space().Store.Revision()
	for db := range uint32(16) {
		view, err := r.m.At(db, rev)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range view.Keys([]byte("*")) {
			it, _ := view.Find(key)
			payload, ok := view.Dump(key)
			if !ok {
				t.Fatalf("no dump of key %q", key)
			}
			v, err := rdb.Decode(payload)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, exportLine(int(db), key, view.Deadline(it), v))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func exportLine(db int, key []byte, deadline int64, v *rdb.Value) string {
	slices.SortFunc(v.Set, bytes.Compare)
	slices.SortFunc(v.Hash, func(a, b rdb.Field) int { return bytes.Compare(a.Name, b.Name) })
	return fmt.Sprintf("%d %q %d %d %q %q %q %v %v", db, key, deadline, v.Type, v.String, v.List, v.Set, v.Hash, v.ZSet)
}

func keysOf(t *testing.T, file io.Reader) string {
	t.Helper()
	var lines []string
	err := rdb.ReadFile(file, rdb.Visitor{Key: func(k rdb.Key) error {
		lines = append(lines, exportLine(k.DB, k.Name, k.Deadline, k.Value))
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestExportGivesUp(t *testing.T) {
	r := newReplica(t)
	r.apply(batches([]request{{now: 1, ops: []op{
		{args: strings.Fields("HSET h f v")},
		{args: strings.Fields("HPEXPIRE h 1000 FIELDS 1 f")},
	}, multi: true}}, func() int { return 1 }))
	stopped := make(chan struct{})
	close(stopped)
	if err := r.m.Export(io.Discard, everything, func(uint64) {}, stopped); !errors.Is(err, mvcc.ErrStopped) {
		t.Errorf("stopped: %v, want %v", err, mvcc.ErrStopped)
	}
	if err := r.m.Export(io.Discard, keyspace.ExportOptions{Aux: noAux}, func(uint64) {}, nil); !errors.Is(err, keyspace.ErrFieldDeadlines) {
		t.Errorf("of fields with deadlines: %v, want %v", err, keyspace.ErrFieldDeadlines)
	}
	var file bytes.Buffer
	if err := r.m.Export(&file, keyspace.ExportOptions{NoKeys: true, Aux: noAux}, func(uint64) {}, nil); err != nil || keysOf(t, &file) != "" {
		t.Errorf("without keys: %v", err)
	}
	if err := r.m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.m.Export(io.Discard, everything, func(uint64) {}, nil); !errors.Is(err, errClosed) {
		t.Errorf("of a machine that is closed: %v, want %v", err, errClosed)
	}
}

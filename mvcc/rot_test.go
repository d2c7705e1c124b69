package mvcc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	rotRounds  = 6
	rotSeeds   = 300
	rotKeys    = 300
	rotApplied = 100 // by who looks whether the store can be used on
)

// fact is what a store holds behind an entry.
type fact struct{ rev, content uint64 }

// rotten makes a store of several files, with rows of all kinds, and tells what it held when.
func rotten(t *testing.T) (fs *vfs.MemFS, facts map[uint64]fact) {
	t.Helper()
	fs, facts = vfs.NewMem(), map[uint64]fact{}
	s, err := Open(rotOptions(fs))
	if err != nil {
		t.Fatal(err)
	}
	facts[0] = fact{}
	for round := range uint64(rotRounds) {
		b := s.Begin()
		s.Lock()
		for i := range rotKeys {
			tx := b.Tx()
			ks := tx.Keyspace(0)
			tx.Put(ks, fmt.Append(nil, "k", uint64(i%100)+round*50), Attr{Type: String}, fmt.Append(nil, "v", round, i))
			if i%10 == 0 {
				tx.Put(ks, fmt.Append(nil, "long", i), Attr{Type: String}, []byte(strings.Repeat(fmt.Sprint(round, i, " "), 300)))
			}
			tx.Commit()
		}
		s.Unlock()
		if err := errors.Join(b.Commit(round+1), s.Flush()); err != nil {
			t.Fatal(err)
		}
		content, err := wholeContent(s)
		if err != nil {
			t.Fatal(err)
		}
		facts[round+1] = fact{s.Revision(), content}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return fs, facts
}

func rotOptions(fs vfs.FS) Options { return Options{Dir: "store", FS: fs, Seed: 7, HeapMemory: true} }

func wholeContent(s *Store) (uint64, error) {
	s.RLock()
	defer s.RUnlock()
	h, err := s.Hasher(s.Revision())
	for done := false; err == nil && !done; {
		done, err = h.Step(100)
	}
	if err != nil {
		return 0, err
	}
	return h.Sum(), nil
}

// flipped is a copy of the files with one bit of one of them turned over.
func flipped(t *testing.T, from vfs.FS, rng *rand.Rand) (to vfs.FS, what string) {
	t.Helper()
	names, err := from.List("store")
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string][]byte{}
	for _, name := range names {
		f, err := from.Open("store/" + name)
		if err != nil {
			t.Fatal(err)
		}
		whole[name], err = io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	name := names[rng.IntN(len(names))]
	for len(whole[name]) == 0 {
		name = names[rng.IntN(len(names))]
	}
	at := rng.IntN(len(whole[name]))
	whole[name][at] ^= 1 << rng.IntN(8)
	to = vfs.NewMem()
	if err := to.MkdirAll("store", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, bytes := range whole {
		f, err := to.Create("store/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write(bytes)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return to, fmt.Sprintf("byte %d of %s", at, name)
}

// TestRotIsTold: a bit that is not as it was written, in whatever file, is told of, by an error and by Damaged if it is of rows; or it is not
// needed, and nothing is wrong; or the store is one of before, and its applied index with it.
func TestRotIsTold(t *testing.T) {
	fs, facts := rotten(t)
	told := 0
	for seed := range uint64(rotSeeds) {
		one, what := flipped(t, fs, rand.New(rand.NewPCG(seed, 1)))
		var damaged atomic.Int32
		o := rotOptions(one)
		ctx, end := context.WithCancel(context.Background())
		o.Damaged = func(path string, err error) {
			if damaged.Add(1); !strings.HasSuffix(path, ".sst") || err == nil {
				t.Errorf("%s: damage of %q: %v", what, path, err)
			}
			end() // Pebble tries for ever
		}
		is, err := useAll(ctx, o)
		end()
		switch {
		case err == nil && damaged.Load() > 0:
			t.Errorf("%s: damage, and no error", what)
		case err == nil && facts[is.applied] != is.fact:
			t.Errorf("%s: at index %d it holds %+v, want %+v", what, is.applied, is.fact, facts[is.applied])
		case err != nil && strings.HasSuffix(what, ".sst") && damaged.Load() == 0:
			t.Errorf("%s: %v, and nobody is told of damage", what, err)
		}
		if damaged.Load() > 0 {
			told++
		}
	}
	if told < rotSeeds/10 {
		t.Errorf("rows were damaged %d times in %d", told, rotSeeds)
	}
}

type usedStore struct {
	applied uint64
	fact
}

// useAll reads all that a store holds, and has Pebble write it anew.
func useAll(ctx context.Context, o Options) (is usedStore, err error) {
	s, err := Open(o)
	if err != nil {
		return is, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	is = usedStore{s.Applied(), fact{rev: s.Revision()}}
	if is.content, err = wholeContent(s); err != nil {
		return is, err
	}
	return is, errors.Join(s.Begin().Commit(rotApplied), s.db.Compact(ctx, []byte("a"), []byte("z"), false))
}

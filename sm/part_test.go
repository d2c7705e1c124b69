package sm

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redoubt-db/redoubt/mvcc"
)

// The parts of a state add up to its content, at any revision that can be read, and are the same on a machine that went through a crash.
func TestLawParts(t *testing.T) {
	eachSeed(t, func(t *testing.T, rng *rand.Rand) {
		r := newReplica(t)
		r.apply(batches(anyLog(rng, randomLog(rng, 100), 300), func() int { return 1 + rng.IntN(10) }))
		store := r.m.Space().Store
		rev := store.Compacted() + rng.Uint64N(store.Revision()-store.Compacted()+1)
		bits := uint8(rng.IntN(4))
		want := parts(t, r, rev, bits)
		sum := uint64(0)
		for _, part := range want {
			sum += part
		}
		if whole := content(t, r, rev); sum != whole {
			t.Errorf("parts at %d add up to %x, and the content is %x", rev, sum, whole)
		}
		if err := r.m.Sync(); err != nil {
			t.Fatal(err)
		}
		r.crash(rng)
		if got := parts(t, r, rev, bits); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("parts at %d after a restart %x, want %x", rev, got, want)
		}
	})
}

func parts(t *testing.T, r *replicaRig, rev uint64, bits uint8) (list []uint64) {
	t.Helper()
	for number := range uint64(1) << bits {
		sum, err := r.m.PartHash(rev, mvcc.Part{Number: number, Bits: bits}, nil)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, sum)
	}
	return list
}

func TestPartHashGivesUp(t *testing.T) {
	r := newReplica(t)
	stopped := make(chan struct{})
	close(stopped)
	if _, err := r.m.PartHash(1, mvcc.Part{}, nil); !errors.Is(err, mvcc.ErrFuture) {
		t.Errorf("of a revision to come: %v, want %v", err, mvcc.ErrFuture)
	}
	if err := r.m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.m.PartHash(0, mvcc.Part{}, stopped); !errors.Is(err, errClosed) {
		t.Errorf("of a machine that is closed: %v, want %v", err, errClosed)
	}
}

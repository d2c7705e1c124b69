package mvcc

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// partHashes is the sum of the hashes of all parts. TestSim and others compare it with the hash of the whole.
func partHashes(t *testing.T, s *Store, main uint64, bits uint8, step int) (sum uint64) {
	t.Helper()
	for number := range uint64(1) << bits {
		h, err := s.PartHasher(main, Part{number, bits})
		if err != nil {
			t.Fatal(err)
		}
		for done := false; !done; {
			if done, err = h.Step(step, func() {}); err != nil {
				t.Fatal(err)
			}
			if err := h.Load(); err != nil {
				t.Fatal(err)
			}
		}
		sum += h.Sum()
	}
	return sum
}

func TestValidParts(t *testing.T) {
	for _, c := range []struct {
		part Part
		want bool
	}{
		{Part{0, 0}, true}, {Part{1, 0}, false}, {Part{7, 3}, true}, {Part{8, 3}, false},
		{Part{1<<PartBitsMax - 1, PartBitsMax}, true}, {Part{0, PartBitsMax + 1}, false},
	} {
		if got := c.part.Valid(); got != c.want {
			t.Errorf("%+v is valid: %t, want %t", c.part, got, c.want)
		}
	}
}

// TestPartOfACompactedView: who is overtaken by compaction hears of it, and is told no hash.
func TestPartOfACompactedView(t *testing.T) {
	s := newStore(t)
	for i := range 100 {
		apply(t, s, put(fmt.Sprint(i), "x"))
	}
	apply(t, s, fill("h", 4000))
	main := s.Revision()
	apply(t, s, edit("h", 1))
	h, err := s.PartHasher(main, Part{})
	if err != nil {
		t.Fatal(err)
	}
	if done, err := h.Step(1, func() {}); done || err != nil {
		t.Fatalf("a step before: %t, %v", done, err)
	}
	compactOnce := func() {
		if s.compacted < main {
			compact(t, s, s.current)
		}
	}
	for _, while := range []string{"the collection of the past is made", "nothing happens"} {
		if done, err := h.Step(1000, compactOnce); done || !errors.Is(err, ErrCompacted) {
			t.Errorf("a step while %s: %t, %v, want %v", while, done, err, ErrCompacted)
		}
	}
	if _, err := s.PartHasher(main, Part{}); !errors.Is(err, ErrCompacted) {
		t.Errorf("a part of a compacted view: %v, want %v", err, ErrCompacted)
	}
}

// TestPartsBesideApply: the hash at a revision is the same while what it is of changes.
func TestPartsBesideApply(t *testing.T) {
	s := newStore(t)
	apply(t, s, fill("h", 4000))
	for i := range 300 {
		apply(t, s, put(fmt.Sprint(i), strings.Repeat("x", i*3))) // some of them cold
	}
	main, want := s.Revision(), contentHash(t, s, s.Revision(), 1000)
	n := 0
	meanwhile := func() {
		n++
		apply(t, s, edit("h", n))
		apply(t, s, put(fmt.Sprint(n%300), "changed"))
	}
	sum := uint64(0)
	for number := range uint64(4) {
		h, err := s.PartHasher(main, Part{number, 2})
		for done := false; !done && err == nil; meanwhile() {
			if done, err = h.Step(7, meanwhile); err == nil {
				err = h.Load()
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		sum += h.Sum()
	}
	if sum != want {
		t.Errorf("parts add up to %x, want %x", sum, want)
	}
}

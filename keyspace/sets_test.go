package keyspace

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A member that is one already is no change, and takes no revision.
func TestAddAgainChangesNothing(t *testing.T) {
	r := newRig(t, 1)
	r.apply(1000, func(tx *Tx) { s, _ := tx.SetAt([]byte("s")); s.Add([]byte("a")) })
	rev := r.store.Revision()
	r.apply(1000, func(tx *Tx) {
		s, _ := tx.SetAt([]byte("s"))
		if s.Add([]byte("a")) {
			t.Error("a was added twice")
		}
	})
	if got := r.store.Revision(); got != rev {
		t.Errorf("revision %d, want %d", got, rev)
	}
}

// Pop is the same on every replica, and leaves what it did not take.
func TestPop(t *testing.T) {
	popped := func(seed uint64) (list []string) {
		r := newRig(t, seed)
		r.apply(1000, func(tx *Tx) {
			s, _ := tx.SetAt([]byte("s"))
			for i := range 100 {
				s.Add(strconv.AppendInt(nil, int64(i), 10))
			}
			for _, name := range s.Pop(60) {
				list = append(list, string(name))
				if s.Has(name) {
					t.Errorf("%s was popped and is there", name)
				}
			}
			if s.Len() != 40 {
				t.Errorf("%d left, want 40", s.Len())
			}
			if rest := s.Pop(1000); len(rest) != 40 || s.Exists() {
				t.Errorf("%d popped in the end, and there is more: %v", len(rest), s.Exists())
			}
		})
		return list
	}
	a, b := popped(1), popped(2) // rigs differ, the request's seed does not
	if !slices.Equal(a, b) {
		t.Errorf("popped %v and %v", a, b)
	}
}

// slow is a combination of sets of names, told from what is in how many of them.
func slow(how string, sets []map[string]bool) (list []string) {
	for i := range 40 {
		name := member(i)
		in := 0
		for _, s := range sets {
			if s[name] {
				in++
			}
		}
		has := in > 0
		switch how {
		case "inter":
			has = in == len(sets)
		case "diff":
			has = in == 1 && sets[0][name]
		}
		if has {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// member is an integer, or not.
func member(i int) string {
	if i < 20 {
		return strconv.Itoa(i - 5)
	}
	return fmt.Sprint("m", i)
}

func TestCombinations(t *testing.T) {
	for seed := range uint64(60) {
		r, rnd := newRig(t, seed), rand.New(rand.NewPCG(seed, 5))
		models := make([]map[string]bool, 1+rnd.IntN(9))
		r.apply(1000, func(tx *Tx) {
			sets := make([]Members, len(models))
			for i := range models {
				s, _ := tx.SetAt(fmt.Appendf(nil, "s%d", i))
				models[i] = map[string]bool{}
				of := 20 + 20*rnd.IntN(2)
				for range rnd.IntN(60) {
					name := member(rnd.IntN(of))
					if s.Add([]byte(name)) == models[i][name] {
						t.Fatalf("seed %d: adding %s", seed, name)
					}
					models[i][name] = true
				}
				sets[i] = s.Members()
			}
			for how, combine := range map[string]Combine{"inter": Inter, "union": Union, "diff": Diff} {
				var got []string
				for _, name := range CombineNames(combine, sets) {
					got = append(got, string(name))
				}
				slices.Sort(got)
				if want := slow(how, models); !slices.Equal(got, want) {
					t.Errorf("seed %d: %s of %v is\n%s, want\n%s", seed, how, models, strings.Join(got, " "), strings.Join(want, " "))
				}
				calls := 0
				combine(sets, func([]byte) bool { calls++; return false })
				if calls > 1 {
					t.Errorf("seed %d: %s goes on after false", seed, how)
				}
			}
		})
	}
}

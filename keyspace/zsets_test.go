package keyspace

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redoubt-db/redoubt/mvcc"
)

// slowZSet is members in order.
type slowZSet []Scored

func (s slowZSet) without(name string) slowZSet {
	return slices.DeleteFunc(slices.Clone(s), func(m Scored) bool { return string(m.Name) == name })
}

func (s slowZSet) with(name string, score float64) slowZSet {
	s = append(s.without(name), Scored{[]byte(name), score})
	slices.SortFunc(s, compareScored)
	return s
}

func (s slowZSet) String() (out string) {
	for _, m := range s {
		out += fmt.Sprintf("%s:%v ", m.Name, m.Score)
	}
	return out
}

// span is the ranks of the members that are inside, which are in one row.
func (s slowZSet) span(inside func(Scored) bool) (n, from int) {
	from = slices.IndexFunc(s, inside)
	for _, m := range s {
		if inside(m) {
			n++
		}
	}
	return n, from
}

func randomScore(r *rand.Rand) float64 {
	switch r.IntN(20) {
	case 0:
		return math.Inf(1 - 2*r.IntN(2))
	case 1:
		return math.Copysign(0, -1)
	case 2:
		return math.Ldexp(r.NormFloat64(), r.IntN(2000)-1000)
	}
	return float64(r.IntN(21)-10) / 2
}

func contents(c mvcc.Collection) (s slowZSet) {
	c.Scores.Ascend(0, func(e *mvcc.Element) bool {
		s = append(s, Scored{bytes.Clone(e.Name), mvcc.MajorScore(e.Major)})
		return true
	})
	return s
}

// TestZSetModel holds a sorted set, small and then large, to a sorted list.
func TestZSetModel(t *testing.T) {
	r := newRig(t, 1)
	var slow slowZSet
	for i := range int64(4000) {
		r.apply(1000+i, func(tx *Tx) {
			z, err := tx.ZSet([]byte("z"))
			if err != nil {
				t.Fatal(err)
			}
			name, score := fmt.Sprint(r.rand.IntN(600)), randomScore(r.rand)
			switch r.rand.IntN(40) {
			case 0:
				n, highest := r.rand.IntN(4), r.rand.IntN(2) == 0
				got := z.Pop(n, highest)
				n = min(n, len(slow))
				want := slices.Clone(slow[:n])
				if highest {
					want = slices.Clone(slow[len(slow)-n:])
					slices.Reverse(want)
				}
				for _, m := range want {
					slow = slow.without(string(m.Name))
				}
				if fmt.Sprint(slowZSet(got)) != fmt.Sprint(want) {
					t.Fatalf("Pop(%d, %v) = %v, want %v", n, highest, slowZSet(got), want)
				}
			case 1, 2, 3, 4, 5, 6:
				z.Remove([]byte(name))
				slow = slow.without(name)
			default:
				if _, _, err := z.Add(Scored{[]byte(name), score}, Adding{}); err != nil {
					t.Fatal(err)
				}
				slow = slow.with(name, score+0)
			}
			if z.Exists() != (len(slow) > 0) || z.Len() != len(slow) {
				t.Fatalf("%d members, want %d", z.Len(), len(slow))
			}
			if z.Exists() && i%16 == 0 {
				checkRanges(t, r.rand, z.Collection(), slow)
			}
		})
	}
}

// checkRanges compares the members, and the ranges of scores and, in a copy with one score, names.
func checkRanges(t *testing.T, r *rand.Rand, c mvcc.Collection, slow slowZSet) {
	t.Helper()
	for i, m := range contents(c) {
		if !bytes.Equal(m.Name, slow[i].Name) || m.Score != slow[i].Score || math.Signbit(m.Score) && m.Score == 0 {
			t.Fatalf("member %d is %s %v, want %s %v", i, m.Name, m.Score, slow[i].Name, slow[i].Score)
		}
	}
	for range 20 {
		s := ScoreRange{Min: randomScore(r), Max: randomScore(r), MinOpen: r.IntN(2) == 0, MaxOpen: r.IntN(2) == 0}
		n, want := slow.span(func(m Scored) bool {
			return (m.Score > s.Min || m.Score == s.Min && !s.MinOpen) && (m.Score < s.Max || m.Score == s.Max && !s.MaxOpen)
		})
		if from, to := s.Ranks(c); to-from != n || n > 0 && from != want {
			t.Fatalf("%+v is %d to %d, want %d from %d", s, from, to, n, want)
		}
	}
}

// TestLexRanks looks for names, few and many, as a list would.
func TestLexRanks(t *testing.T) {
	r := newRig(t, 2)
	limit := func() LexLimit {
		return LexLimit{Name: fmt.Append(nil, r.rand.IntN(400)), Open: r.rand.IntN(2) == 0, First: r.rand.IntN(8) == 0, Last: r.rand.IntN(8) == 0}
	}
	for _, size := range []int{1, 5, 300} {
		var slow slowZSet
		for i := range size {
			slow = slow.with(fmt.Sprint(i), 7)
		}
		r.apply(1000, func(tx *Tx) {
			tx.StoreZSet([]byte("z"), slices.Clone(slow), "")
			z, _ := tx.ZSet([]byte("z"))
			for range 2000 {
				x := LexRange{limit(), limit()}
				if x.Min.First {
					x.Min.Last = false
				}
				if x.Max.First {
					x.Max.Last = false
				}
				n, want := slow.span(func(m Scored) bool { return x.reaches(m.Name) && !x.passed(m.Name) })
				if from, to := x.Ranks(z.Collection(), r.rand.IntN(2) == 0); to-from != n || n > 0 && from != want {
					t.Fatalf("of %d, %+v is %d to %d, want %d from %d", size, x, from, to, n, want)
				}
			}
		})
	}
}

// TestZUnionModel merges sources of many sizes, and looks each member up.
func TestZUnionModel(t *testing.T) {
	r := newRig(t, 3)
	for round := range int64(60) {
		r.apply(1000+round, func(tx *Tx) {
			var sources []ZSource
			var models []map[string]float64
			for i := range r.rand.IntN(6) + 1 {
				key := fmt.Appendf(nil, "s%d", i)
				model := map[string]float64{}
				for range r.rand.IntN(60) {
					model[fmt.Sprint(r.rand.IntN(80))] = float64(r.rand.IntN(100))
				}
				var list []Scored
				for name, score := range model {
					list = append(list, Scored{[]byte(name), score})
				}
				slices.SortFunc(list, compareScored)
				tx.StoreZSet(key, list, "")
				v := tx.View()
				s, err := v.ZSource(key)
				if err != nil {
					t.Fatal(err)
				}
				s.Weight = float64(r.rand.IntN(3))
				sources, models = append(sources, s), append(models, model)
			}
			var union, inter, diff slowZSet
			for i := range 80 {
				name, sum, in := fmt.Sprint(i), 0.0, 0
				for j, m := range models {
					if score, ok := m[name]; ok {
						sum += score * sources[j].Weight
						in++
					}
				}
				first, there := models[0][name]
				if in > 0 {
					union = union.with(name, sum)
				}
				if in == len(models) {
					inter = inter.with(name, sum)
				}
				if there && in == 1 {
					diff = diff.with(name, first)
				}
			}
			for _, c := range []struct {
				what      string
				got, want slowZSet
			}{{"union", ZUnion(sources, Sum), union}, {"inter", ZInter(sources, Sum), inter}, {"diff", ZDiff(sources), diff}} {
				if c.got.String() != c.want.String() {
					t.Fatalf("round %d: %s\n got %v\nwant %v", round, c.what, c.got, c.want)
				}
			}
		})
	}
}

func TestSample(t *testing.T) {
	for seed := range uint64(200) {
		v := View{Seed: seed}
		for _, c := range [][2]int{{1, 1}, {10, 3}, {10, 4}, {10, 10}, {10, 12}, {1000, 5}} {
			list := v.Sample(c[0], c[1])
			slices.Sort(list)
			if len(list) != min(c[0], c[1]) || len(slices.Compact(list)) != min(c[0], c[1]) || list[0] < 0 || list[len(list)-1] >= c[0] {
				t.Fatalf("Sample(%d, %d) = %v", c[0], c[1], list)
			}
		}
	}
}

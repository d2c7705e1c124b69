package keyspace

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/redoubt-db/redoubt/mvcc"
)

// ZSource is a sorted set to be combined with others, or a set, all of whose members have the score 1. That of an absent
// key is empty.
type ZSource struct {
	Weight float64 // scores are multiplied by it
	c      mvcc.Collection
	live   bool
	set    bool
	v      *View
}

// ZSource is the source at key, of weight 1; ErrWrongType if it is neither sorted set nor set. It is good while the view
// is.
func (v *View) ZSource(key []byte) (ZSource, error) {
	it, ok := v.Lookup(key)
	if !ok {
		return ZSource{Weight: 1, v: v}, nil
	}
	if it.Type != mvcc.ZSet && it.Type != mvcc.Set {
		return ZSource{}, ErrWrongType
	}
	v.noteUse(it)
	return ZSource{Weight: 1, c: v.open(it), live: true, set: it.Type == mvcc.Set, v: v}, nil
}

// Len is the number of members.
func (s *ZSource) Len() int {
	if !s.live {
		return 0
	}
	return s.c.Len()
}

func (s *ZSource) each(fn func(*mvcc.Element) bool) {
	if s.live {
		s.c.Ascend(0, fn)
	}
}

func (s *ZSource) score(e *mvcc.Element) float64 {
	if s.set {
		return 1
	}
	return mvcc.Score(e.Value)
}

// find is the score of what has the place of e: all collections of names have one order.
func (s *ZSource) find(e *mvcc.Element) (float64, bool) {
	if !s.live {
		return 0, false
	}
	found, ok := s.c.Find(e.Major, e.Name)
	if !ok {
		return 0, false
	}
	return s.score(&found), true
}

// Aggregate says what becomes of the scores of a member that several sources have.
type Aggregate uint8

const (
	Sum Aggregate = iota + 1
	Least
	Greatest
)

// of is one more score put to those before. Infinities that cancel each other make 0.
func (a Aggregate) of(scores, score float64) float64 {
	switch {
	case a == Sum:
		return zeroForNaN(scores + score)
	case a == Least && score < scores, a == Greatest && score > scores:
		return score
	}
	return scores
}

func zeroForNaN(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}

// bySize orders sources from the smallest on, in which order Redis puts scores together: sums depend on it.
func bySize(sources []ZSource) []ZSource {
	sources = slices.Clone(sources)
	slices.SortStableFunc(sources, func(a, b ZSource) int { return cmp.Compare(a.Len(), b.Len()) })
	return sources
}

// ZUnion is the members of any source, in order of their scores. Names are the sources'.
func ZUnion(sources []ZSource, a Aggregate) (list []Scored) {
	var runs [][]weighed
	for _, s := range bySize(sources) {
		run := make([]weighed, 0, s.Len())
		s.each(func(e *mvcc.Element) bool {
			run = append(run, weighed{e.Major, Scored{e.Name, zeroForNaN(float64(s.Weight * s.score(e)))}})
			return true
		})
		runs = append(runs, run)
	}
	apart(sources, func() {
		list = summed(merged(runs), a)
		slices.SortFunc(list, compareScored)
	})
	return list
}

// apart runs what takes long and walks over none of the sources: see View.Apart.
func apart(sources []ZSource, fn func()) { sources[0].v.Apart(fn) }

// summed makes one of members that come twice.
func summed(all []weighed, a Aggregate) []Scored {
	list := make([]Scored, 0, len(all))
	for i, m := range all {
		if i > 0 && all[i-1].compare(m) == 0 {
			last := &list[len(list)-1]
			last.Score = a.of(last.Score, m.Score)
		} else {
			list = append(list, m.Scored)
		}
	}
	return list
}

// weighed is a member of a source with its place there.
type weighed struct {
	major uint64
	Scored
}

func (m weighed) compare(o weighed) int {
	if c := cmp.Compare(m.major, o.major); c != 0 {
		return c
	}
	return bytes.Compare(m.Name, o.Name)
}

// merged is runs in one, in the order of places; of equal ones that of an earlier run comes first. Each run is in that order
// already, since collections are.
func merged(runs [][]weighed) []weighed {
	for len(runs) > 1 {
		var next [][]weighed
		for i := 0; i+1 < len(runs); i += 2 {
			next = append(next, mergedPair(runs[i], runs[i+1]))
		}
		if len(runs)%2 == 1 {
			next = append(next, runs[len(runs)-1])
		}
		runs = next
	}
	if len(runs) == 0 {
		return nil
	}
	return runs[0]
}

func mergedPair(a, b []weighed) []weighed {
	if len(a) == 0 {
		return b
	}
	list := make([]weighed, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].compare(b[0]) <= 0 {
			list, a = append(list, a[0]), a[1:]
		} else {
			list, b = append(list, b[0]), b[1:]
		}
	}
	return append(append(list, a...), b...)
}

// ZInter is the members of all sources, in order of their scores. Names are the sources'.
func ZInter(sources []ZSource, a Aggregate) []Scored {
	var list []Scored
	zInter(sources, a, func(m Scored) bool {
		list = append(list, m)
		return true
	})
	apart(sources, func() { slices.SortFunc(list, compareScored) })
	return list
}

// ZInterCount is how many members all sources have, or limit if they are more; a limit of 0 is none.
func ZInterCount(sources []ZSource, limit int64) (n int64) {
	zInter(sources, Sum, func(Scored) bool {
		n++
		return n != limit
	})
	return n
}

// zInter calls fn with the members of all sources, in no order of note, until it returns false.
func zInter(sources []ZSource, a Aggregate, fn func(Scored) bool) {
	sources = bySize(sources)
	first := &sources[0]
	first.each(func(e *mvcc.Element) bool {
		scores := zeroForNaN(float64(first.Weight * first.score(e)))
		for i := range sources[1:] {
			s := &sources[i+1]
			score, ok := s.find(e)
			if !ok {
				return true
			}
			scores = a.of(scores, float64(score*s.Weight))
		}
		return fn(Scored{e.Name, scores})
	})
}

// ZDiff is the members that only the first source has, in order of their scores. Names are the source's.
func ZDiff(sources []ZSource) (list []Scored) {
	first := &sources[0]
	first.each(func(e *mvcc.Element) bool {
		for i := range sources[1:] {
			if _, ok := sources[i+1].find(e); ok {
				return true
			}
		}
		list = append(list, Scored{e.Name, first.score(e)})
		return true
	})
	apart(sources, func() { slices.SortFunc(list, compareScored) })
	return list
}

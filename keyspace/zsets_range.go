package keyspace

import (
	"bytes"
	"sort"

	"github.com/redoubt-db/redoubt/mvcc"
)

// ScoreRange is the scores from Min to Max, without those themselves where they are Open.
type ScoreRange struct {
	Min, Max         float64
	MinOpen, MaxOpen bool
}

// Ranks are the ranks of the members whose scores are in the range: from up to but not including to, which are equal
// where there are none.
func (r *ScoreRange) Ranks(c mvcc.Collection) (from, to int) {
	from, _ = c.Scores.Rank(limitMajor(r.Min, r.MinOpen), nil)
	to, _ = c.Scores.Rank(limitMajor(r.Max, !r.MaxOpen), nil)
	return from, max(from, to)
}

// limitMajor is the least major whose score is not below limit, or is above it if behind. -0 is in front of 0, and
// equal to it.
func limitMajor(limit float64, behind bool) uint64 {
	switch {
	case limit == 0 && behind:
		return mvcc.ScoreMajor(0) + 1
	case limit == 0:
		return mvcc.ScoreMajor(0) - 1 // that of -0
	case behind:
		return mvcc.ScoreMajor(limit) + 1
	}
	return mvcc.ScoreMajor(limit)
}

// LexLimit is an end of a range of names: a name, or what is in front of all or behind all.
type LexLimit struct {
	Name        []byte
	Open        bool // without Name itself
	First, Last bool // in front of all names; behind all
}

// compare tells whether a name is in front of the limit, at it or behind it.
func (l *LexLimit) compare(name []byte) int {
	switch {
	case l.First:
		return 1
	case l.Last:
		return -1
	}
	return bytes.Compare(name, l.Name)
}

// LexRange is the names between two limits.
type LexRange struct{ Min, Max LexLimit }

func (r *LexRange) reaches(name []byte) bool {
	c := r.Min.compare(name)
	return c > 0 || c == 0 && !r.Min.Open
}

func (r *LexRange) passed(name []byte) bool {
	c := r.Max.compare(name)
	return c > 0 || c == 0 && r.Max.Open
}

// lexWalkMax is up to how many members a range of names among different scores is found by looking at each.
const lexWalkMax = 128

// Ranks are the ranks of the members whose names are in the range, as those of a ScoreRange. That only means something if
// all have the same score; if not, it is what Redis finds, going forward or in reverse, as long as the members are few.
func (r *LexRange) Ranks(c mvcc.Collection, reverse bool) (from, to int) {
	n := c.Scores.Len()
	first, some := c.Scores.At(0)
	last, _ := c.Scores.At(n - 1)
	switch {
	case !some || r.Min.Last || r.Max.First:
		return 0, 0
	case first.Major == last.Major:
		from, to = 0, n
		if !r.Min.First {
			from = rankBehind(c.Scores, first.Major, r.Min.Name, r.Min.Open)
		}
		if !r.Max.Last {
			to = rankBehind(c.Scores, first.Major, r.Max.Name, !r.Max.Open)
		}
		return from, max(from, to)
	case !r.reaches(last.Name) || r.passed(first.Name):
		return 0, 0
	case n <= lexWalkMax:
		return r.walk(c.Scores, n, reverse)
	}
	at := func(i int) []byte {
		e, _ := c.Scores.At(i)
		return e.Name
	}
	from = sort.Search(n, func(i int) bool { return r.reaches(at(i)) })
	to = sort.Search(n, func(i int) bool { return r.passed(at(i)) })
	return from, max(from, to)
}

// rankBehind is the rank of the place of a name, or of the next one if behind.
func rankBehind(t mvcc.Tree, major uint64, name []byte, behind bool) int {
	rank, there := t.Rank(major, name)
	if there && behind {
		rank++
	}
	return rank
}

// walk finds the first name that is not in front of the range, in the direction, and those that follow up to one that is
// behind it.
func (r *LexRange) walk(t mvcc.Tree, n int, reverse bool) (from, to int) {
	if reverse {
		to = n
		t.Descend(n-1, func(e *mvcc.Element) bool {
			if !r.passed(e.Name) {
				return false
			}
			to--
			return true
		})
		from = to
		t.Descend(to-1, func(e *mvcc.Element) bool {
			if !r.reaches(e.Name) {
				return false
			}
			from--
			return true
		})
		return from, to
	}
	t.Ascend(0, func(e *mvcc.Element) bool {
		if r.reaches(e.Name) {
			return false
		}
		from++
		return true
	})
	to = from
	t.Ascend(from, func(e *mvcc.Element) bool {
		if r.passed(e.Name) {
			return false
		}
		to++
		return true
	})
	return from, to
}

// Limit cuts the ranks from..to down to count of them, or all if that is negative, behind the first offset, counted from
// the end if reverse. A negative offset leaves none.
func Limit(from, to int, reverse bool, offset, count int64) (int, int) {
	n := int64(to - from)
	if offset < 0 || offset >= n {
		return from, from
	}
	n -= offset
	if count >= 0 {
		n = min(n, count)
	}
	if reverse {
		to -= int(offset)
		return to - int(n), to
	}
	from += int(offset)
	return from, from + int(n)
}

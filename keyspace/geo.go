package keyspace

import (
	"github.com/redoubt-db/redoubt/internal/geo"
	"github.com/redoubt-db/redoubt/mvcc"
)

// Place is a member of a sorted set whose scores are points on the earth.
type Place struct {
	Scored
	At       geo.Point
	Distance float64 // from where the search began, in meters
}

// Near is the members of a sorted set in an area, in the order in which Redis finds them, until there are limit; 0 is no
// limit. Names are the collection's.
func Near(c mvcc.Collection, area *geo.Area, limit int64) (list []Place) {
	full := func() bool { return limit > 0 && int64(len(list)) >= limit }
	for _, r := range area.Ranges() {
		if full() {
			return list
		}
		from, to := scoresOf(r).Ranks(c)
		left := to - from
		if left == 0 {
			continue
		}
		c.Scores.Ascend(from, func(e *mvcc.Element) bool {
			score := mvcc.MajorScore(e.Major)
			at := geo.At(score)
			if distance, ok := area.Contains(at); ok {
				list = append(list, Place{Scored{e.Name, score}, at, distance})
			}
			left--
			return left > 0 && !full()
		})
	}
	return list
}

// Nearby is how many members Near has to look at.
func Nearby(c mvcc.Collection, area *geo.Area) (n int) {
	for _, r := range area.Ranges() {
		from, to := scoresOf(r).Ranks(c)
		n += to - from
	}
	return n
}

func scoresOf(r geo.Range) *ScoreRange { return &ScoreRange{Min: r.Min, Max: r.Max, MaxOpen: true} }

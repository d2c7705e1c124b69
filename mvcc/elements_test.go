package mvcc

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/redoubt-db/redoubt/internal/ranked"
)

// The model of a collection is the text of its elements, one on each line, sorted by place.

// elements is that text of a collection, which is checked for its order on the way.
func (m *sim) elements(c Collection, t Type) []byte {
	m.t.Helper()
	var lines []string
	var last Element
	n := 0
	c.Ascend(0, func(e *Element) bool {
		if n > 0 && (last.Major > e.Major || last.Major == e.Major && string(last.Name) >= string(e.Name)) {
			m.t.Fatalf("element %d %q follows %d %q", e.Major, e.Name, last.Major, last.Name)
		}
		if got, ok := c.At(n); !ok || string(got.Name) != string(e.Name) || string(got.Value) != string(e.Value) {
			m.t.Fatalf("element %d is %q, want %q", n, got.Name, e.Name)
		}
		if layout(t) == ranked.Hashed {
			if got, ok := c.Lookup(e.Name); !ok || got.Main != e.Main || got.Sub != e.Sub {
				m.t.Fatalf("element %q is %v, want %v", e.Name, got, *e)
			}
		}
		last = Element{Major: e.Major, Name: slices.Clone(e.Name)}
		n++
		lines = append(lines, elementLine(t, e))
		return true
	})
	if c.Len() != n {
		m.t.Fatalf("%d elements, where Len says %d", n, c.Len())
	}
	if t == ZSet {
		m.checkScores(c)
	} else {
		m.checkDue(c)
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, ""))
}

func (m *sim) checkScores(c Collection) {
	m.t.Helper()
	n := 0
	c.Scores.Ascend(0, func(s *Element) bool {
		if e, ok := c.Lookup(s.Name); !ok || Score(e.Value) != MajorScore(s.Major) {
			m.t.Fatalf("member %q has score %v, by score %v", s.Name, Score(e.Value), MajorScore(s.Major))
		}
		n++
		return true
	})
	if n != c.Len() {
		m.t.Fatalf("%d scores of %d members", n, c.Len())
	}
}

func (m *sim) checkDue(c Collection) {
	m.t.Helper()
	n := 0
	c.Due.Ascend(0, func(d *Element) bool {
		if e, ok := c.Lookup(d.Name); !ok || uint64(e.Deadline) != d.Major {
			m.t.Fatalf("element %q has deadline %d, by deadline %d", d.Name, e.Deadline, d.Major)
		}
		n++
		return true
	})
	volatile := 0
	c.Ascend(0, func(e *Element) bool {
		if e.Deadline != 0 {
			volatile++
		}
		return true
	})
	if n != volatile || c.Volatile != volatile {
		m.t.Fatalf("%d deadlines, where %d are by deadline and Volatile says %d", volatile, n, c.Volatile)
	}
}

func elementLine(t Type, e *Element) string {
	place := uint64(0)
	if layout(t) == ranked.Placed {
		place = e.Major
	}
	return fmt.Sprintf("%020d %q = %d:%016x @%d-%d !%d\n", place, e.Name, len(e.Value), xxhash.Sum64(e.Value), e.Main, e.Sub, e.Deadline)
}

// elementOp puts or deletes one element of a live collection.
func (m *sim) elementOp(tx *Tx, rnd *rand.Rand, ks Keyspace, key string) {
	it, ok := tx.Lookup(ks, []byte(key))
	if !ok {
		m.t.Fatalf("collection %q is gone", key)
	}
	e := Element{Name: []byte(fmt.Sprint("e", rnd.IntN(9))), Value: simValue(rnd)}
	switch it.Type {
	case List, Stream:
		e.Major, e.Name = 1<<63+rnd.Uint64N(12), e.Name[:rnd.IntN(3)]
	case ZSet:
		b := ScoreBytes([...]float64{0, 1, -1, 2.5, 1e300}[rnd.IntN(5)])
		e.Value = b[:]
	case Set:
		e.Value = nil
	case Hash:
		if rnd.IntN(4) == 0 {
			e.Deadline = 1 + rnd.Int64N(1<<41)
		}
	}
	rev, was := tx.Revision(), must(m.now.get(ks, key))
	place := elementLine(it.Type, &Element{Major: e.Major, Name: e.Name})
	place = place[:strings.Index(place, " = ")+3]
	var lines []string
	had := false
	for _, l := range strings.SplitAfter(was.value, "\n") {
		if strings.HasPrefix(l, place) {
			had = true
		} else if l != "" {
			lines = append(lines, l)
		}
	}
	if rnd.IntN(3) == 0 {
		if got := tx.DeleteElement(it.Ref, e); got != had {
			m.t.Fatalf("delete of element %q at %v: %v, want %v", e.Name, rev, got, had)
		}
		if !had {
			return
		}
	} else {
		if got := tx.PutElement(it.Ref, e); got == had {
			m.t.Fatalf("put of element %q at %v added: %v", e.Name, rev, got)
		}
		e.Main, e.Sub = rev.Main, rev.Sub
		lines = append(lines, elementLine(it.Type, &e))
	}
	slices.Sort(lines)
	was.value, was.mod = strings.Join(lines, ""), rev
	was.version++
	list := slices.Clone(m.now.keys[ks][key])
	list[len(list)-1] = was
	m.now.keys[ks][key] = list
}

// checkOwned finds collections that no key has and no view reaches, after all garbage is freed.
func (m *sim) checkOwned() {
	m.t.Helper()
	s, owned := m.s, map[uint32]bool{}
	for ref := s.cells.Next(0); ref != 0; ref = s.cells.Next(ref) {
		if c := s.cell(uint32(ref)); c.flags&cellUsed != 0 && c.collection() {
			owned[c.handle()] = true
		}
	}
	for i := range s.pasts.len {
		if p := s.past(s.pasts.at(i)); p.flags&pastHolds != 0 {
			owned[p.handle()] = true
		}
	}
	for ref := s.colls.Next(0); ref != 0; ref = s.colls.Next(ref) {
		if k := s.collection(uint32(ref)); k.flags&collUsed != 0 && !owned[uint32(ref)] {
			m.t.Fatalf("collection %v is nobody's", k.id())
		}
	}
}

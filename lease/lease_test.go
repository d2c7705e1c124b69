package lease

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// pair is a deadline and an id of the dumb queue, a slice that is sorted when asked.
type pair struct {
	deadline int64
	id       uint64
}

func TestQueueAgainstSlice(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	q := NewQueue[uint64]()
	var slow []pair
	for range 5000 {
		p := pair{r.Int64N(50), r.Uint64N(20)}
		slow = slices.DeleteFunc(slow, func(o pair) bool { return o == p })
		if r.IntN(2) == 0 {
			q.Add(p.deadline, p.id)
			slow = append(slow, p)
		} else {
			q.Remove(p.deadline, p.id)
		}
		slices.SortFunc(slow, func(a, b pair) int {
			return cmp.Or(cmp.Compare(a.deadline, b.deadline), cmp.Compare(a.id, b.id))
		})
		if q.Len() != len(slow) {
			t.Fatalf("Len() = %d, want %d", q.Len(), len(slow))
		}
		if next, ok := q.Next(); ok != (len(slow) > 0) || ok && next != slow[0].deadline {
			t.Fatalf("Next() = %d, %v, want the first of %v", next, ok, slow)
		}
		now, limit := r.Int64N(60), 1+r.IntN(10)
		var got, want []pair
		q.Due(now, func(deadline int64, id uint64) bool {
			got = append(got, pair{deadline, id})
			return len(got) < limit
		})
		for _, p := range slow {
			if p.deadline <= now && len(want) < limit {
				want = append(want, p)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("Due(%d) = %v, want %v", now, got, want)
		}
	}
}

// hanging is an attachment of the dumb table.
type hanging struct {
	id         uint64
	group, ref uint32
}

func TestAttachmentsAgainstMap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	table, slow := NewTable(), map[hanging]bool{}
	for range 5000 {
		h := hanging{r.Uint64N(4), r.Uint32N(3), r.Uint32N(10)}
		switch r.IntN(20) {
		case 0:
			table.Drop(h.group)
			for o := range slow {
				if o.group == h.group {
					delete(slow, o)
				}
			}
		case 1, 2, 3, 4, 5, 6, 7, 8:
			table.Detach(h.id, h.group, h.ref)
			delete(slow, h)
		default:
			table.Attach(h.id, h.group, h.ref)
			slow[h] = true
		}
		var want, groups []uint32
		inGroup := 0
		for o := range slow {
			groups = append(groups, o.group)
			if o.id == h.id {
				want = append(want, o.ref)
				if o.group == h.group {
					inGroup++
				}
			}
		}
		got := table.Refs(h.id)
		slices.Sort(got)
		slices.Sort(want)
		slices.Sort(groups)
		if !slices.Equal(got, want) || table.Attached(h.id, h.group) != inGroup {
			t.Fatalf("Refs(%d) = %v, Attached = %d, want %v, %d", h.id, got, table.Attached(h.id, h.group), want, inGroup)
		}
		if got := table.Groups(); !slices.Equal(got, slices.Compact(groups)) {
			t.Fatalf("Groups() = %v, want %v", got, groups)
		}
	}
}

func TestPutMovesDeadline(t *testing.T) {
	table := NewTable()
	table.Put(7, 100, 1100)
	table.Put(3, 50, 1050)
	table.Put(7, 100, 1020)
	if next, ok := table.Next(); next != 1020 || !ok {
		t.Errorf("Next() = %d, %v, want 1020", next, ok)
	}
	var due []uint64
	table.Due(1050, func(l *Lease) bool { due = append(due, l.ID); return true })
	if !slices.Equal(due, []uint64{7, 3}) {
		t.Errorf("Due(1050) = %v, want 7 3", due)
	}
	table.Delete(7)
	table.Delete(7)
	if table.Lookup(7) != nil || !slices.Equal(table.IDs(), []uint64{3}) || table.Len() != 1 {
		t.Errorf("after Delete(7) there are %v", table.IDs())
	}
	if next, _ := table.Next(); next != 1050 {
		t.Errorf("Next() = %d, want 1050", next)
	}
}

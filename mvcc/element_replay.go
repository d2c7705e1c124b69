package mvcc

import (
	"slices"

	"github.com/redoubt-db/redoubt/internal/ranked"
)

// How a start finds collections again. Their element rows may come before every surviving row of their key (a RENAME
// wrote a newer one) or outlive it (compaction empties in steps), so a collection is made by whichever row names it
// first, and one that no key named in the end is handed to compaction.

// byID are the collections met during replay, by a hash of their ids. Elements of one that were written together come one
// behind the other, so the last one met is likely the next. There may be millions of them, most of which are never looked
// for again, and a map of Go's would cost more than what it tells.
type byID struct {
	slots  []uint64 // a hash above a handle; 0 is free. Their number is a power of two
	n      int
	id     Revision
	handle uint32
}

const byIDMin = 1 << 10

func hashID(id Revision) uint64 {
	h := (id.Main ^ uint64(id.Sub)<<40) * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

func (x *index) meetCollection(met *byID, t Type, id Revision) (uint32, *collection) {
	if met.id != id || met.handle == 0 {
		met.id, met.handle = id, x.meetAnother(met, t, id)
	}
	return met.handle, x.collection(met.handle)
}

func (x *index) meetAnother(met *byID, t Type, id Revision) uint32 {
	if 2*met.n >= len(met.slots) {
		met.grow()
	}
	hash, mask := hashID(id), uint64(len(met.slots)-1)
	at := hash & mask
	for ; met.slots[at] != 0; at = (at + 1) & mask {
		if s := met.slots[at]; uint32(s>>32) == uint32(hash) && x.collection(uint32(s)).id() == id {
			return uint32(s)
		}
	}
	handle := x.newCollection(t, id)
	met.slots[at] = hash<<32 | uint64(handle)
	met.n++
	return handle
}

// grow needs no hash but what the slots have: there are never more of them than 32 bits can name.
func (met *byID) grow() {
	old := met.slots
	met.slots = make([]uint64, max(byIDMin, 2*len(old)))
	mask := uint64(len(met.slots) - 1)
	for _, s := range old {
		if s == 0 {
			continue
		}
		at := s >> 32 & mask
		for met.slots[at] != 0 {
			at = (at + 1) & mask
		}
		met.slots[at] = s
	}
}

// elementRun is elements of one collection that were put one behind the other: the trees take them all at once, which costs
// a fraction of putting each. Lists and streams are not gathered, since they grow at their end, where that is cheap.
type elementRun struct {
	handle  uint32
	bulk    ranked.Bulk
	changes []uint64
	old     []runOld
	second  ranked.Bulk // for the tree beside the root
}

// runOld is what an element of a run replaces.
type runOld struct {
	at       Revision // zero is nothing
	size     int      // bytes of name and value
	before   int      // the number of the element of the run that this one replaces, plus one; 0 is none
	replaced bool     // another element of the run replaces this one
	stood    bool     // before the run, something in this place was in the tree beside the root, at major
	major    uint64
	deadline bool // before the run, something in this place had a deadline
}

// gathers tells whether a record goes to a run.
func (run *elementRun) gathers(r *record) bool {
	return r.kind == kindElement && layout(r.attr.Type) == ranked.Hashed
}

// gather puts an element with the others of its collection. Its strings are to stay until replayRun.
func (s *Store) gather(p *replayer, r *record) error {
	handle, k := s.meetCollection(&p.met, r.attr.Type, r.collection)
	run := &p.run
	if handle != run.handle {
		s.replayRun(run)
		run.handle = handle
	}
	last := k.changes
	if n := len(run.changes); n > 0 {
		last = run.changes[n-1]
	}
	if Type(k.typ) != r.attr.Type || r.changes <= last {
		return errRecord
	}
	e := &r.element
	e.Major = s.hash.name(e.Name)
	run.bulk.Add(e)
	run.changes = append(run.changes, r.changes)
	return nil
}

// replayRun does what replayElement does, for each element of a run.
func (x *index) replayRun(run *elementRun) {
	n := run.bulk.Len()
	if n == 0 {
		return
	}
	k := x.collection(run.handle)
	run.old = slices.Grow(run.old[:0], n)[:n]
	clear(run.old)
	x.forest.PutAll(&k.root, &run.bulk, func(i, by int, old *Element) {
		o := &run.old[i]
		if by >= 0 {
			run.old[by].replaced, o.before = true, by+1
		} else {
			o.major, o.stood = k.second(old)
			o.deadline = old.Deadline != 0
		}
		o.at, o.size = Revision{old.Main, old.Sub}, len(old.Name)+len(old.Value)
	})
	for i := range n {
		e, o := run.bulk.Entry(i), &run.old[i]
		rev := Revision{e.Main, e.Sub}
		k.changes = run.changes[i]
		if o.before > 0 {
			before := &run.old[o.before-1]
			o.stood, o.major, o.deadline = before.stood, before.major, before.deadline
		}
		if !o.at.IsZero() || rev.Main > x.compacted {
			x.endVersion(run.handle, k, o.at, o.size, rev, false)
		} else if row := k.settle(rev, k.changes, false); !row.IsZero() {
			x.stale = append(x.stale, row)
		}
		k.modMain, k.modSub = rev.Main, rev.Sub
		if !o.replaced {
			x.replaySecond(run, k, e, o)
		}
	}
	x.forest.PutAll(&k.scores, &run.second, nil)
	run.second.Reset()
	run.bulk.Reset()
	run.changes = run.changes[:0]
}

// replaySecond brings the tree beside the root up to an element that stays; those that are to be put there are gathered.
func (x *index) replaySecond(run *elementRun, k *collection, e *Element, o *runOld) {
	if o.deadline {
		k.volatile--
	}
	if e.Deadline != 0 {
		k.volatile++
	}
	major, stands := k.second(e)
	if o.stood && stands && o.major == major {
		return
	}
	if o.stood {
		x.forest.Delete(&k.scores, o.major, e.Name)
	}
	if stands {
		run.second.Add(&Element{Major: major, Name: e.Name})
	}
}

func (x *index) replayElement(met *byID, r *record, rev Revision) error {
	handle, k := x.meetCollection(met, r.attr.Type, r.collection)
	if Type(k.typ) != r.attr.Type || r.changes <= k.changes {
		return errRecord
	}
	e := &r.element
	if r.attr.Type != List && r.attr.Type != Stream {
		e.Major = x.hash.name(e.Name)
	}
	old, had := x.forest.Find(k.root, e.Major, e.Name)
	deletes := r.kind == kindNoElement
	k.changes = r.changes
	switch {
	case had:
		old.Name, old.Value = e.Name, append([]byte(nil), old.Value...)
		x.endElement(handle, k, &old, rev, deletes)
	case rev.Main > x.compacted:
		x.endElement(handle, k, nil, rev, deletes)
	default:
		if row := k.settle(rev, r.changes, deletes); !row.IsZero() {
			x.stale = append(x.stale, row)
		}
	}
	k.modMain, k.modSub = rev.Main, rev.Sub
	switch {
	case !deletes:
		if had {
			k.count(&old, e)
		} else {
			k.count(nil, e)
		}
		x.putElement(k, e, &old, had)
	case had:
		k.count(&old, nil)
		x.dropElement(k, &old)
	}
	return nil
}

// dropUnnamed hands collections without a key to compaction.
func (x *index) dropUnnamed() {
	for ref := x.colls.Next(0); ref != 0; ref = x.colls.Next(ref) {
		if k := x.collection(uint32(ref)); k.flags&(collUsed|collBound) == collUsed {
			x.letGo(uint32(ref))
		}
	}
}

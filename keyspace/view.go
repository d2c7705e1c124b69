package keyspace

import (
	"github.com/redoubt-db/redoubt/mvcc"
)

// View reads at one revision. It cannot write, and it never waits: what it cannot answer it notes
// in Need and answers with an absent key, so the caller throws the reply away, gets what is needed and
// asks again. The store's read lock is held while a View and what it returned are in use.
type View struct {
	Seed uint64 // chance, for RANDOMKEY and the like; whoever makes the View brings it

	// Pauses lets long reads leave the store's read lock for moments, so that they do not hold up the applier. Only
	// who holds that lock as a reader, and no bytes of the store across calls, may set it. Release must follow.
	Pauses bool

	space    *Space
	mv       mvcc.View
	now      int64 // applied log time
	estimate int64 // this node's estimate of log time, at least now
	db       uint32
	ks       mvcc.Keyspace
	past     bool // at a revision: tombstones alone say what lived
	mayLoad  bool // may read the disk (inside apply, or on a pool's goroutine)
	need     Need
	pinned   bool  // the present, held at a revision across pauses
	misses   *news // where reads of absent keys are told; nil where nobody wants to know
	lookups  Lookups
	tally    *Lookups          // where look-ups are counted; nil is in lookups
	held     []mvcc.Collection // of a view that pauses: what it has read, until Release
}

// Need is what a View lacked to answer.
type Need uint8

const (
	// NeedTick: a key is due by this node's estimate but not by applied log time. Propose a tick and ask
	// again, so that no two nodes disagree about what has expired.
	NeedTick Need = 1 << iota
	// NeedDisk: a value is on disk only. Ask again from where the disk may be read.
	NeedDisk
	// NeedLong: the answer walks many keys, or long strings. Ask again off the event loop.
	NeedLong
)

// View is the current state of database db. now is applied log time, estimate this node's own, in
// milliseconds. mayLoad allows reads of the disk.
func (s *Space) View(db uint32, now, estimate int64, mayLoad bool) View {
	mv := s.Store.View()
	return View{space: s, mv: mv, now: now, estimate: max(now, estimate), db: db, ks: mv.Keyspace(db), mayLoad: mayLoad}
}

// At is the state of database db as of the end of a main revision; it may always read the disk.
// The errors are mvcc's ErrCompacted and ErrFuture.
func (s *Space) At(db uint32, rev uint64) (View, error) {
	mv, err := s.Store.At(rev)
	if err != nil {
		return View{}, err
	}
	return View{space: s, mv: mv, db: db, ks: mv.Keyspace(db), past: true, mayLoad: true}, nil
}

// CountFrom gives a view of the past the time from which TTL counts: this node's estimate of log time. What lives
// is not judged by it.
func (v *View) CountFrom(estimate int64) { v.estimate = estimate }

// Need is what the calls so far lacked; 0 means that their answers are true.
func (v *View) Need() Need { return v.need }

// Now is the log time the view is true at, in milliseconds; for a view of the past, 0.
func (v *View) Now() int64 { return v.now }

// Revision is the main revision the view is true at.
func (v *View) Revision() uint64 { return v.mv.Revision() }

// Database is the number of the database read.
func (v *View) Database() uint32 { return v.db }

// Lookup finds a live key. A key past its deadline is absent.
func (v *View) Lookup(key []byte) (mvcc.Item, bool) { return v.lookup(v.ks, key) }

// Find is Lookup for who asks about a key rather than for it: nobody is told if it is not there.
func (v *View) Find(key []byte) (mvcc.Item, bool) {
	it, ok := v.mv.Lookup(v.ks, key)
	if !v.found(&it, ok) {
		return mvcc.Item{}, false
	}
	return it, true
}

// Glance is Find where Redis does not look the key up: it does not count.
func (v *View) Glance(key []byte) (mvcc.Item, bool) {
	it, ok := v.mv.Lookup(v.ks, key)
	if !ok || !v.live(&it) {
		return mvcc.Item{}, false
	}
	return it, true
}

// found counts what was looked up, and tells whether it lives.
func (v *View) found(it *mvcc.Item, ok bool) bool {
	ok = ok && v.live(it)
	if v.tally != nil {
		v.tally.add(ok)
	} else {
		v.lookups.add(ok)
	}
	return ok
}

func (v *View) lookup(ks mvcc.Keyspace, key []byte) (mvcc.Item, bool) {
	it, ok := v.mv.Lookup(ks, key)
	if v.found(&it, ok) {
		return it, true
	}
	if v.misses != nil && ks == v.ks {
		v.misses.event(v.space.classes, v.db, missEvent, key)
	}
	return mvcc.Item{}, false
}

// live tells whether the item is within its deadline, noting when only a tick can say.
func (v *View) live(it *mvcc.Item) bool {
	if v.past {
		return true
	}
	if it.Type == mvcc.Hash && !v.before(v.mv.LastDeadline(*it)) {
		return false
	}
	return v.within(it.Attr)
}

// within tells whether a key with these attributes is within its own deadline. What hangs from a shared lease is there until the lease is
// revoked, also past the deadline: see Tx.RevokeDue. A pinned view shows what was there when it was pinned.
func (v *View) within(a mvcc.Attr) bool {
	if a.Lease != 0 {
		return v.pinned || v.space.Leases.Lookup(a.Lease) != nil
	}
	return v.before(a.Deadline)
}

// before tells whether a deadline, 0 for never, is still ahead, noting when only a tick can say.
func (v *View) before(d int64) bool {
	switch {
	case d == 0 || d > v.estimate:
		return true
	case d <= v.now:
		return false
	}
	v.need |= NeedTick
	return false
}

// Value is the item's value, which counts as a use of the key. A cold one is read if this view may, else noted as
// NeedDisk and nil.
func (v *View) Value(it mvcc.Item) []byte {
	v.noteUse(it)
	return v.Peek(it)
}

// Peek is Value without a use of the key.
func (v *View) Peek(it mvcc.Item) []byte {
	if !it.Cold {
		return it.Value
	}
	if !v.mayLoad {
		v.need |= NeedDisk
		return nil
	}
	b, err := v.mv.Load(it)
	if err != nil {
		panic(&DiskError{err})
	}
	return b
}

// TTL is what is left of a key's life in milliseconds: -1 without a deadline.
func (v *View) TTL(it mvcc.Item) int64 {
	d := v.space.deadline(it.Attr)
	if d == 0 {
		return -1
	}
	return max(d-v.estimate, 0)
}

// ExpireTime is when the item ends, in milliseconds of log time: -1 without a deadline.
func (v *View) ExpireTime(it mvcc.Item) int64 {
	if d := v.space.deadline(it.Attr); d != 0 {
		return d
	}
	return -1
}

// Deadline is when the item ends, in milliseconds of log time: its own or its lease's; 0 is never.
func (v *View) Deadline(it mvcc.Item) int64 { return v.space.deadline(it.Attr) }

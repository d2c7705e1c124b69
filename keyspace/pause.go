package keyspace

import "github.com/redoubt-db/redoubt/mvcc"

// A long read holds the store's read lock, and an applier that waits for the lock keeps all other readers out too.
// So it works in steps and lets go of the lock between them. What it reads must not change under it: it is
// pinned to the newest published revision, which has all that was acknowledged. Deadlines are in the versions,
// and what hung from a shared lease then counts as there.

// pauseEvery is how many keys a long read passes between pauses: well under a millisecond.
const pauseEvery = 1000

// pin is the view at a fixed revision; false if compaction is ahead of it already.
func (v *View) pin() (View, bool) {
	p := *v
	if !v.past {
		mv, err := v.space.Store.At(v.space.Store.Revision())
		if err != nil {
			return p, false
		}
		p.mv, p.ks, p.pinned = mv, mv.Keyspace(v.db), true
	}
	return p, true
}

// pause gives others a turn. Nothing read from the store before is good any more.
func (v *View) pause() {
	if v.Pauses {
		v.space.Store.RUnlock()
		v.space.Store.RLock()
	}
}

// open is the collection of an item that the view found. A view that pauses holds it, so that walks over it let others
// have their turn; it is good until Release.
func (v *View) open(it mvcc.Item) mvcc.Collection {
	c, err := v.hold(it)
	if err != nil {
		panic(&DiskError{err})
	}
	return c
}

// hold is open with an error: compaction passed the view, which was of the past, while the collection was made.
func (v *View) hold(it mvcc.Item) (c mvcc.Collection, err error) {
	if !v.Pauses {
		return v.mv.Collection(it), nil
	}
	if c, err = v.mv.Hold(it, v.pause); err == nil {
		v.held = append(v.held, c)
	}
	return c, err
}

// Apart runs fn, which uses nothing but what reads of this view returned, without the lock if that can be: if the view
// has held what it read, and copied the rest.
func (v *View) Apart(fn func()) {
	if len(v.held) == 0 {
		fn()
		return
	}
	v.space.Store.RUnlock()
	defer v.space.Store.RLock()
	fn()
}

// Release lets go of what a view that pauses has read. It ends the view's use.
func (v *View) Release() {
	for _, c := range v.held {
		c.Release()
	}
	v.held = nil
}

// stay is bytes of the store that are to be good across pauses.
func (v *View) stay(b []byte) []byte {
	if b == nil || !v.Pauses {
		return b
	}
	return append([]byte{}, b...)
}

package mvcc

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/internal/ranked"
)

// A walk over a million elements takes longer than an applier may wait. So who has the time holds the collection: it
// gets a copy in O(1), which shares with the original what neither changes, and lets go of the lock every few hundred
// elements. What it saw stays where it is, lock or not, until it lets go of the copy; that frees memory, which is a
// write, so the next transaction does it.
//
//	reader   Hold ── walk ─ pause ─ walk ─ pause ─ walk ── encode, without the lock ── Release
//	applier        (waits)  RPUSH   (waits)  DEL   (waits) COMPACT-STEP ...                    next Tx frees

const (
	// holdStep is how many elements a walk passes between pauses: well under a millisecond.
	holdStep = 1000

	// sweepPerTx is how many nodes of trees that were held a transaction frees, of some sixty leaves each.
	sweepPerTx = 4
)

// handedBack are the trees of collections that were held and are not any more.
type handedBack struct {
	some  atomic.Bool
	mu    sync.Mutex // innermost of all
	roots []ranked.Root
}

// Hold is Collection for walks that take long. Its elements stay as they are, and good without any lock, until Release;
// the walks still need RLock, which pause may let go of for a moment. It must not keep the caller from making
// progress. To make a collection of the past takes a walk too; ErrCompacted says that compaction passed the view
// meanwhile.
func (v View) Hold(it Item, pause func()) (c Collection, err error) {
	s := v.s
	k := s.collection(it.coll)
	if k.modMain > v.main {
		c, err = s.rebuildCollection(it, v.main, pause)
	} else {
		c = s.open(s.forest, k, s.forest.Clone(k.root), s.forest.Clone(k.scores))
	}
	h := &hold{s, pause}
	c.hold, c.Scores.hold, c.Due.hold = h, h, h
	return c, err
}

// hold is what the trees of a collection that is held have in common.
type hold struct {
	s     *Store
	pause func() // lets others have the lock for a moment
}

// Release lets go of a collection from Hold. It needs no lock, but an open store.
func (c Collection) Release() {
	if c.hold != nil && c.f == c.hold.s.forest { // else its memory is its own
		c.hold.s.handBack(c.root, c.Scores.root, c.Due.root)
	}
}

func (s *Store) handBack(roots ...ranked.Root) {
	s.handed.mu.Lock()
	s.handed.roots = append(s.handed.roots, roots...)
	s.handed.mu.Unlock()
	s.handed.some.Store(true)
}

// sweep frees some of what was handed back.
func (s *Store) sweep() {
	if s.handed.some.Load() {
		s.handed.some.Store(false) // before the list is looked at: who adds to it later says so again
		s.handed.mu.Lock()
		for i := range s.handed.roots {
			s.forest.Discard(&s.handed.roots[i])
		}
		s.handed.roots = s.handed.roots[:0]
		s.handed.mu.Unlock()
	}
	s.forest.Sweep(sweepPerTx)
}

// paced is fn with a pause every few elements.
func (t Tree) paced(fn func(*Element) bool) func(*Element) bool {
	if t.hold == nil {
		return fn
	}
	n := 0
	return func(e *Element) bool {
		if n++; n%holdStep == 0 {
			t.hold.pause()
		}
		return fn(e)
	}
}

// rebuildCollection makes the collection as of the end of main, in memory of its own.
func (s *Store) rebuildCollection(it Item, main uint64, pause func()) (Collection, error) {
	r := rebuild{s: s, it: it, main: main, pause: pause, x: &index{heap: heap{forest: newPrivateForest()}}}
	k := s.collection(it.coll)
	live := Tree{f: s.forest, root: k.root}
	if pause != nil {
		r.it.Key = bytes.Clone(it.Key)
		live = Tree{s.forest, s.forest.Clone(k.root), &hold{s, pause}}
		defer s.handBack(live.root)
	}
	r.then = *k
	r.then.root, r.then.scores, r.then.volatile = ranked.Make(layout(it.Type)), ranked.Make(ranked.Scored), 0
	past := k.past
	live.Ascend(0, func(e *Element) bool {
		if e.Main <= main {
			r.put(e)
		}
		return true
	})
	if err := r.pasts(past); err != nil {
		return Collection{}, err
	}
	return s.open(r.x.forest, &r.then, r.then.root, r.then.scores), nil
}

// rebuild is a collection of the past in the making.
type rebuild struct {
	s     *Store
	it    Item
	main  uint64
	pause func()
	x     *index
	then  collection
}

func (r *rebuild) put(e *Element) {
	r.then.count(nil, e)
	r.x.putElement(&r.then, e, nil, false)
}

// pasts adds what was live then and is not any more, from the newest past on.
func (r *rebuild) pasts(ref uint32) error {
	s, n := r.s, 0
	for ref != 0 {
		if r.main < s.compacted {
			return ErrCompacted // the past may be gone
		}
		p := s.elementPast(ref)
		if p.toMain <= r.main {
			break
		}
		if p.flags&pastAbsent == 0 && p.fromMain <= r.main {
			r.put(s.pastElement(r.it.Key, p.from()))
		}
		if n++; n%holdStep == 0 && r.pause != nil {
			r.pause()
			if r.main < s.compacted {
				return ErrCompacted
			}
		}
		ref = s.collection(p.owner).older(p) // behind the pause: p is above the view, and stays; what is older may go
	}
	return nil
}

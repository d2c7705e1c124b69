package mvcc

import (
	"fmt"
	"math"
	"slices"

	"github.com/redoubt-db/redoubt/internal/ranked"
	"github.com/redoubt-db/redoubt/internal/slab"
)

// Tree is elements in an order: see ranked for what the methods mean. It is a small value without resources, and good
// as long as the view it came from.
type Tree struct {
	f    *ranked.Forest
	root ranked.Root
	hold *hold // nil unless the collection is held: see Hold
}

// Len is the number of elements.
func (t Tree) Len() int { return t.f.Len(t.root) }

// Find is the element at a place.
func (t Tree) Find(major uint64, name []byte) (Element, bool) { return t.f.Find(t.root, major, name) }

// At is the element of a rank, 0 being the first.
func (t Tree) At(rank int) (Element, bool) { return t.f.At(t.root, rank) }

// Rank is how many elements are in front of a place, and whether there is one at it.
func (t Tree) Rank(major uint64, name []byte) (int, bool) { return t.f.Rank(t.root, major, name) }

// Ascend calls fn with the elements from a rank on until it returns false. The element is the same object each time;
// fn must not change the collection.
func (t Tree) Ascend(rank int, fn func(*Element) bool) { t.f.Ascend(t.root, rank, t.paced(fn)) }

// Descend is Ascend towards the front.
func (t Tree) Descend(rank int, fn func(*Element) bool) { t.f.Descend(t.root, rank, t.paced(fn)) }

// Collection is the elements of a key. Those of a List and a Stream are in the order of their places, those of a Hash,
// Set and ZSet in the order of their names' hashes: the same on every replica and after a start, and that of SCAN.
type Collection struct {
	Tree
	Scores   Tree // of a zset: members by score, then name. Major is ScoreMajor; there is nothing but it and Name
	Due      Tree // of others: elements with a deadline, by it, then name. Major is the deadline; there is nothing but it and Name
	Volatile int  // elements with a deadline
	ID       Revision
	hash     hasher
}

// Lookup is the element of a name in a Hash, Set or ZSet.
func (c Collection) Lookup(name []byte) (Element, bool) { return c.Find(c.hash.name(name), name) }

// Bytes is about the memory that the elements take.
func (c Collection) Bytes() int64 {
	second := c.Scores
	if second.f == nil {
		second = c.Due
	}
	return int64(slab.Size(collectionSize)) + c.f.Bytes(c.root) + c.f.Bytes(second.root)
}

// Scan calls fn with about count elements from the cursor on, 0 at first, of a Hash, Set or ZSet, and returns the cursor
// to go on with, 0 at the end. It promises what View.Scan does.
func (c Collection) Scan(cursor uint64, count int, fn func(*Element)) (next uint64) {
	if cursor>>hashBits != 0 {
		return 0
	}
	rank, _ := c.Rank(cursor, nil)
	seen, last := 0, uint64(0)
	c.Ascend(rank, func(e *Element) bool {
		if seen >= max(count, 1) && e.Major != last {
			next = e.Major
			return false
		}
		seen, last = seen+1, e.Major
		fn(e)
		return true
	})
	return next
}

// Collection is the elements of an item whose type has elements. A view of the past reads from disk what has changed
// since.
func (v View) Collection(it Item) Collection {
	if it.coll == 0 {
		panic(fmt.Sprintf("mvcc: key %q of type %d has no elements", it.Key, it.Type))
	}
	k := v.s.collection(it.coll)
	if k.modMain <= v.main {
		return v.s.open(v.s.forest, k, k.root, k.scores)
	}
	c, err := v.s.rebuildCollection(it, v.main, nil)
	if err != nil {
		panic(fmt.Sprintf("mvcc: elements of key %q at %d, where %d is compacted", it.Key, v.main, v.s.compacted))
	}
	return c
}

// Collection is View.Collection of the present.
func (tx *Tx) Collection(it Item) Collection { return tx.s.View().Collection(it) }

func (s *Store) open(f *ranked.Forest, k *collection, root, scores ranked.Root) Collection {
	c := Collection{Tree: Tree{f: f, root: root}, Volatile: int(k.volatile), ID: k.id(), hash: s.hash}
	if Type(k.typ) == ZSet {
		c.Scores = Tree{f: f, root: scores}
	} else {
		c.Due = Tree{f: f, root: scores}
	}
	return c
}

// FirstDeadline is the earliest deadline among the elements of the key with that handle; 0 if none has one, or there is no
// such key.
func (s *Store) FirstDeadline(ref Ref) int64 {
	c := s.validCell(ref)
	if c == nil || !c.collection() {
		return 0
	}
	k := s.collection(c.handle())
	if k.volatile == 0 {
		return 0
	}
	first, _ := s.forest.At(k.scores, 0)
	return int64(first.Major)
}

// LastDeadline is when the last element of an item is due; 0 if one never is. It is the present's, whatever the view.
func (v View) LastDeadline(it Item) int64 {
	if it.coll == 0 {
		return 0
	}
	k := v.s.collection(it.coll)
	n := v.s.forest.Len(k.root)
	if n == 0 || int(k.volatile) != n {
		return 0
	}
	last, _ := v.s.forest.At(k.scores, n-1)
	return int64(last.Major)
}

func newPrivateForest() *ranked.Forest {
	return ranked.New(slab.New(slab.Options{Narrow: true, Brief: true}), slab.New(slab.Options{Brief: true}))
}

// pastElement reads the record of an element that was superseded, or that is live.
func (s *Store) pastElement(key []byte, rev Revision) *Element {
	r, err := s.readRecord(rev)
	if err == nil && r.kind != kindElement {
		err = errRecord
	}
	if err != nil {
		panic(fmt.Sprintf("mvcc: record %v of an element of key %q: %v", rev, key, err))
	}
	if layout(r.attr.Type) == ranked.Hashed {
		r.element.Major = s.hash.name(r.element.Name)
	}
	return &r.element
}

// CollectionID is the revision that created the collection of an item whose type has elements.
func (v View) CollectionID(it Item) Revision { return v.s.collection(it.coll).id() }

// changeAt is the newest change of a collection's elements at or before the end of main, by revision and number; its
// creation, and 0, when there was none.
func (s *Store) changeAt(k *collection, main uint64) (rev Revision, seq uint64) {
	if k.modMain <= main {
		return k.mod(), k.changes
	}
	if ref := s.elementPastAt(k, main); ref != 0 {
		p := s.elementPast(ref)
		return Revision{p.toMain, p.toSub}, p.seq
	}
	if k.freed > 0 {
		return k.base(), k.freed
	}
	return k.id(), 0
}

// ElementHistory calls fn with the changes of a collection's elements behind a revision and up to the end of a main one, oldest first,
// until it returns false: an element put, with its value, or deleted, by place alone; and how many changes there were with it.
// None that only compacted views could see, none above Revision, and none above the view. It reads the disk.
func (v View) ElementHistory(it Item, behind Revision, to uint64, fn func(e *Element, deleted bool, changes uint64) bool) {
	s, k := v.s, v.s.collection(it.coll)
	to = min(to, v.main, s.Revision())
	if behind.Main <= s.compacted {
		behind = Revision{s.compacted, math.MaxUint32}
	}
	for high := uint64(0); high < to; behind = (Revision{high, math.MaxUint32}) {
		var list []Revision
		list, high = s.elementChanges(k, behind, to)
		for _, c := range slices.Backward(list) {
			r, err := s.readRecord(c)
			if err != nil || r.kind != kindElement && r.kind != kindNoElement {
				panic(fmt.Sprintf("mvcc: record %v of an element of key %q: %v", c, it.Key, err))
			}
			if !fn(&r.element, r.kind == kindNoElement, r.changes) {
				return
			}
		}
	}
}

// elementChanges are the revisions of changes behind one and up to high, newest first. Like oldestPasts it goes through few at once.
func (s *Store) elementChanges(k *collection, behind Revision, to uint64) (list []Revision, high uint64) {
	low := behind.Main
	if behind.Sub == math.MaxUint32 {
		low++
	}
	for high = to; ; list = list[:0] {
		half, whole := low+(high-min(low, high))/2, true
		for ref := s.elementPastAt(k, high); ref != 0; {
			p := s.elementPast(ref)
			rev := Revision{p.toMain, p.toSub}
			if rev.Compare(behind) <= 0 {
				break
			}
			if whole = len(list) < windowMax || half >= high; !whole {
				break
			}
			list = append(list, rev)
			ref = k.older(p)
		}
		if whole {
			return list, high
		}
		high = half
	}
}

// elementPastAt is the newest past that ended at or before the end of main, which is not below the compacted revision.
func (s *Store) elementPastAt(k *collection, main uint64) uint32 {
	ref := k.past
	for ref != 0 {
		p := s.elementPast(ref)
		switch {
		case p.toMain <= main:
			return ref
		case p.jump != 0 && p.jumpTo > main:
			ref = p.jump
		default:
			ref = k.older(p)
		}
	}
	return 0
}

// asOf is the item's Mod and Version as the view sees them.
func (v View) asOf(it Item, handle uint32) Item {
	k := v.s.collection(handle)
	it.coll = handle
	mod, seq := v.s.changeAt(k, v.main)
	it.Version += seq
	if mod.Compare(it.Mod) > 0 {
		it.Mod = mod
	}
	return it
}

package mvcc

import (
	"encoding/binary"
	"unsafe"

	"github.com/redoubt-db/redoubt/internal/ranked"
	"github.com/redoubt-db/redoubt/internal/slab"
)

// Element is one element of a collection. What its fields mean depends on the type of the key:
//
//	Hash    Name is the field; Major is a hash of Name
//	Set     Name is the member; Major as above
//	ZSet    Name is the member, Value its score as the 8 bytes of ScoreBytes; Major as above
//	List    Major and then Name are its place (see keyspace); Value is the item
//	Stream  Major is the milliseconds of the id, Name its sequence number; Value is the entry
//
// Main and Sub are the revision that wrote it. Byte strings alias the store: they are good until the next change
// of the collection and while the lock (or the Tx) is held.
type Element = ranked.Entry

// A collection is the live elements of one generation of a key, in a slab. The key's cell holds its handle where a
// string has its value; RENAME, MOVE and DEL touch the cell alone. Elements that are not live any more are not in it:
// the pasts that hang from it tell what has changed when, newest first, and from what, so that its state at a
// revision R is
//
//	the live elements written at or before R, and of the pasts with from <= R < to the elements at from
//
// which costs the changes since R. (Versions in each element would make that cheaper, and every element dearer.)
type collection struct {
	idMain   uint64 // the revision that created it names it on disk
	modMain  uint64 // the newest change of an element; the id when there was none
	baseMain uint64 // the newest change whose past is gone; zero when there was none
	idSub    uint32
	modSub   uint32
	baseSub  uint32
	past     uint32 // the newest past of an element; 0 when none is kept
	changes  uint64 // of elements so far: the key's version counts them
	freed    uint64 // changes whose pasts are gone: their number, as changes counts
	root     ranked.Root
	scores   ranked.Root // of a zset its members by score; of others the elements that have a deadline, by deadline
	volatile uint32      // elements with a deadline
	typ      uint8
	flags    uint8
}

const collectionSize = int(unsafe.Sizeof(collection{}))

const (
	collUsed  = 1 << iota // the slot holds a collection
	collBound             // replay: a key names it
	collBase              // the row of base is a deletion, and stays until a newer change takes its place as base
)

func (h *heap) collection(handle uint32) *collection {
	return (*collection)(h.colls.Pointer(slab.Ref(handle)))
}

// newCollection makes an empty collection that the revision creates.
func (h *heap) newCollection(t Type, id Revision) uint32 {
	handle := uint32(h.colls.Alloc(collectionSize))
	*h.collection(handle) = collection{
		idMain: id.Main, idSub: id.Sub, modMain: id.Main, modSub: id.Sub, typ: uint8(t), flags: collUsed,
		root: ranked.Make(layout(t)), scores: ranked.Make(ranked.Scored),
	}
	return handle
}

// freeCollection forgets a collection that has no elements left.
func (h *heap) freeCollection(handle uint32) {
	h.collection(handle).flags = 0
	h.colls.Free(slab.Ref(handle))
}

func layout(t Type) ranked.Layout {
	if t == List || t == Stream {
		return ranked.Placed
	}
	return ranked.Hashed
}

// HasElements tells a type whose keys are collections.
func (t Type) HasElements() bool { return t > String && t <= Stream }

func (c *cell) collection() bool { return Type(c.typ).HasElements() && c.live() }

// handle is the collection of a cell that has one.
func (c *cell) handle() uint32 { return uint32(c.value) }

func (k *collection) id() Revision   { return Revision{k.idMain, k.idSub} }
func (k *collection) mod() Revision  { return Revision{k.modMain, k.modSub} }
func (k *collection) base() Revision { return Revision{k.baseMain, k.baseSub} }

// second is the place of an element in the tree beside the root; false if it has none there.
func (k *collection) second(e *Element) (major uint64, ok bool) {
	if Type(k.typ) == ZSet {
		return binary.BigEndian.Uint64(e.Value), true
	}
	return uint64(e.Deadline), e.Deadline != 0
}

// putElement puts an element into the trees, in the place of old if had.
func (x *index) putElement(k *collection, e, old *Element, had bool) {
	x.putSecond(k, e, old, had)
	x.forest.Put(&k.root, e)
}

// putSecond is the part of putElement that is done beside the root.
func (x *index) putSecond(k *collection, e, old *Element, had bool) {
	major, is := k.second(e)
	if had {
		was, stands := k.second(old)
		had = stands && is && was == major
		if stands && !had {
			x.forest.Delete(&k.scores, was, e.Name)
		}
	}
	if is && !had {
		x.forest.Put(&k.scores, &Element{Major: major, Name: e.Name})
	}
}

// dropElement takes an element out of the trees.
func (x *index) dropElement(k *collection, e *Element) {
	x.dropSecond(k, e)
	x.forest.Delete(&k.root, e.Major, e.Name)
}

// dropSecond is the part of dropElement that is done beside the root.
func (x *index) dropSecond(k *collection, e *Element) {
	if major, is := k.second(e); is {
		x.forest.Delete(&k.scores, major, e.Name)
	}
}

// count keeps the number of elements with a deadline.
func (k *collection) count(old, e *Element) {
	if old != nil && old.Deadline != 0 {
		k.volatile--
	}
	if e != nil && e.Deadline != 0 {
		k.volatile++
	}
}

// endElement notes that an element's version, or its absence, ended with a change at to.
func (x *index) endElement(handle uint32, k *collection, old *Element, to Revision, deletes bool) {
	if old == nil {
		x.endVersion(handle, k, Revision{}, 0, to, deletes)
	} else {
		x.endVersion(handle, k, Revision{old.Main, old.Sub}, len(old.Name)+len(old.Value), to, deletes)
	}
}

// endVersion is endElement for a version written at from, with so many bytes of name and value; zero is absence.
func (x *index) endVersion(handle uint32, k *collection, from Revision, size int, to Revision, deletes bool) {
	flags := uint8(pastElement)
	if deletes {
		flags |= pastEnds
	}
	if from.IsZero() {
		flags |= pastAbsent
	}
	made := uint32(x.pastSlab.Alloc(int(unsafe.Sizeof(elementPast{}))))
	p := (*elementPast)(x.pastSlab.Pointer(slab.Ref(made)))
	*p = elementPast{seq: k.changes, past: past{
		fromMain: from.Main, fromSub: from.Sub, toMain: to.Main, toSub: to.Sub,
		next: k.past, owner: handle, flags: flags, size: packSize(recordOverhead + size),
	}}
	if k.past != 0 {
		x.hook(&p.past, x.past(k.past))
	}
	k.past = made
	x.pasts.push(made)
	x.pastBytes += unpackSize(p.size)
}

// elementPast is the past of an element: to is the change that ended it, and owner its collection.
type elementPast struct {
	past
	seq uint64 // the number of that change, as collection.changes counts
}

func (h *heap) elementPast(ref uint32) *elementPast {
	return (*elementPast)(h.pastSlab.Pointer(slab.Ref(ref)))
}

// older is the past before p; 0 when compaction took it. p ended above the compacted revision: below, a start may have
// found one change of several (see chunks.go), and what is before p may be gone.
func (k *collection) older(p *elementPast) uint32 {
	if p.seq-1 > k.freed {
		return p.next
	}
	return 0
}

// settle makes the change at to the newest whose past is gone. It returns the row that nothing needs any more: that
// of the deletion which was base before.
//
// The newest of these rows stays even if it is a deletion, since it alone tells the key's mod revision and version to a
// start that finds nothing else.
func (k *collection) settle(to Revision, seq uint64, deletes bool) (row Revision) {
	if k.base().Compare(to) > 0 { // a start found a newer one first
		if deletes {
			return to
		}
		return Revision{}
	}
	if k.flags&collBase != 0 {
		row = k.base()
	}
	k.baseMain, k.baseSub, k.freed = to.Main, to.Sub, seq
	k.flags &^= collBase
	if deletes {
		k.flags |= collBase
	}
	return row
}

// freeElementPast frees the past of an element whose turn has come, and its rows.
func (b *Batch) freeElementPast(ref uint32) {
	s := b.s
	p := s.elementPast(ref)
	k := s.collection(p.owner)
	if p.flags&pastAbsent == 0 {
		b.remove('r', p.from())
	}
	if row := k.settle(Revision{p.toMain, p.toSub}, p.seq, p.flags&pastEnds != 0); !row.IsZero() {
		b.remove('r', row)
	}
	if k.past == ref {
		k.past = 0
	}
	s.index.freePast(ref)
}

// letGo hands a collection that no view reaches any more to compaction.
func (x *index) letGo(handle uint32) {
	x.gones.push(handle)
	k := x.collection(handle)
	x.goneElements += x.forest.Len(k.root) + x.forest.Len(k.scores)
}

// emptyCollections removes at most max elements of the collections that were let go, and counts each of these too.
func (b *Batch) emptyCollections(max int) (done int) {
	for done < max && b.s.gones.len > 0 {
		done += b.emptyCollection(max - done)
	}
	return done
}

// emptyCollection removes at most max elements of the collection that was let go first, and it with the last.
func (b *Batch) emptyCollection(max int) (done int) {
	s := b.s
	handle := s.gones.at(0)
	k := s.collection(handle)
	done = s.forest.TakeFirst(&k.root, max, func(e *Element) { b.remove('r', Revision{e.Main, e.Sub}) })
	done += s.forest.TakeFirst(&k.scores, max-done, nil)
	s.goneElements -= done
	if done < max {
		if k.flags&collBase != 0 {
			b.remove('r', k.base())
		}
		s.forest.Release(&k.root)
		s.forest.Release(&k.scores)
		s.freeCollection(handle)
		s.gones.pop()
		done++
	}
	return done
}

// ended is a collection whose key went at rev: until compaction passes, its elements are history.
type ended struct {
	rev      Revision
	elements uint64 // of all collections that ever ended, this one included
}

// endCollection counts the elements of a collection that only the past holds from now on.
func (x *index) endCollection(handle uint32, rev Revision) {
	x.endedElements += uint64(x.forest.Len(x.collection(handle).root))
	x.ends.push(ended{rev, x.endedElements})
}

func (x *index) unendCollection() {
	x.ends.popBack()
	x.endedElements = x.endedGone
	if n := x.ends.len; n > 0 {
		x.endedElements = x.ends.at(n - 1).elements
	}
}

// endedAfter is how many elements of ended collections views above rev still reach.
func (x *index) endedAfter(rev uint64) int {
	gone := x.endedGone
	if n := x.ends.before(func(e ended) bool { return e.rev.Main > rev }); n > 0 {
		gone = x.ends.at(n - 1).elements
	}
	return int(x.endedElements - gone)
}

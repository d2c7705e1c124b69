package mvcc

import (
	"bytes"
	"fmt"
)

// Make gives key an empty collection of the type in a, superseding whatever it had. It is the caller's to put
// elements in: an empty collection is a live key.
func (tx *Tx) Make(ks Keyspace, key []byte, a Attr) Item {
	if !a.Type.HasElements() {
		panic(fmt.Sprintf("mvcc: a collection of type %d", a.Type))
	}
	ref, c, _ := tx.next(ks, key, a)
	handle := tx.s.newCollection(a.Type, c.mod())
	c.value, c.valueLen = uint64(handle), 0
	c.flags &^= cellCold
	tx.note(undoMake, handle)
	tx.writePut(c, c.mod())
	return tx.s.item(ref, c)
}

// elementUndo is how to take back the change of an element.
type elementUndo struct {
	major uint64 // its place
	name  []byte
	old   Element  // as it was, if had
	had   bool     // it was there before
	is    bool     // it is there now
	mod   Revision // of the collection before
}

// was is the element as it was, nil if it was not there.
func (u *elementUndo) was() *Element {
	if u.had {
		return &u.old
	}
	return nil
}

// PutElement adds an element to the collection of a live key, or supersedes the one in its place, and tells whether it
// added. Of e, Main and Sub are not looked at, nor is Major where it is a hash. It copies e, whose strings may alias the
// element superseded.
func (tx *Tx) PutElement(ref Ref, e Element) (added bool) {
	s := tx.s
	c, handle, k := tx.collection(ref)
	at := tx.seek(handle, k, e.Major, e.Name)
	e.Major = at.major
	u := tx.noteElement(handle, k, &e, &at.place.Entry, at.had)
	tx.recordElement(handle, k, &e, u)
	k.count(u.was(), &e)
	s.putSecond(k, &e, &u.old, u.had)
	s.forest.PutAt(&k.root, &at.place, &e)
	tx.changed(ChangeElementPut, ref, c, u)
	return !u.had
}

// recordElement writes the record of an element that is put, and has it named by its revision.
func (tx *Tx) recordElement(handle uint32, k *collection, e *Element, u *elementUndo) {
	rev := tx.Revision()
	u.is = true
	k.changes++
	tx.s.endElement(handle, k, u.was(), rev, false)
	e.Main, e.Sub = rev.Main, rev.Sub
	k.modMain, k.modSub = rev.Main, rev.Sub
	from := tx.beginRow(rev)
	tx.buf = appendElement(tx.buf, k, e, rev)
	tx.addRow(rev, from)
}

// DeleteElement removes an element from the collection of a live key; false if it is not there. Of e only the place is
// looked at. The collection may be empty then: that its key goes with the last element is the caller's rule to keep.
func (tx *Tx) DeleteElement(ref Ref, e Element) bool {
	c, handle, k := tx.collection(ref)
	at := tx.seek(handle, k, e.Major, e.Name)
	if !at.had {
		return false
	}
	u := tx.removeSought(handle, k, at)
	tx.s.dropSecond(k, &u.old)
	tx.changed(ChangeElementDelete, ref, c, u)
	return true
}

// recordElementGone writes the record of an element that is removed.
func (tx *Tx) recordElementGone(handle uint32, k *collection, u *elementUndo) {
	rev := tx.Revision()
	k.changes++
	tx.s.endElement(handle, k, &u.old, rev, true)
	k.modMain, k.modSub = rev.Main, rev.Sub
	from := tx.beginRow(rev)
	tx.buf = appendElementGone(tx.buf, k, &u.old, rev)
	tx.addRow(rev, from)
}

func (tx *Tx) collection(ref Ref) (*cell, uint32, *collection) {
	c := tx.s.validCell(ref)
	if c == nil || !c.collection() {
		panic(fmt.Sprintf("mvcc: handle %d at %v is no live collection", ref, tx.Revision()))
	}
	return c, c.handle(), tx.s.collection(c.handle())
}

// noteElement notes how the element is before the change, if it is there, and gives e a name that stays.
func (tx *Tx) noteElement(handle uint32, k *collection, e, old *Element, had bool) *elementUndo {
	tx.note(undoElement, handle).element = len(tx.elements)
	tx.elements = extend(tx.elements)
	u := &tx.elements[len(tx.elements)-1]
	u.had, u.is, u.mod = had, false, k.mod()
	u.major, u.name = e.Major, tx.keep(e.Name)
	if had {
		u.old = *old
		u.old.Name, u.old.Value = u.name, tx.keep(old.Value)
	}
	e.Name = u.name
	return u
}

// keep copies b to where it stays until the next transaction.
func (tx *Tx) keep(b []byte) []byte {
	from := len(tx.kept)
	tx.kept = append(tx.kept, b...)
	return tx.kept[from:len(tx.kept):len(tx.kept)]
}

func (tx *Tx) changed(kind ChangeKind, ref Ref, c *cell, u *elementUndo) {
	a := c.attr()
	tx.changes = append(tx.changes, Change{
		Kind: kind, Rev: tx.Revision(), Keyspace: Keyspace(c.keyspace), Ref: ref, Key: tx.s.key(c),
		Existed: true, Old: a, New: a, Major: u.major, Name: u.name,
	})
}

// takeBackElement undoes the newest change of an element.
func (tx *Tx) takeBackElement(u *undo) {
	s := tx.s
	n := &tx.elements[u.element]
	k := s.collection(u.ref)
	now, _ := s.forest.Find(k.root, n.major, n.name)
	now.Name, now.Value = n.name, bytes.Clone(now.Value)
	switch {
	case n.is && n.had:
		k.count(&now, &n.old)
		s.putElement(k, &n.old, &now, true)
	case n.is:
		k.count(&now, nil)
		s.dropElement(k, &now)
	default:
		k.count(nil, &n.old)
		s.putElement(k, &n.old, nil, false)
	}
	k.changes--
	k.modMain, k.modSub = n.mod.Main, n.mod.Sub
	made := s.pasts.popBack()
	k.past = s.elementPast(made).next
	s.freePast(made)
	tx.elements = tx.elements[:u.element]
}

package mvcc

import "fmt"

// What commands do at the ends of a list, or of a zset's scores, needs no search: neither for the key, whose item was found, nor for
// the place.

// seek is the handle of a key's cell, 0 when it has none. Who writes a key often writes it again at once, so the one found
// last is tried first. Only the applier may call it.
func (x *index) seek(sp *space, key []byte) uint32 {
	if ref := x.near; ref != 0 {
		if c := x.cell(ref); c.keyspace == uint32(sp.id) && string(x.key(c)) == string(key) {
			return ref
		}
	}
	ref := sp.table.find(&x.heap, x.hash.name(key), key)
	if ref != 0 {
		x.near = ref
	}
	return ref
}

// Count is the number of elements of an item whose type has elements, as it is now.
func (tx *Tx) Count(it *Item) int { return tx.s.forest.Len(tx.s.collection(it.coll).root) }

// First is the element of an item in front of all others; false when there is none. It is good until the next change of the
// collection.
func (tx *Tx) First(it *Item) (Element, bool) {
	return tx.s.forest.First(tx.s.collection(it.coll).root)
}

// Last is the other end: see First.
func (tx *Tx) Last(it *Item) (Element, bool) { return tx.s.forest.Last(tx.s.collection(it.coll).root) }

// Push is PutElement of an element of a list, in front of all others, or behind them if last.
func (tx *Tx) Push(it *Item, last bool, e Element) {
	c, k := tx.ends(it, List)
	u := tx.noteElement(it.coll, k, &e, nil, false)
	tx.recordElement(it.coll, k, &e, u)
	tx.s.forest.Push(&k.root, last, &e)
	tx.changed(ChangeElementPut, it.Ref, c, u)
}

// Pop is DeleteElement of the first element of a list, or the last; there must be one. It returns the element as it was, good
// until the next transaction.
func (tx *Tx) Pop(it *Item, last bool) Element {
	c, k := tx.ends(it, List)
	e, ok := tx.s.forest.First(k.root)
	if last {
		e, ok = tx.s.forest.Last(k.root)
	}
	if !ok {
		panic(fmt.Sprintf("mvcc: an element of key %q at %v, which has none", it.Key, tx.Revision()))
	}
	u := tx.noteElement(it.coll, k, &Element{Major: e.Major, Name: e.Name}, &e, true)
	tx.recordElementGone(it.coll, k, u)
	tx.s.forest.Pop(&k.root, last)
	tx.changed(ChangeElementDelete, it.Ref, c, u)
	return u.old
}

// PopScored is Pop of the member of a zset whose score is lowest, or highest if last.
func (tx *Tx) PopScored(it *Item, last bool) Element {
	c, k := tx.ends(it, ZSet)
	m, ok := tx.s.forest.First(k.scores)
	if last {
		m, ok = tx.s.forest.Last(k.scores)
	}
	at := tx.seek(it.coll, k, 0, m.Name)
	if !ok || !at.had {
		panic(fmt.Sprintf("mvcc: member %q of key %q at %v, which has no such member", m.Name, it.Key, tx.Revision()))
	}
	u := tx.removeSought(it.coll, k, at)
	tx.s.forest.Pop(&k.scores, last)
	tx.changed(ChangeElementDelete, it.Ref, c, u)
	return u.old
}

// RemoveAt is DeleteElement of the member of a set that has a rank; there must be one. It returns the member as it was, good until the
// next transaction.
func (tx *Tx) RemoveAt(it *Item, rank int) Element {
	c, k := tx.ends(it, Set)
	at := &tx.sought
	at.handle = 0
	if !tx.s.forest.SeekRank(k.root, rank, &at.place) {
		panic(fmt.Sprintf("mvcc: member %d of key %q at %v, which has %d", rank, it.Key, tx.Revision(), tx.s.forest.Len(k.root)))
	}
	at.major = at.place.Entry.Major
	u := tx.removeSought(it.coll, k, at)
	tx.changed(ChangeElementDelete, it.Ref, c, u)
	return u.old
}

// removeSought removes the element that was looked for last, which is there, from the root alone.
func (tx *Tx) removeSought(handle uint32, k *collection, at *sought) *elementUndo {
	e := &at.place.Entry
	u := tx.noteElement(handle, k, &Element{Major: at.major, Name: e.Name}, e, true)
	tx.recordElementGone(handle, k, u)
	k.count(&u.old, nil)
	tx.s.forest.DeleteAt(&k.root, &at.place)
	return u
}

// ends is where a collection is; it must be of that type, and the live version of its key.
func (tx *Tx) ends(it *Item, t Type) (*cell, *collection) {
	c := tx.s.cell(uint32(it.Ref))
	if it.Type != t || !c.collection() || c.handle() != it.coll {
		panic(fmt.Sprintf("mvcc: key %q at %v is no live collection of type %d", it.Key, tx.Revision(), t))
	}
	return c, tx.s.collection(it.coll)
}

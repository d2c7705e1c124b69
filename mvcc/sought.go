package mvcc

import "github.com/redoubt-db/redoubt/internal/ranked"

// sought is the element that a transaction has looked for last. Who asks whether an element is there often writes it next: the way
// to it, found once, serves both.
type sought struct {
	handle uint32 // of its collection; 0 is none
	seq    uint64 // changes of that when it was looked for: after another the way may be wrong
	major  uint64
	name   []byte // a copy, since names handed in may alias what changes
	had    bool   // it is there
	place  ranked.Place
}

// seek looks for an element by name or, where that is not hashed, by major and name.
func (tx *Tx) seek(handle uint32, k *collection, major uint64, name []byte) *sought {
	at := &tx.sought
	hashed := layout(Type(k.typ)) == ranked.Hashed
	if at.handle == handle && at.seq == k.changes && string(at.name) == string(name) && (hashed || at.major == major) {
		return at
	}
	if hashed {
		major = tx.s.hash.name(name)
	}
	at.had = tx.s.forest.Seek(k.root, major, name, &at.place)
	at.handle, at.seq, at.major, at.name = handle, k.changes, major, append(at.name[:0], name...)
	return at
}

// Find is the element of a name in an item that is a Hash, Set or ZSet, as it is now; nil if there is none. It is good until
// Find is called again, or the collection is changed.
func (tx *Tx) Find(it *Item, name []byte) *Element {
	if at := tx.seek(it.coll, tx.s.collection(it.coll), 0, name); at.had {
		return &at.place.Entry
	}
	return nil
}

// Volatile is how many elements of an item have a deadline, as it is now.
func (tx *Tx) Volatile(it *Item) int { return int(tx.s.collection(it.coll).volatile) }

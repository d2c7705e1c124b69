package mvcc

import (
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// Tx is one request's changes. They are made in the index at once, with a note of how to take them back,
// and written to the batch at Commit. All methods need the store's Lock.
type Tx struct {
	s       *Store
	b       *Batch
	open    bool
	changes []Change
	undo    []undo
	rows    []row
	buf     []byte // what rows hold, save large values
	digest  xxhash.Digest

	elements []elementUndo
	kept     []byte // names and values of elements, for undo and changes
	sought   sought
}

// Mark is a place in a transaction that Rollback goes back to.
type Mark struct{ changes, undo, rows, buf int }

// Revision is what the next change will get.
func (tx *Tx) Revision() Revision {
	return Revision{tx.s.current + 1, uint32(len(tx.changes))}
}

// Keyspace is the database's keyspace now. It takes no change, whether the database was used before or not.
func (tx *Tx) Keyspace(db uint32) Keyspace { return tx.s.keyspace(db, latest) }

// Lookup is the key's live version, its deadline ignored.
func (tx *Tx) Lookup(ks Keyspace, key []byte) (it Item, ok bool) {
	ok = tx.LookupInto(&it, ks, key)
	return it, ok
}

// LookupInto is Lookup of an item that need not be copied. When there is none it is left as it is.
func (tx *Tx) LookupInto(it *Item, ks Keyspace, key []byte) bool {
	s := tx.s
	sp := tx.View().space(ks)
	if sp == nil {
		return false
	}
	ref := s.seek(sp, key)
	if ref == 0 {
		return false
	}
	c := s.cell(ref)
	if !c.live() {
		return false
	}
	s.fill(it, ref, c)
	return true
}

// ByRef is the live version of the key with that handle; false for a handle that outlived its key, a deleted
// key and one in a dropped keyspace. A handle kept longer than its key may name another key by now: compare.
func (tx *Tx) ByRef(ref Ref) (Keyspace, Item, bool) { return tx.s.ByRef(ref) }

// ByRef is Tx.ByRef for readers.
func (s *Store) ByRef(ref Ref) (Keyspace, Item, bool) {
	c := s.validCell(ref)
	if c == nil || !c.live() {
		return 0, Item{}, false
	}
	ks := Keyspace(c.keyspace)
	if !s.spaces[ks].drop.IsZero() {
		return 0, Item{}, false
	}
	return ks, s.item(uint32(ref), c), true
}

// Load is the item's value, read from disk when cold. Unless cold it is good until the key's next change.
func (tx *Tx) Load(it Item) ([]byte, error) { return tx.s.load(it) }

// Put gives key a value, creating it or superseding its live version, and returns its handle. It copies key and value, which
// may alias the old value.
func (tx *Tx) Put(ks Keyspace, key []byte, a Attr, value []byte) Ref {
	if a.Type.HasElements() {
		panic(fmt.Sprintf("mvcc: a value for key %q of type %d, which has elements", key, a.Type))
	}
	ref, c, u := tx.next(ks, key, a)
	u.freeNew = true
	tx.s.setValue(c, value, c.mod())
	tx.writePut(c, c.mod())
	return Ref(ref)
}

// next makes the next version of a key, live or not, whose value is the caller's to set.
func (tx *Tx) next(ks Keyspace, key []byte, a Attr) (ref uint32, c *cell, u *undo) {
	s := tx.s
	sp, rev := tx.space(ks), tx.Revision()
	change := Change{Kind: ChangePut, Rev: rev, Keyspace: ks, New: a}
	if ref = s.seek(sp, key); ref == 0 {
		ref, c = s.create(sp, s.hash.name(key), key)
		u = tx.note(undoCreate, ref)
	} else {
		c = s.cell(ref)
		u = tx.note(undoVersion, ref)
		u.old, u.freeOld = *c, true
		if c.live() {
			change.Existed, change.Old = true, c.attr()
		}
		s.end(ref, c, rev, true)
		if c.collection() {
			c.version += s.collection(c.handle()).changes // the generation goes on
		}
	}
	s.rise(sp, c, rev, a)
	change.Ref, change.Key = Ref(ref), s.key(c)
	tx.changes = append(tx.changes, change)
	return ref, c, u
}

// SetAttr makes a new version of a live key with the same value; a large value is not written again.
func (tx *Tx) SetAttr(ks Keyspace, key []byte, a Attr) Item {
	s := tx.s
	sp := tx.space(ks)
	ref, c := s.find(ks, key)
	if c == nil || !c.live() {
		panic(fmt.Sprintf("mvcc: attributes for key %q of keyspace %d, which is not live", key, ks))
	}
	rev, old := tx.Revision(), c.attr()
	cold := tx.coldSmall(ref, c)
	u := tx.note(undoVersion, ref)
	u.old = *c
	s.end(ref, c, rev, false)
	s.rise(sp, c, rev, a)
	if cold != nil {
		s.setValue(c, cold, rev) // its row is not on disk yet
		u.freeNew = true
	}
	tx.changes = append(tx.changes, Change{
		Kind: ChangePut, Rev: rev, Keyspace: ks, Ref: Ref(ref), Key: s.key(c), Existed: true, Old: old, New: a,
	})
	tx.writePut(c, rev)
	return s.item(ref, c)
}

// coldSmall reads a small value that is on disk only; nil when the value is in memory or large.
func (tx *Tx) coldSmall(ref uint32, c *cell) []byte {
	if !c.cold() || c.large() {
		return nil
	}
	v, err := tx.s.load(tx.s.item(ref, c))
	if err != nil {
		panic(fmt.Sprintf("mvcc: read the value of key %q at %v: %v", tx.s.key(c), c.mod(), err))
	}
	return v
}

// Delete makes a tombstone of a live key; false if it is not live.
func (tx *Tx) Delete(ks Keyspace, key []byte) bool {
	if tx.s.spaces[ks] == nil {
		return false
	}
	sp := tx.space(ks)
	ref := tx.s.seek(sp, key)
	if ref == 0 || !tx.s.cell(ref).live() {
		return false
	}
	tx.bury(sp, ref, tx.s.cell(ref), false)
	return true
}

func (tx *Tx) bury(sp *space, ref uint32, c *cell, moved bool) {
	s, rev := tx.s, tx.Revision()
	u := tx.note(undoVersion, ref)
	u.old, u.freeOld = *c, !moved
	old := c.attr()
	s.end(ref, c, rev, !moved)
	s.bury(sp, ref, c, rev)
	tx.changes = append(tx.changes, Change{
		Kind: ChangeDelete, Rev: rev, Keyspace: sp.id, Ref: Ref(ref), Key: s.key(c), Existed: true, Old: old,
	})
	tx.writeTombstone(c, rev, moved)
}

// Move gives dest the value of key, which is live and becomes a tombstone: two changes, the tombstone first.
// A live dest is superseded. Large values and elements are not written again. key and dest must differ.
func (tx *Tx) Move(from Keyspace, key []byte, to Keyspace, dest []byte, a Attr) {
	s := tx.s
	ref, c := s.find(from, key)
	if c == nil || !c.live() || from == to && string(key) == string(dest) {
		panic(fmt.Sprintf("mvcc: move of key %q of keyspace %d to %q of %d", key, from, dest, to))
	}
	if !c.large() && !c.collection() {
		value := tx.coldSmall(ref, c)
		if value == nil {
			value = s.value(c) // freed at Commit, not before
			if c.valueLen <= tinyMax {
				value = append(make([]byte, 0, tinyMax), value...)
			}
		}
		tx.bury(tx.space(from), ref, c, false)
		tx.Put(to, dest, a, value)
		return
	}
	field, length, cold := c.value, c.valueLen, c.flags&cellCold
	changes := uint64(0)
	if c.collection() {
		changes = s.collection(c.handle()).changes
	}
	tx.bury(tx.space(from), ref, c, true)
	_, c, _ = tx.next(to, dest, a)
	c.value, c.valueLen = field, length
	c.version -= changes // which the version of an item counts, and this generation has not seen; it may wrap
	c.flags = c.flags&^cellCold | cold
	tx.writePut(c, c.mod())
}

// Flush binds the database to a fresh keyspace, if the old one has any live key. That takes one change,
// whatever was there.
func (tx *Tx) Flush(db uint32) {
	s := tx.s
	old := tx.Keyspace(db)
	if sp := s.spaces[old]; sp == nil || sp.live == 0 {
		return
	}
	if s.made == madeFirst-1 {
		panic("mvcc: out of keyspace numbers")
	}
	fresh := Keyspace(madeFirst + s.made)
	s.made++
	tx.bind(db, fresh, old)
}

// Swap exchanges the keyspaces of two databases: two changes, none when a is b.
func (tx *Tx) Swap(a, b uint32) {
	if a == b {
		return
	}
	x, y := tx.Keyspace(a), tx.Keyspace(b)
	tx.bind(a, y, 0)
	tx.bind(b, x, 0)
}

func (tx *Tx) bind(db uint32, ks, dropped Keyspace) {
	rev := tx.Revision()
	tx.note(undoBind, db).dropped = dropped
	tx.s.bind(db, ks, dropped, rev)
	tx.changes = append(tx.changes, Change{Kind: ChangeBind, Rev: rev, Keyspace: ks, Database: db})
	tx.writeBind(db, ks, dropped, rev)
}

// space is the keyspace's keys, to be changed.
func (tx *Tx) space(ks Keyspace) *space {
	sp := tx.s.use(ks)
	if !sp.drop.IsZero() {
		panic(fmt.Sprintf("mvcc: a change at %v in keyspace %d, which was dropped at %v", tx.Revision(), ks, sp.drop))
	}
	return sp
}

// create makes a cell for a key that has none, in table and tree.
func (x *index) create(sp *space, hash uint64, key []byte) (uint32, *cell) {
	ref, c := x.newCell(sp.id, key)
	sp.table.insert(hash, ref)
	sp.tree.insert(ref)
	return ref, c
}

// Changes are the changes so far, good until Commit or Abort and the next transaction.
func (tx *Tx) Changes() []Change { return tx.changes }

// View reads inside the transaction, its own changes included.
func (tx *Tx) View() View { return tx.s.View() }

// Commit ends the transaction and hands its rows to the batch. Without changes it takes no revision (leases
// and compaction are no changes, but are kept).
func (tx *Tx) Commit() (main uint64, changed bool) {
	s := tx.s
	if len(tx.rows) > 0 {
		tx.write()
	}
	tx.forgetUndo() // only now: rows alias superseded values
	tx.close()
	if len(tx.changes) == 0 {
		return s.current, false
	}
	s.current++
	s.milestones.pass(s.current, s.chain)
	return s.current, true
}

// Abort takes everything back and ends the transaction.
func (tx *Tx) Abort() {
	tx.Rollback(Mark{})
	tx.close()
}

func (tx *Tx) close() {
	if !tx.open {
		panic("mvcc: the transaction has ended")
	}
	tx.open = false
}

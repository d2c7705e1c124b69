package keyspace

import (
	"bytes"
	"errors"

	"github.com/redoubt-db/redoubt/mvcc"
)

// Errors of operations on databases and pairs of keys.
var (
	// ErrDatabase: there is no database of that number.
	ErrDatabase = errors.New("keyspace: no such database")
	// ErrSameKey: source and destination are one key.
	ErrSameKey = errors.New("keyspace: source and destination are the same")
)

// Databases is how many databases there are.
func (tx *Tx) Databases() uint32 { return tx.space.Databases }

// Databases is how many databases there are.
func (v *View) Databases() uint32 { return v.space.Databases }

// Rename moves a key with its deadline or lease, replacing dest. With ifAbsent a live dest is left alone and the
// answer is false. Renaming a key to itself does nothing.
func (tx *Tx) Rename(key, dest []byte, ifAbsent bool) (bool, error) {
	it, ok := tx.Lookup(key)
	if !ok {
		return false, ErrNoKey
	}
	if bytes.Equal(key, dest) {
		return !ifAbsent, nil
	}
	if _, taken := tx.Lookup(dest); taken && ifAbsent {
		return false, nil
	}
	tx.mv.Move(tx.ks, key, tx.ks, dest, it.Attr)
	tx.Notify(ClassNew, "new", dest) // even where it replaces another, as in Redis
	tx.Notify(ClassGeneric, "rename_from", key)
	tx.Notify(ClassGeneric, "rename_to", dest)
	return true, nil
}

// Move takes a key with its deadline or lease to another database; false if it does not exist here or does there.
func (tx *Tx) Move(key []byte, db uint32) (bool, error) {
	switch {
	case db >= tx.Databases():
		return false, ErrDatabase
	case db == tx.db:
		return false, ErrSameKey
	}
	it, ok := tx.Lookup(key)
	if !ok {
		return false, nil
	}
	to := tx.mv.Keyspace(db)
	if _, taken := tx.lookup(to, key); taken {
		return false, nil
	}
	tx.mv.Move(tx.ks, key, to, key, it.Attr)
	tx.NotifyIn(db, ClassNew, "new", key)
	tx.Notify(ClassGeneric, "move_from", key)
	tx.NotifyIn(db, ClassGeneric, "move_to", key)
	return true, nil
}

// Copy gives dest in database db the value, deadline and lease of a key; false if the key does not exist, or dest
// does and is not to be replaced.
func (tx *Tx) Copy(key []byte, db uint32, dest []byte, replace bool) (bool, error) {
	switch {
	case db >= tx.Databases():
		return false, ErrDatabase
	case db == tx.db && bytes.Equal(key, dest):
		return false, ErrSameKey
	}
	it, ok := tx.Lookup(key)
	tx.Looked(key, ok)
	if !ok {
		return false, nil
	}
	to := tx.mv.Keyspace(db)
	if _, taken := tx.lookup(to, dest); taken && !replace {
		return false, nil
	}
	if it.Type.HasElements() {
		tx.copyElements(it, to, dest)
	} else {
		tx.mv.Put(to, dest, it.Attr, tx.Value(it))
	}
	tx.NotifyIn(db, ClassNew, "new", dest)
	tx.NotifyIn(db, ClassGeneric, "copy_to", dest)
	return true, nil
}

// Flush empties the selected database, at no cost for the keys in it.
func (tx *Tx) Flush() {
	tx.mv.Flush(tx.db)
	tx.Select(tx.db)
}

// FlushAll empties every database.
func (tx *Tx) FlushAll() {
	for _, b := range tx.mv.View().Databases() {
		tx.mv.Flush(b.Database)
	}
	tx.Select(tx.db)
}

// Swap exchanges the contents of two databases.
func (tx *Tx) Swap(a, b uint32) error {
	if a >= tx.Databases() || b >= tx.Databases() {
		return ErrDatabase
	}
	tx.mv.Swap(a, b)
	tx.Select(tx.db)
	return nil
}

// overdueMax is how many overdue keys Len counts on an event loop.
const overdueMax = 10_000

// Len is how many keys of the database are within their deadlines.
func (v *View) Len() int {
	n := v.mv.Len(v.ks)
	if v.past {
		return n
	}
	limit := overdueMax
	if v.mayLoad {
		limit = n
	}
	gone, soon := v.space.due.overdue(v.ks, v.now, v.estimate, limit)
	if gone == limit && !v.mayLoad {
		v.need |= NeedLong
	}
	if soon {
		v.need |= NeedTick
	}
	return n - gone - v.hollow()
}

// Volatile is how many keys of the database have a private deadline that is not over.
func (v *View) Volatile() int {
	q := v.space.due.queues[v.ks]
	if q == nil {
		return 0
	}
	gone, _ := v.space.due.overdue(v.ks, v.now, v.now, overdueMax)
	return q.Len() - gone
}

// Random is a live key of the database, chosen by Seed; false if there is none.
func (v *View) Random() (key []byte, ok bool) {
	chance := rng{v.Seed}
	for range randomTries {
		it, some := v.mv.Random(v.ks, chance.next())
		if !some {
			return nil, false
		}
		if v.live(&it) {
			return it.Key, true
		}
	}
	if !v.mayLoad {
		v.need |= NeedLong
		return nil, false
	}
	v.mv.Ascend(v.ks, nil, func(it mvcc.Item) bool {
		if ok = v.live(&it); ok {
			key = it.Key
		}
		return !ok
	})
	return key, ok
}

// randomTries is how many overdue keys Random meets before it looks at all of them.
const randomTries = 64

// Touch notes that a key was used, for IdleTime and for what stays in memory; false if it does not exist.
func (v *View) Touch(key []byte) bool {
	it, ok := v.Lookup(key)
	if ok {
		v.noteUse(it)
	}
	return ok
}

// TypeName is Redis' name of a data type.
func TypeName(t mvcc.Type) string {
	switch t {
	case mvcc.String:
		return "string"
	case mvcc.List:
		return "list"
	case mvcc.Set:
		return "set"
	case mvcc.ZSet:
		return "zset"
	case mvcc.Hash:
		return "hash"
	case mvcc.Stream:
		return "stream"
	}
	return "none"
}

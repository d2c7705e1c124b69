package keyspace

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/redoubt-db/redoubt/lease"
	"github.com/redoubt-db/redoubt/mvcc"
)

// LeaseTTLMax is the longest time to live of a shared lease, in milliseconds. It is etcd's.
const LeaseTTLMax = 9_000_000_000_000

// leaseTries bounds the search for a free id; by chance the first one is free.
const leaseTries = 100

// ErrLeaseTTL: the time to live of a shared lease is not between 1 and LeaseTTLMax.
var ErrLeaseTTL = errors.New("keyspace: time to live of a lease is out of range")

// LeaseKey is a key attached to a shared lease.
type LeaseKey struct {
	DB  uint32
	Key []byte // aliases the store

	keyspace mvcc.Keyspace
}

// Grant makes a shared lease of ttl milliseconds and returns its id; id 0 lets chance choose one.
func (tx *Tx) Grant(id uint64, ttl int64) (uint64, error) {
	if ttl <= 0 || ttl > LeaseTTLMax {
		return 0, ErrLeaseTTL
	}
	for range leaseTries {
		if id != 0 {
			break
		}
		if chosen := tx.Rand() & math.MaxInt64; tx.space.Leases.Lookup(chosen) == nil {
			id = chosen
		}
	}
	if id == 0 || tx.HasLease(id) {
		return 0, ErrLeaseExists
	}
	tx.putLease(id, ttl, tx.counted+ttl)
	tx.undo = append(tx.undo, func() { tx.space.Leases.Delete(id) })
	return id, nil
}

// KeepAlive gives a lease its full time to live again and returns it: also one past its deadline that nobody revoked yet.
func (tx *Tx) KeepAlive(id uint64) (ttl int64, err error) {
	l := tx.space.Leases.Lookup(id)
	if l == nil {
		return 0, ErrNoLease
	}
	deadline := l.Deadline
	tx.putLease(id, l.TTL, tx.counted+l.TTL)
	tx.undo = append(tx.undo, func() { tx.space.Leases.Put(id, l.TTL, deadline) })
	return l.TTL, nil
}

// Revoke ends a lease with all its keys, in this one revision, and returns how many keys that were.
func (tx *Tx) Revoke(id uint64) (keys int, err error) {
	l := tx.space.Leases.Lookup(id)
	if l == nil {
		return 0, ErrNoLease
	}
	return tx.revoke(l, ClassGeneric, "del"), nil
}

// RevokeDue ends the lease if it is past its deadline. A KeepAlive that came first wins.
//
// Nothing else ends a lease for its deadline. What hangs from one that is due could be hidden from readers right away, as keys with
// deadlines of their own are. But while there is no leader, nobody can keep a lease alive; so a new leader first gives all their full time
// again, as etcd's does, and what a reader has found gone could not come back. As it is, the leader ends leases, soon after they are due,
// and until it does so they and their keys are there, for everybody.
func (tx *Tx) RevokeDue(id uint64) {
	if l := tx.space.Leases.Lookup(id); l != nil && l.Deadline <= tx.now {
		tx.space.Expired += uint64(tx.revoke(l, ClassExpired, "expired"))
	}
}

// Attach hangs a key from a lease, in place of any other deadline; false if there is no such key or it hangs there.
func (tx *Tx) Attach(id uint64, key []byte) (bool, error) {
	if !tx.HasLease(id) {
		return false, ErrNoLease
	}
	it, ok := tx.Lookup(key)
	if !ok || it.Lease == id {
		return false, nil
	}
	a := it.Attr
	a.Deadline, a.Lease = 0, id
	tx.SetAttr(key, a)
	tx.Notify(ClassGeneric, "expire", key)
	return true, nil
}

// Detach takes a key off its lease; it then lives for ever. False if it hangs from none.
func (tx *Tx) Detach(key []byte) bool {
	it, ok := tx.Lookup(key)
	return ok && it.Lease != 0 && tx.Persist(key)
}

// HasLease tells whether the lease exists.
func (tx *Tx) HasLease(id uint64) bool { return tx.space.Leases.Lookup(id) != nil }

// putLease writes table and row; how to take the table back is the caller's to note.
func (tx *Tx) putLease(id uint64, ttl, deadline int64) {
	var row [leaseRowMax]byte
	tx.space.Leases.Put(id, ttl, deadline)
	tx.mv.PutLease(id, appendLeaseRow(row[:0], ttl, deadline))
}

// revoke ends a lease; its keys go with that event.
func (tx *Tx) revoke(l *lease.Lease, class Class, event string) (keys int) {
	tx.track()
	attached := tx.space.attached(l.ID)
	for _, k := range attached {
		tx.notifyOf(k.keyspace, class, event, k.Key)
		tx.mv.Delete(k.keyspace, k.Key)
	}
	id, ttl, deadline := l.ID, l.TTL, l.Deadline
	tx.space.Leases.Delete(id)
	tx.mv.DeleteLease(id)
	tx.undo = append(tx.undo, func() { tx.space.Leases.Put(id, ttl, deadline) })
	return len(attached)
}

// attached are the keys that hang from a lease, by keyspace and key.
func (s *Space) attached(id uint64) []LeaseKey {
	var keys []LeaseKey
	for _, ref := range s.Leases.Refs(id) {
		if ks, it, ok := s.Store.ByRef(mvcc.Ref(ref)); ok && it.Lease == id {
			keys = append(keys, LeaseKey{Key: it.Key, keyspace: ks})
		}
	}
	slices.SortFunc(keys, func(a, b LeaseKey) int {
		return cmp.Or(cmp.Compare(a.keyspace, b.keyspace), bytes.Compare(a.Key, b.Key))
	})
	return keys
}

// Lease is a shared lease as of now: what is left of it and what was granted, in milliseconds. Nothing is left of one that is
// about to be revoked. It is ErrNoLease when there is none.
func (v *View) Lease(id uint64) (left, granted int64, err error) {
	l := v.space.Leases.Lookup(id)
	if l == nil {
		return 0, 0, ErrNoLease
	}
	return max(l.Deadline-v.estimate, 0), l.TTL, nil
}

// Leases are the ids of all shared leases, ascending.
func (v *View) Leases() []uint64 { return v.space.Leases.IDs() }

// LeaseKeys are the keys attached to a shared lease, by number of database and key.
func (v *View) LeaseKeys(id uint64) []LeaseKey {
	numbers := map[mvcc.Keyspace]uint32{}
	for _, b := range v.mv.Databases() {
		numbers[b.Keyspace] = b.Database
	}
	keys := v.space.attached(id)
	for i := range keys {
		keys[i].DB = numbers[keys[i].keyspace]
	}
	slices.SortStableFunc(keys, func(a, b LeaseKey) int { return cmp.Compare(a.DB, b.DB) })
	return keys
}

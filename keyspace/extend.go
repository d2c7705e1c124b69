package keyspace

// ExtendLease gives a lease its full time from now on, even if it is due: a new leader does it for all, since their
// holders could not reach one meanwhile. A lease that there is not is passed over.
func (tx *Tx) ExtendLease(id uint64) {
	l := tx.space.Leases.Lookup(id)
	if l == nil {
		return
	}
	ttl, deadline := l.TTL, l.Deadline
	tx.putLease(id, ttl, tx.now+ttl)
	tx.undo = append(tx.undo, func() { tx.space.Leases.Put(id, ttl, deadline) })
}

package keyspace

// ExtendLease gives a lease its full time again, counted from a moment that log time will soon go on from: a new leader
// does it for all, since their holders could not reach one meanwhile. That is so for one that is due already, too: it is there until it is
// revoked, so nobody was told otherwise. One that there is not is passed over.
func (tx *Tx) ExtendLease(id uint64, from int64) {
	l := tx.space.Leases.Lookup(id)
	if l == nil {
		return
	}
	ttl, deadline := l.TTL, l.Deadline
	tx.putLease(id, ttl, max(tx.counted, from)+ttl)
	tx.undo = append(tx.undo, func() { tx.space.Leases.Put(id, ttl, deadline) })
}

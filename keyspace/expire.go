package keyspace

import (
	"math"

	"github.com/redoubt-db/redoubt/lease"
	"github.com/redoubt-db/redoubt/mvcc"
)

// ExpireIf says of which keys Expire changes the deadline. Several hold together; the zero value is every key.
type ExpireIf uint8

const (
	IfNoDeadline ExpireIf = 1 << iota // NX: only of a key without a deadline
	IfDeadline                        // XX: only of a key with one
	IfLater                           // GT: only to a later one; none counts as endless
	IfEarlier                         // LT: only to an earlier one
)

// Expire gives a key a private deadline in milliseconds of log time, taking it off its shared lease. A deadline that
// is not in the future ends the key. It tells whether the key existed and met the condition.
func (tx *Tx) Expire(key []byte, deadline int64, when ExpireIf) bool {
	it, ok := tx.Lookup(key)
	if !ok || !when.met(tx.space.deadline(it.Attr), deadline) {
		return false
	}
	if deadline <= tx.now {
		tx.Notify(ClassGeneric, "del", key)
		return tx.mv.Delete(tx.ks, key)
	}
	a := it.Attr
	a.Deadline, a.Lease = deadline, 0
	tx.mv.SetAttr(tx.ks, key, a)
	tx.Notify(ClassGeneric, "expire", key)
	return true
}

func (c ExpireIf) met(old, deadline int64) bool {
	return (c&IfNoDeadline == 0 || old == 0) && (c&IfDeadline == 0 || old != 0) &&
		(c&IfLater == 0 || old != 0 && deadline > old) && (c&IfEarlier == 0 || old == 0 || deadline < old)
}

// Persist takes a key's deadline away, or takes it off its shared lease; false if it has neither.
func (tx *Tx) Persist(key []byte) bool {
	it, ok := tx.Lookup(key)
	if !ok || it.Deadline == 0 && it.Lease == 0 {
		return false
	}
	a := it.Attr
	a.Deadline, a.Lease = 0, 0
	tx.mv.SetAttr(tx.ks, key, a)
	tx.Notify(ClassGeneric, "persist", key)
	return true
}

// DueKeys are keys of one database that are past their private deadlines.
type DueKeys struct {
	DB   uint32
	Keys [][]byte // copies
}

// Due are at most max keys whose private deadline is at or before now, by number of database, earliest first. Each
// database that has any gets its share. It needs the store's read lock. The keys may have changed when a request
// that names them is applied, which therefore looks again.
func (s *Space) Due(now int64, max int) []DueKeys { return s.dueKeys(&s.due, now, max) }

func (s *Space) dueKeys(due *deadlines, now int64, max int) []DueKeys {
	var databases []mvcc.DatabaseBinding
	for _, b := range s.Store.View().Databases() {
		if q := due.queues[b.Keyspace]; q != nil {
			if next, ok := q.Next(); ok && next <= now {
				databases = append(databases, b)
			}
		}
	}
	var out []DueKeys
	for i, b := range databases {
		share := (max + len(databases) - i - 1) / (len(databases) - i)
		d := DueKeys{DB: b.Database}
		due.queues[b.Keyspace].Due(now, func(_ int64, ref mvcc.Ref) bool {
			if _, it, ok := s.Store.ByRef(ref); ok && share > len(d.Keys) {
				d.Keys = append(d.Keys, append([]byte(nil), it.Key...))
			}
			return len(d.Keys) < share
		})
		if max -= len(d.Keys); len(d.Keys) > 0 {
			out = append(out, d)
		}
	}
	return out
}

// DueLeases are at most max ids of shared leases whose deadline is at or before now, earliest first. It needs the
// store's read lock.
func (s *Space) DueLeases(now int64, max int) []uint64 {
	var ids []uint64
	s.Leases.Due(now, func(l *lease.Lease) bool {
		if len(ids) < max {
			ids = append(ids, l.ID)
		}
		return len(ids) < max
	})
	return ids
}

// deadlines are the private deadlines of live keys, one queue for each keyspace: a flushed keyspace's queue goes
// as a whole, however many keys had a deadline.
type deadlines struct {
	queues   map[mvcc.Keyspace]*lease.Queue[mvcc.Ref]
	earliest int64 // Invariant: no deadline is before it. It spares most requests the look into the queues.
}

func newDeadlines() deadlines {
	return deadlines{queues: map[mvcc.Keyspace]*lease.Queue[mvcc.Ref]{}, earliest: math.MaxInt64}
}

func (d *deadlines) add(ks mvcc.Keyspace, deadline int64, ref mvcc.Ref) {
	q := d.queues[ks]
	if q == nil {
		q = lease.NewQueue[mvcc.Ref]()
		d.queues[ks] = q
	}
	q.Add(deadline, ref)
	d.earliest = min(d.earliest, deadline)
}

func (d *deadlines) remove(ks mvcc.Keyspace, deadline int64, ref mvcc.Ref) {
	if q := d.queues[ks]; q != nil {
		q.Remove(deadline, ref)
	}
}

// next is the earliest deadline. Readers may call it.
func (d *deadlines) next() (deadline int64, ok bool) {
	deadline = math.MaxInt64
	for _, q := range d.queues {
		if first, some := q.Next(); some {
			deadline, ok = min(deadline, first), true
		}
	}
	return deadline, ok
}

// reached tells whether any deadline is at or before now. Only the applier may call it.
func (d *deadlines) reached(now int64) bool {
	if d.earliest > now {
		return false
	}
	d.earliest, _ = d.next()
	return d.earliest <= now
}

// overdue counts deadlines at or before now in a keyspace, up to max, and tells whether there is another one up
// to estimate.
func (d *deadlines) overdue(ks mvcc.Keyspace, now, estimate int64, max int) (n int, soon bool) {
	q := d.queues[ks]
	if q == nil {
		return 0, false
	}
	q.Due(estimate, func(deadline int64, _ mvcc.Ref) bool {
		if soon = deadline > now; !soon {
			n++
		}
		return !soon && n < max
	})
	return n, soon
}

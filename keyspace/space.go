// Package keyspace is Redis' data model without its syntax: databases, keys, types, time to live and
// leases over mvcc and lease. A Tx writes, a View reads; neither knows RESP or a clock.
package keyspace

import (
	"errors"

	"github.com/redoubt-db/redoubt/lease"
	"github.com/redoubt-db/redoubt/mvcc"
)

// Errors of operations on keys. command gives them Redis' texts.
var (
	// ErrWrongType: the key holds another data type.
	ErrWrongType = errors.New("keyspace: wrong type")
	// ErrNoKey: the key does not exist.
	ErrNoKey = errors.New("keyspace: no such key")
	// ErrNoLease: the lease does not exist.
	ErrNoLease = errors.New("keyspace: no such lease")
	// ErrLeaseExists: the lease id is taken.
	ErrLeaseExists = errors.New("keyspace: lease exists")
)

// Space joins the store with the deadlines of its keys. The applier owns it; readers use View under
// the store's read lock.
type Space struct {
	Store  *mvcc.Store
	Leases *lease.Table           // shared leases
	due    *lease.Queue[mvcc.Ref] // private deadlines of live keys
	tx     Tx                     // reused: one request is applied at a time
	dbs    uint32                 // numbers of databases in use, for Databases
}

// Open rebuilds the deadlines from the store, at a cost of one walk over the keys that have any.
func Open(store *mvcc.Store) *Space {
	s := &Space{Store: store, Leases: lease.NewTable(), due: lease.NewQueue[mvcc.Ref]()}
	s.loadLeases()
	s.loadDeadlines()
	return s
}

// NextDeadline is the earliest private or shared deadline, in milliseconds of log time.
func (s *Space) NextDeadline() (deadline int64, ok bool) {
	deadline, ok = s.due.Next()
	if shared, some := s.Leases.Next(); some && (!ok || shared < deadline) {
		return shared, true
	}
	return deadline, ok
}

// Volatile is the number of keys with a private deadline.
func (s *Space) Volatile() int { return s.due.Len() }

// track moves a key's deadline in the queue, or from lease to lease, after a committed change.
func (s *Space) track(c *mvcc.Change) {
	if c.Existed {
		s.untrack(c.Ref, c.Old)
	}
	if c.Kind != mvcc.ChangePut {
		return
	}
	switch {
	case c.New.Lease != 0:
		s.Leases.Attach(c.New.Lease, uint32(c.Ref))
	case c.New.Deadline != 0:
		s.due.Add(c.New.Deadline, c.Ref)
	}
}

func (s *Space) untrack(ref mvcc.Ref, old mvcc.Attr) {
	switch {
	case old.Lease != 0:
		s.Leases.Detach(old.Lease, uint32(ref))
	case old.Deadline != 0:
		s.due.Remove(old.Deadline, ref)
	}
}

// deadline is when an item ends: its own or its lease's deadline; 0 is never. A lease that is gone
// (its keys are about to go in the same revision) ends them at once.
func (s *Space) deadline(a mvcc.Attr) int64 {
	if a.Lease == 0 {
		return a.Deadline
	}
	if l := s.Leases.Lookup(a.Lease); l != nil {
		return l.Deadline
	}
	return 1
}

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

// databasesDefault is how many databases there are unless the cluster's setting says otherwise.
const databasesDefault = 16

// Space joins the store with the deadlines of its keys. The applier owns it; readers use View under
// the store's read lock.
type Space struct {
	Store     *mvcc.Store
	Leases    *lease.Table // shared leases, and by keyspace the keys attached to them
	Databases uint32       // how many there are, the same on every replica; it changes under the store's lock only

	Expired uint64 // keys ended at their deadlines since Open, for INFO; under the store's lock
	Evicted uint64 // and those that went for maxmemory

	Uses *Uses // of keys, as this node counts them; nil is Redis' defaults

	due    deadlines
	fields fieldDeadlines
	tx     Tx // reused: one request is applied at a time

	semantics Semantics         // in force, the same on every replica; it changes under the store's lock only
	config    map[string]string // directives of the whole cluster
	limits    compactLimits     // what some of them say

	classes Class // of the cluster's notify-keyspace-events
	hearing bool  // somebody on this node listens; under the store's lock
	news    news

	ahead   mvcc.Prefetcher
	scratch []byte // where values are built before they are stored
}

// Open rebuilds the deadlines from the store, at a cost of one walk over the keys. The newest semantics are in force until PutInForce says otherwise.
func Open(store *mvcc.Store) *Space {
	s := &Space{Store: store, Leases: lease.NewTable(), Databases: databasesDefault, semantics: SemanticsNewest, due: newDeadlines(), fields: newFieldDeadlines(), limits: defaultLimits()}
	s.loadConfig()
	s.loadLeases()
	s.loadDeadlines()
	return s
}

// NextDeadline is the earliest private or shared deadline, of a key or of a field, in milliseconds of log time.
func (s *Space) NextDeadline() (deadline int64, ok bool) {
	deadline, ok = s.due.next()
	if field, some := s.fields.next(); some && (!ok || field < deadline) {
		deadline, ok = field, true
	}
	if shared, some := s.Leases.Next(); some && (!ok || shared < deadline) {
		return shared, true
	}
	return deadline, ok
}

// Volatile is the number of keys with a private deadline.
func (s *Space) Volatile() int {
	n := 0
	for _, q := range s.due.queues {
		n += q.Len()
	}
	return n
}

// track moves a key's deadline in the queue, or from lease to lease, after a change.
func (s *Space) track(c *mvcc.Change) {
	s.followFields(c)
	if c.Kind != mvcc.ChangePut && c.Kind != mvcc.ChangeDelete {
		return
	}
	if c.Existed {
		s.unhang(c.Keyspace, c.Ref, c.Old)
	}
	if c.Kind == mvcc.ChangePut {
		s.hang(c.Keyspace, c.Ref, c.New)
	}
}

// untrack takes track back.
func (s *Space) untrack(c *mvcc.Change) {
	if c.Kind != mvcc.ChangePut && c.Kind != mvcc.ChangeDelete {
		return
	}
	if c.Kind == mvcc.ChangePut {
		s.unhang(c.Keyspace, c.Ref, c.New)
	}
	if c.Existed {
		s.hang(c.Keyspace, c.Ref, c.Old)
	}
}

func (s *Space) hang(ks mvcc.Keyspace, ref mvcc.Ref, a mvcc.Attr) {
	switch {
	case a.Lease != 0:
		s.Leases.Attach(a.Lease, uint32(ks), uint32(ref))
	case a.Deadline != 0:
		s.due.add(ks, a.Deadline, ref)
	}
}

func (s *Space) unhang(ks mvcc.Keyspace, ref mvcc.Ref, a mvcc.Attr) {
	switch {
	case a.Lease != 0:
		s.Leases.Detach(a.Lease, uint32(ks), uint32(ref))
	case a.Deadline != 0:
		s.due.remove(ks, a.Deadline, ref)
	}
}

// dropUnbound forgets the deadlines in keyspaces that no database is bound to any more, all at once: nobody sees
// their keys, and compaction frees them.
func (s *Space) dropUnbound() {
	bound := map[mvcc.Keyspace]bool{}
	for _, b := range s.Store.View().Databases() {
		bound[b.Keyspace] = true
	}
	for ks := range s.due.queues {
		if !bound[ks] {
			delete(s.due.queues, ks)
		}
	}
	for ks := range s.fields.queues {
		if !bound[ks] {
			s.fields.drop(ks)
		}
	}
	for _, group := range s.Leases.Groups() {
		if !bound[mvcc.Keyspace(group)] {
			s.Leases.Drop(group)
		}
	}
}

// ended tells whether an item is over: past its own deadline, or left behind by a lease that is gone.
func (s *Space) ended(a mvcc.Attr, now int64) bool {
	if a.Lease != 0 {
		return s.Leases.Lookup(a.Lease) == nil
	}
	return a.Deadline != 0 && a.Deadline <= now
}

// deadline is when an item is to end: its own or its lease's deadline; 0 is never. A lease that is gone
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

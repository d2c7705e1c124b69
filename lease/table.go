package lease

import (
	"maps"
	"slices"
)

// Lease is one shared lease.
type Lease struct {
	ID       uint64
	TTL      int64 // granted time to live, in milliseconds
	Deadline int64 // in milliseconds of log time
	keys     map[uint32]struct{}
}

// Keys is how many keys are attached.
func (l *Lease) Keys() int { return len(l.keys) }

// Refs are the handles of the attached keys in ascending order, which is not the same on two
// replicas: sort by key before the order can reach log, disk or reply. The slice is the caller's.
func (l *Lease) Refs() []uint32 { return slices.Sorted(maps.Keys(l.keys)) }

// Table holds the shared leases and their deadlines. Not safe for concurrent use.
type Table struct {
	leases map[uint64]*Lease
	queue  *Queue[uint64]
}

// NewTable is an empty table.
func NewTable() *Table {
	return &Table{leases: map[uint64]*Lease{}, queue: NewQueue[uint64]()}
}

// Lookup finds a lease; nil if there is none. The Lease is the table's, to be read only.
func (t *Table) Lookup(id uint64) *Lease { return t.leases[id] }

// Put grants a lease or moves the deadline of one.
func (t *Table) Put(id uint64, ttl, deadline int64) {
	l := t.leases[id]
	if l == nil {
		l = &Lease{ID: id, keys: map[uint32]struct{}{}}
		t.leases[id] = l
	} else {
		t.queue.Remove(l.Deadline, id)
	}
	l.TTL, l.Deadline = ttl, deadline
	t.queue.Add(deadline, id)
}

// Delete forgets a lease; its keys are the caller's concern.
func (t *Table) Delete(id uint64) {
	if l := t.leases[id]; l != nil {
		t.queue.Remove(l.Deadline, id)
		delete(t.leases, id)
	}
}

// Attach notes that the key with this handle hangs from the lease, which must exist.
func (t *Table) Attach(id uint64, ref uint32) { t.leases[id].keys[ref] = struct{}{} }

// Detach takes the key off the lease, if both are known.
func (t *Table) Detach(id uint64, ref uint32) {
	if l := t.leases[id]; l != nil {
		delete(l.keys, ref)
	}
}

// Due calls fn for each lease whose deadline is at or before now, earliest first, until fn says false.
// fn must not change the table.
func (t *Table) Due(now int64, fn func(*Lease) bool) {
	t.queue.Due(now, func(_ int64, id uint64) bool { return fn(t.leases[id]) })
}

// Next is the earliest deadline.
func (t *Table) Next() (int64, bool) { return t.queue.Next() }

// IDs are the ids of all leases, ascending.
func (t *Table) IDs() []uint64 { return slices.Sorted(maps.Keys(t.leases)) }

// Len is the number of leases.
func (t *Table) Len() int { return len(t.leases) }

package lease

import (
	"maps"
	"slices"

	"github.com/google/btree"
)

// Lease is one shared lease.
type Lease struct {
	ID       uint64
	TTL      int64 // granted time to live, in milliseconds
	Deadline int64 // in milliseconds of log time
}

// Table holds the shared leases, their deadlines and what hangs from them. Not safe for concurrent use.
//
// Attachments stand in one ordered set per group instead of one set per lease: a million leases of a key each
// cost 16 bytes for each attachment, and a group goes at once, whatever hangs in it. A lease and its attachments
// are independent of each other: either may be made or deleted first.
type Table struct {
	leases map[uint64]*Lease
	queue  *Queue[uint64]
	groups map[uint32]*btree.BTreeG[attachment]
}

type attachment struct {
	id  uint64
	ref uint32
}

func (a attachment) before(b attachment) bool {
	if a.id != b.id {
		return a.id < b.id
	}
	return a.ref < b.ref
}

// NewTable is an empty table.
func NewTable() *Table {
	return &Table{
		leases: map[uint64]*Lease{}, queue: NewQueue[uint64](), groups: map[uint32]*btree.BTreeG[attachment]{},
	}
}

// Lookup finds a lease; nil if there is none. The Lease is the table's, to be read only.
func (t *Table) Lookup(id uint64) *Lease { return t.leases[id] }

// Put grants a lease or moves the deadline of one.
func (t *Table) Put(id uint64, ttl, deadline int64) {
	l := t.leases[id]
	if l == nil {
		l = &Lease{ID: id}
		t.leases[id] = l
	} else {
		t.queue.Remove(l.Deadline, id)
	}
	l.TTL, l.Deadline = ttl, deadline
	t.queue.Add(deadline, id)
}

// Delete forgets a lease; what hangs from it is the caller's concern.
func (t *Table) Delete(id uint64) {
	if l := t.leases[id]; l != nil {
		t.queue.Remove(l.Deadline, id)
		delete(t.leases, id)
	}
}

// Attach notes that the thing with this handle hangs from the lease.
func (t *Table) Attach(id uint64, group, ref uint32) {
	g := t.groups[group]
	if g == nil {
		g = btree.NewG(queueDegree, attachment.before)
		t.groups[group] = g
	}
	g.ReplaceOrInsert(attachment{id, ref})
}

// Detach takes the thing off the lease; one that does not hang there is no error.
func (t *Table) Detach(id uint64, group, ref uint32) {
	g := t.groups[group]
	if g == nil {
		return
	}
	g.Delete(attachment{id, ref})
	if g.Len() == 0 {
		delete(t.groups, group)
	}
}

// Groups are the groups something hangs in, ascending.
func (t *Table) Groups() []uint32 { return slices.Sorted(maps.Keys(t.groups)) }

// Drop takes everything of a group off its leases.
func (t *Table) Drop(group uint32) { delete(t.groups, group) }

// Refs are the handles of what hangs from the lease. Their order is not the same on two replicas: sort by
// key before it can reach log, disk or reply. The slice is the caller's.
func (t *Table) Refs(id uint64) []uint32 {
	var refs []uint32
	for _, group := range t.Groups() {
		t.groups[group].AscendGreaterOrEqual(attachment{id, 0}, func(a attachment) bool {
			if a.id == id {
				refs = append(refs, a.ref)
			}
			return a.id == id
		})
	}
	return refs
}

// Attached is how many things of a group hang from the lease.
func (t *Table) Attached(id uint64, group uint32) int {
	n := 0
	if g := t.groups[group]; g != nil {
		g.AscendGreaterOrEqual(attachment{id, 0}, func(a attachment) bool {
			if a.id == id {
				n++
			}
			return a.id == id
		})
	}
	return n
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

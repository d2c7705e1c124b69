// Package lease holds deadlines in order and the shared leases of LEASE GRANT. It has no clock:
// callers bring the time, which is log time.
package lease

import (
	"cmp"

	"github.com/google/btree"
)

// queueDegree fits a node of (deadline, id) pairs into a few cache lines.
const queueDegree = 32

// Queue holds deadlines in order. The zero Queue is not ready; use NewQueue. Not safe for
// concurrent use.
type Queue[ID cmp.Ordered] struct {
	tree *btree.BTreeG[due[ID]]
}

type due[ID cmp.Ordered] struct {
	deadline int64
	id       ID
}

// NewQueue is an empty queue.
func NewQueue[ID cmp.Ordered]() *Queue[ID] {
	less := func(a, b due[ID]) bool {
		if a.deadline != b.deadline {
			return a.deadline < b.deadline
		}
		return a.id < b.id
	}
	return &Queue[ID]{tree: btree.NewG(queueDegree, less)}
}

// Add puts id at a deadline. An id may stand at several deadlines; the pair counts once.
func (q *Queue[ID]) Add(deadline int64, id ID) {
	q.tree.ReplaceOrInsert(due[ID]{deadline, id})
}

// Remove takes the pair out; one that is not there is no error.
func (q *Queue[ID]) Remove(deadline int64, id ID) {
	q.tree.Delete(due[ID]{deadline, id})
}

// Due calls fn for each id whose deadline is at or before now, earliest first, until fn says false.
// fn must not change the queue.
func (q *Queue[ID]) Due(now int64, fn func(deadline int64, id ID) bool) {
	q.tree.Ascend(func(d due[ID]) bool {
		return d.deadline <= now && fn(d.deadline, d.id)
	})
}

// Next is the earliest deadline.
func (q *Queue[ID]) Next() (deadline int64, ok bool) {
	d, ok := q.tree.Min()
	return d.deadline, ok
}

// Len is the number of pairs.
func (q *Queue[ID]) Len() int { return q.tree.Len() }

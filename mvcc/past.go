package mvcc

import (
	"unsafe"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// A past is one superseded version of a key: visible to views R with from.Main <= R < to.Main. A key's
// pasts form a list, newest first, without gaps: next.to == from, and where a key was deleted and made
// again, the time between is a past too (pastAbsent).
//
//	put@1 put@2 put@5 del@7 put@9   is the cell @9 with the pasts [7,9)† [5,7) [2,5) [1,2)
//	compact(5) leaves               the cell @9 with the pasts [7,9)† [5,7)
//
// Pasts of all keys are freed in the order of to, first come first served, and nobody unlinks them: a pointer
// is followed only when what it points to must still be there, since its to is above the view, and the view
// is not below the compacted revision. So next is followed from a past whose from is above the view, and
// jump when jumpTo is.
//
// jump makes the search logarithmic: the list is Myers' skew-binary one, in which a past of rank k jumps
// over the 2^(k+1)-1 pasts of its tree. (Unlinking on removal, or an array of revisions in each key as
// in etcd, would make a counter with a million versions cost a million at every compaction.)
type past struct {
	fromMain, toMain uint64
	jumpTo           uint64 // to.Main of jump
	fromSub, toSub   uint32
	next, jump       uint32
	owner            uint32 // the cell
	size             uint16 // about what its rows take on disk: see packSize
	rank             uint8
	flags            uint8
}

const (
	pastAbsent  = 1 << iota // the key did not exist: from is a tombstone
	pastOwnsRow             // the v row of its value goes with it; a successor with the same value takes it over
	pastFarRow              // that row is not at from: the slot is a farPast
	pastHolds               // the version was a collection, whose handle is the farPast's rowMain; pastOwnsRow: it goes too
	pastElement             // of an element: the slot is an elementPast
	pastEnds                // of an element: the change at to removed it
)

// farPast is a past whose value row was written by an earlier version.
type farPast struct {
	past
	rowMain uint64
	rowSub  uint32
}

func (p *past) from() Revision { return Revision{p.fromMain, p.fromSub} }

func (h *heap) past(ref uint32) *past { return (*past)(h.pastSlab.Pointer(slab.Ref(ref))) }

// row is the revision of the v row that goes with the past; only with pastOwnsRow.
func (p *past) row() Revision {
	if p.flags&pastFarRow == 0 {
		return p.from()
	}
	far := (*farPast)(unsafe.Pointer(p))
	return Revision{far.rowMain, far.rowSub}
}

// handle is the collection that the past holds; only with pastHolds.
func (p *past) handle() uint32 { return uint32((*farPast)(unsafe.Pointer(p)).rowMain) }

// supersede makes a past of the cell's version, which ends at to. ownsRow tells that no later version has
// the same value.
func (h *heap) supersede(ref uint32, c *cell, to Revision, ownsRow bool) uint32 {
	var flags uint8
	row := c.mod()
	size := unsafe.Sizeof(past{})
	if !c.live() {
		flags |= pastAbsent
	} else if c.collection() {
		flags |= pastHolds
		if ownsRow {
			flags |= pastOwnsRow
		}
		row = Revision{Main: uint64(c.handle())}
		size = unsafe.Sizeof(farPast{})
	} else if ownsRow && c.large() {
		flags |= pastOwnsRow
		if row = h.valueRow(c); row != c.mod() {
			flags |= pastFarRow
			size = unsafe.Sizeof(farPast{})
		}
	}
	made := uint32(h.pastSlab.Alloc(int(size)))
	p := h.past(made)
	*p = past{
		fromMain: c.modMain, fromSub: c.modSub, toMain: to.Main, toSub: to.Sub,
		next: c.past, owner: ref, flags: flags, size: packSize(diskBytes(c)),
	}
	if flags&(pastFarRow|pastHolds) != 0 {
		far := (*farPast)(unsafe.Pointer(p))
		far.rowMain, far.rowSub = row.Main, row.Sub
	}
	if c.past != 0 {
		h.hook(p, h.past(c.past))
	}
	return made
}

// hook sets the jump of a past in front of next. A jump that ends in what is freed counts as the list's end.
func (h *heap) hook(p, next *past) {
	p.jump, p.jumpTo = p.next, next.toMain
	if next.jump == 0 || next.jumpTo <= h.compacted {
		return
	}
	if over := h.past(next.jump); over.rank == next.rank {
		p.rank, p.jump, p.jumpTo = next.rank+1, over.jump, over.jumpTo
	}
}

// at is the past that a view at main sees of a cell whose version is above it; 0 when there is none.
func (h *heap) at(c *cell, main uint64) uint32 {
	ref := c.past
	for ref != 0 {
		p := h.past(ref)
		switch {
		case p.fromMain <= main:
			return ref
		case p.jump != 0 && p.jumpTo > main:
			ref = p.jump
		default:
			ref = p.next
		}
	}
	return 0
}

// diskBytes is about what the cell's version takes on disk.
func diskBytes(c *cell) int { return int(c.keyLen) + int(c.valueLen) + recordOverhead }

const recordOverhead = 32 // row key, kind, numbers and Pebble's own few bytes

// packSize keeps a size to three digits or so in 16 bits: 11 of mantissa, 5 of exponent.
func packSize(n int) uint16 {
	exponent := 0
	for n >= 1<<11 {
		n >>= 1
		exponent++
	}
	return uint16(exponent<<11 | n)
}

func unpackSize(s uint16) int64 { return int64(s&(1<<11-1)) << (s >> 11) }

// queue is first in, first out, in chunks, and tells any element by its place.
type queue[T any] struct {
	chunks [][]T
	head   int // elements gone from the first chunk
	len    int
}

const queueChunk = 1024

func (q *queue[T]) push(v T) {
	if n := len(q.chunks); n == 0 || len(q.chunks[n-1]) == queueChunk {
		q.chunks = append(q.chunks, make([]T, 0, queueChunk))
	}
	last := &q.chunks[len(q.chunks)-1]
	*last = append(*last, v)
	q.len++
}

// at is the i-th element from the front.
func (q *queue[T]) at(i int) T {
	i += q.head
	return q.chunks[i/queueChunk][i%queueChunk]
}

// ref is where that element is, good until it is popped.
func (q *queue[T]) ref(i int) *T {
	i += q.head
	return &q.chunks[i/queueChunk][i%queueChunk]
}

func (q *queue[T]) pop() T {
	v := q.at(0)
	q.head++
	q.len--
	if q.len == 0 {
		q.clear()
	} else if q.head == queueChunk {
		q.chunks[0] = nil
		q.chunks, q.head = q.chunks[1:], 0
	}
	return v
}

// popBack takes back the newest element.
func (q *queue[T]) popBack() T {
	n := len(q.chunks) - 1
	last := q.chunks[n]
	v := last[len(last)-1]
	q.chunks[n] = last[:len(last)-1]
	q.len--
	if q.len == 0 {
		q.clear()
	} else if len(q.chunks[n]) == 0 {
		q.chunks = q.chunks[:n]
	}
	return v
}

// bytes is the memory that the queue takes.
func (q *queue[T]) bytes() int64 {
	return int64(len(q.chunks)) * queueChunk * int64(unsafe.Sizeof(*new(T)))
}

// clear keeps one chunk, so that a queue that swings about empty does not allocate.
func (q *queue[T]) clear() {
	q.chunks[0] = q.chunks[len(q.chunks)-1][:0]
	q.chunks, q.head = q.chunks[:1], 0
}

// before is the number of elements in front of the first for which reached is true, given that it is true
// for all behind that one.
func (q *queue[T]) before(reached func(T) bool) int {
	low, high := 0, q.len
	for low < high {
		if mid := (low + high) / 2; reached(q.at(mid)) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

// Package ranked keeps entries in order and tells any by its rank: the elements of one collection, packed in
// leaves that hang from a counted B+tree. The leaves lie in slabs, where the garbage collector does not
// look; a collection that fits one leaf has no tree and no Go object at all.
//
//	Root{leaf}           [a b c]                 up to 1 KiB: nothing but the leaf
//	Root{row of table} → node(3 5)               above: each node knows how many entries hang below each kid,
//	                     [a b c] [d e f g h]     which is what makes ranks cheap
//
// Leaves and nodes count who refers to them. Clone counts up the topmost only; whoever writes and meets a count above
// one copies that leaf or node, counts up what hangs below it, and leaves the original to the others.
package ranked

import (
	"sync"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// Entry is one element. Its place in the order is Major, then Name as bytes. Byte strings handed out alias the tree
// and are good until its next change; those handed in are copied.
type Entry struct {
	Major    uint64
	Name     []byte
	Value    []byte
	Main     uint64 // the revision that wrote it
	Sub      uint32
	Deadline int64 // 0 is none
}

// Layout says how the entries of a tree are packed.
type Layout uint8

const (
	Hashed Layout = iota + 1 // Major is a hash of at most 40 bits
	Scored                   // Major is any 64 bits; Main, Sub and Deadline are not kept
	Placed                   // Major is near that of its neighbours: a place in a list
)

// Root is where a tree hangs. It holds no pointer, so that it may lie in a slab itself, and must not be copied but by
// Clone.
type Root struct {
	at     uint32 // the only leaf or, of a tree, its row in the forest's table; 0 is empty
	layout Layout
	many   bool // at is a row
}

// Forest is the memory of many trees. Any number may read while nobody writes; Clone counts as reading.
type Forest struct {
	leaves *slab.Arena
	blobs  *slab.Arena

	rows   atomic.Pointer[[]row] // trees of more than one leaf; row 0 is never used
	rowsMu sync.Mutex            // held to take or give back a row
	spare  []uint32              // rows given back

	nodes  int64 // bytes of all nodes
	litter []litter

	// What follows belongs to the write going on.
	grown int64  // bytes that the tree gained, those shared with others counted whole
	entry []byte // the entry being put, packed
	wide  []byte // the entries of leaves being split or merged
}

// New returns a forest whose leaves lie in a narrow arena and whose large names and values in another.
func New(leaves, blobs *slab.Arena) *Forest {
	f := &Forest{leaves: leaves, blobs: blobs}
	f.rows.Store(&[]row{{}})
	return f
}

// Make returns an empty tree, which takes no memory.
func Make(l Layout) Root { return Root{layout: l} }

// Len is the number of entries.
func (f *Forest) Len(r Root) int {
	switch {
	case r.many:
		return int(f.root(r).total)
	case r.at == 0:
		return 0
	}
	return f.leaf(r.at).count()
}

// Find is the entry at a place.
func (f *Forest) Find(r Root, major uint64, name []byte) (e Entry, ok bool) {
	ref := r.at
	if r.many {
		ref = f.reach(f.root(r), r.layout, major, name)
	} else if ref == 0 {
		return e, false
	}
	b := f.leaf(ref)
	s := f.seek(b, r.layout, major, name)
	if s.found {
		f.open(b, r.layout, s.off, &e)
	}
	return e, s.found
}

// Touch reads where Find of a small tree looks first, so that it need not wait for memory then. The number means nothing,
// but whoever drops it leaves the compiler free not to read.
func (f *Forest) Touch(r Root) uint64 {
	if r.many || r.at == 0 {
		return 0
	}
	return uint64(atomic.LoadUint32((*uint32)(f.leaves.Pointer(slab.Ref(r.at)))))
}

// At is the entry of a rank, 0 being the first.
func (f *Forest) At(r Root, rank int) (e Entry, ok bool) {
	if rank < 0 || rank >= f.Len(r) {
		return e, false
	}
	ref := r.at
	if r.many {
		ref, rank = f.reachRank(f.root(r), rank)
	}
	b := f.leaf(ref)
	b.warm()
	f.open(b, r.layout, b.skip(r.layout.head(), rank), &e)
	return e, true
}

// Rank is how many entries are in front of a place, and whether there is one at it.
func (f *Forest) Rank(r Root, major uint64, name []byte) (int, bool) {
	if r.at == 0 {
		return 0, false
	}
	ref, before := r.at, 0
	if r.many {
		n := f.root(r)
		for {
			slot := f.slotOf(n, r.layout, major, name)
			for _, c := range n.count[:slot] {
				before += int(c)
			}
			if n.kids == nil {
				ref = n.leaf[slot]
				break
			}
			n = n.kids[slot]
		}
	}
	s := f.seek(f.leaf(ref), r.layout, major, name)
	return before + s.rank, s.found
}

// Bytes is the memory that a tree takes, what it shares with clones included.
func (f *Forest) Bytes(r Root) int64 {
	switch {
	case r.many:
		return (*f.rows.Load())[r.at].bytes
	case r.at == 0:
		return 0
	}
	b := f.leaf(r.at)
	return int64(len(b)) + f.outsideBytes(b, r.layout)
}

// Heap is the memory that the forest takes outside of its arenas: nodes, and the table of trees.
func (f *Forest) Heap() int64 { return f.nodes + int64(len(*f.rows.Load()))*rowSize }

package ranked

import (
	"slices"
	"sync/atomic"
	"unsafe"
)

// row is what a root of more than one leaf refers to.
type row struct {
	top   *node
	bytes int64 // of all below
}

const rowSize = int64(unsafe.Sizeof(row{}))

func (f *Forest) root(r Root) *node { return (*f.rows.Load())[r.at].top }

// setRoot ends a write to a tree of nodes.
func (f *Forest) setRoot(r Root, top *node) {
	row := &(*f.rows.Load())[r.at]
	row.top = top
	row.bytes += f.grown
}

// takeRow finds a free row. Clones do that side by side and beside readers, who go on with the table that they know
// when a larger one replaces it: no row of theirs changes meanwhile.
func (f *Forest) takeRow(v row) uint32 {
	f.rowsMu.Lock()
	defer f.rowsMu.Unlock()
	rows := *f.rows.Load()
	if n := len(f.spare); n > 0 {
		at := f.spare[n-1]
		f.spare = f.spare[:n-1]
		rows[at] = v
		return at
	}
	at := len(rows)
	rows = slices.Concat(rows, make([]row, len(rows)))
	for i := len(rows) - 1; i > at; i-- {
		f.spare = append(f.spare, uint32(i))
	}
	rows[at] = v
	f.rows.Store(&rows)
	return uint32(at)
}

func (f *Forest) giveRow(at uint32) {
	f.rowsMu.Lock()
	defer f.rowsMu.Unlock()
	(*f.rows.Load())[at] = row{}
	f.spare = append(f.spare, at)
}

// Clone is the tree as it is now, in O(1): both share what neither changes. It is a read: several may clone at once,
// while nobody writes. A clone is only to be read, and ends with Release, which is a write.
func (f *Forest) Clone(r Root) Root {
	switch {
	case r.many:
		was := (*f.rows.Load())[r.at]
		atomic.AddInt32(&was.top.refs, 1)
		r.at = f.takeRow(was)
	case r.at != 0:
		atomic.AddUint32(f.leaf(r.at).refs(), 1)
	}
	return r
}

// Release frees a clone, or a tree, with all that nobody else shares.
func (f *Forest) Release(r *Root) {
	switch {
	case r.many:
		f.dropNode(f.root(*r), r.layout)
		f.giveRow(r.at)
	case r.at != 0:
		f.dropLeaf(r.at, r.layout)
	}
	*r = Make(r.layout)
}

// dropNode counts one reference less, and frees what is below at the last.
func (f *Forest) dropNode(n *node, l Layout) {
	if atomic.AddInt32(&n.refs, -1) > 0 {
		return
	}
	for i := range n.n {
		if n.kids != nil {
			f.dropNode(n.kids[i], l)
		} else {
			f.dropLeaf(n.leaf[i], l)
		}
	}
	f.freeNode(n)
}

// litter is a node that lost a reference, which is yet to be counted.
type litter struct {
	node   *node
	layout Layout
}

// Discard is Release in O(1): Sweep does the rest.
func (f *Forest) Discard(r *Root) {
	if r.many {
		f.litter = append(f.litter, litter{f.root(*r), r.layout})
		f.giveRow(r.at)
	} else if r.at != 0 {
		f.dropLeaf(r.at, r.layout)
	}
	*r = Make(r.layout)
}

// Sweep frees at most max nodes, with their leaves, of trees that were discarded and that nobody shares.
func (f *Forest) Sweep(max int) {
	for ; max > 0 && len(f.litter) > 0; max-- {
		last := len(f.litter) - 1
		n, l := f.litter[last].node, f.litter[last].layout
		f.litter[last] = litter{}
		f.litter = f.litter[:last]
		if n.kids == nil {
			f.dropNode(n, l)
			continue
		}
		if atomic.AddInt32(&n.refs, -1) > 0 {
			continue
		}
		for _, kid := range n.kids[:n.n] {
			f.litter = append(f.litter, litter{kid, l})
		}
		f.freeNode(n)
	}
	if len(f.litter) == 0 {
		f.litter = nil
	}
}

func (b leaf) shared() bool     { return atomic.LoadUint32(b.refs()) > 1 }
func (b leaf) setRefs(n uint32) { atomic.StoreUint32(b.refs(), n) }
func (b leaf) drop() bool       { return atomic.AddUint32(b.refs(), ^uint32(0)) == 0 }

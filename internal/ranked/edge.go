package ranked

import (
	"fmt"
	"math"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// A queue is written and read at its ends alone. To get there takes no search: the first leaf and the last hang from the
// first kids and the last, and what changes on the way is a count in each node.

// First is the entry in front of all others, Last that behind them; false when there is none.
func (f *Forest) First(r Root) (e Entry, ok bool) {
	ref := f.edge(r, false)
	if ref == 0 {
		return e, false
	}
	f.open(f.leaf(ref), r.layout, r.layout.head(), &e)
	return e, true
}

// Last is the other end: see First.
func (f *Forest) Last(r Root) (e Entry, ok bool) {
	ref := f.edge(r, true)
	if ref == 0 {
		return e, false
	}
	b := f.leaf(ref)
	f.open(b, r.layout, b.last(), &e)
	return e, true
}

// edge is the first leaf of a tree, or the last; 0 when it is empty.
func (f *Forest) edge(r Root, last bool) uint32 {
	if !r.many {
		return r.at
	}
	n := f.root(r)
	for n.kids != nil {
		n = n.kids[n.end(last)]
	}
	return n.leaf[n.end(last)]
}

// end is the place of the first kid, or the last.
func (n *node) end(last bool) int {
	if last {
		return int(n.n) - 1
	}
	return 0
}

// edge leads to the first leaf, or the last, by nodes that may be changed.
func (p *path) edge(f *Forest, n *node, last bool) {
	for n = f.own(n); ; {
		slot := n.end(last)
		p.push(n, slot)
		if n.kids == nil {
			return
		}
		below := f.own(n.kids[slot])
		n.kids[slot] = below
		n = below
	}
}

// Push is Put of an entry whose place is in front of all others, or behind them if last.
func (f *Forest) Push(r *Root, last bool, e *Entry) {
	if !r.many {
		f.pushBare(r, last, e)
		return
	}
	f.grown = 0
	top := f.root(*r)
	if top.total == math.MaxUint32 {
		panic(fmt.Sprintf("ranked: a tree of %d entries is full", top.total))
	}
	var p path
	p.edge(f, top, last)
	left, right := f.pushLeaf(f.ownLeaf(p.leaf(), r.layout), r.layout, last, e, leafMax)
	top = p.nodes[0]
	if right == 0 {
		p.nodes[p.depth-1].leaf[p.slots[p.depth-1]] = left
		p.tally(last, e.Major)
	} else {
		p.nodes[p.depth-1].set(p.slots[p.depth-1], f.leafKid(left, r.layout))
		top = f.hang(&p, f.leafKid(right, r.layout))
	}
	f.setRoot(*r, top)
}

// tally counts an entry more at the end of the path.
func (p *path) tally(last bool, major uint64) {
	for d := range p.depth {
		n, slot := p.nodes[d], p.slots[d]
		n.total++
		n.count[slot]++
		if !last {
			n.major[slot] = major
		}
	}
}

// pushBare is Push into a tree without nodes.
func (f *Forest) pushBare(r *Root, last bool, e *Entry) {
	l := r.layout
	if r.at == 0 {
		f.putBare(r, &Place{}, e)
		return
	}
	left, right := f.pushLeaf(f.ownLeaf(r.at, l), l, last, e, 0)
	r.at = left
	if right != 0 {
		f.sprout(r, left, right)
	}
}

// pushLeaf adds an entry at an end of a leaf that is owned. If there is no room, it comes to a leaf of its own, and
// left and right are the two in their order. A leaf that moves gets a slot of at least so many bytes: the one at the end of
// a large tree will be filled, and need not move for each entry.
func (f *Forest) pushLeaf(ref uint32, l Layout, last bool, e *Entry, room int) (left, right uint32) {
	b := f.leaf(ref)
	out := f.place(e, outside{})
	entry := f.pack(l, b.base(l), e, out)
	used := b.used()
	if used+len(entry) > leafMax {
		from := baseOf(l, e)
		fresh := f.build(l, from, f.pack(l, from, e, out), out.any())
		if ref = f.trim(ref); last {
			return ref, fresh
		}
		return fresh, ref
	}
	if used+len(entry) > len(b) {
		ref = f.resize(ref, max(room, used+len(entry)))
		b = f.leaf(ref)
	}
	if last {
		copy(b[used:], entry)
		b.setLast(used)
	} else {
		copy(b[l.head()+len(entry):], b[l.head():used])
		copy(b[l.head():], entry)
		b.setLast(b.last() + len(entry))
	}
	if out.any() {
		b[10] |= hasBlobs
	}
	b.setUsed(used + len(entry))
	b.setCount(b.count() + 1)
	return ref, 0
}

// resize moves a leaf that is owned to a slot of another size.
func (f *Forest) resize(ref uint32, size int) uint32 {
	b := f.leaf(ref)
	to, other := f.slot(size)
	copy(other, b[:b.used()])
	other.setSize()
	f.grown -= int64(len(b))
	f.leaves.Free(slab.Ref(ref))
	return to
}

// trim gives back what a leaf, that was filled at an end of the tree and is there no more, has too much. Others may share it;
// then it stays as it is.
func (f *Forest) trim(ref uint32) uint32 {
	if b := f.leaf(ref); slab.Size(b.used()) < len(b) && !b.shared() {
		return f.resize(ref, b.used())
	}
	return ref
}

// Pop removes the first entry, or the last; the tree must not be empty.
func (f *Forest) Pop(r *Root, last bool) {
	l := r.layout
	if !r.many {
		ref := f.ownLeaf(r.at, l)
		r.at = f.cut(ref, l, f.leaf(ref).endSpot(l, last))
		return
	}
	f.grown = 0
	var p path
	p.edge(f, f.root(*r), last)
	f.shrunk(r, &p, f.popLeaf(f.ownLeaf(p.leaf(), l), l, last))
}

// endSpot is where the first entry is, or the last.
func (b leaf) endSpot(l Layout, last bool) spot {
	s := spot{off: l.head()}
	if n := b.count(); last && n > 1 {
		s.prev = b.skip(s.off, n-2)
		_, s.off = span(b, s.prev)
	}
	return s
}

// popLeaf is cut of the entry at an end, but the leaf keeps its slot: the next may be put there.
func (f *Forest) popLeaf(ref uint32, l Layout, last bool) uint32 {
	b := f.leaf(ref)
	s := b.endSpot(l, last)
	if b.count() == 1 {
		return f.cut(ref, l, s)
	}
	if b.blobs() {
		f.dropOutside(b.outsideOf(l, s.off))
	}
	used := b.used()
	_, end := span(b, s.off)
	if last {
		b.setLast(s.prev)
	} else {
		copy(b[s.off:], b[end:used])
		b.setLast(b.last() - (end - s.off))
	}
	b.setUsed(used - (end - s.off))
	b.setCount(b.count() - 1)
	return ref
}

package ranked

import (
	"fmt"
	"math"
)

// Place is where in a tree an entry is, or would be: whoever has looked there need not search again in order to write. It is
// good until that tree changes; clones of it, and other trees, may come and go. The zero value is of an empty tree.
type Place struct {
	Entry Entry // what Seek found; of a Scored tree Major, Name and Value alone

	path path // of no nodes if the tree has none
	leaf uint32
	spot spot
}

// Seek is Find that notes in at where it has looked, and what is there.
func (f *Forest) Seek(r Root, major uint64, name []byte, at *Place) bool {
	at.lead(f, r, major, name)
	if at.leaf == 0 {
		return false
	}
	b := f.leaf(at.leaf)
	at.spot = f.seek(b, r.layout, major, name)
	if at.spot.found {
		f.open(b, r.layout, at.spot.off, &at.Entry)
	}
	return at.spot.found
}

// SeekRank is Seek of a rank, 0 being the first.
func (f *Forest) SeekRank(r Root, rank int, at *Place) bool {
	if rank < 0 || rank >= f.Len(r) {
		return false
	}
	at.path.depth, at.leaf = 0, r.at
	if r.many {
		rank = at.path.rank(f.root(r), rank)
		at.leaf = at.path.leaf()
	}
	b := f.leaf(at.leaf)
	b.warm()
	at.spot = spot{off: r.layout.head(), rank: rank, found: true}
	for range rank {
		at.spot.prev = at.spot.off
		_, at.spot.off = span(b, at.spot.off)
	}
	f.open(b, r.layout, at.spot.off, &at.Entry)
	return true
}

// lead finds the leaf in which a place is, 0 in an empty tree.
func (at *Place) lead(f *Forest, r Root, major uint64, name []byte) {
	at.path.depth, at.leaf, at.spot.found = 0, r.at, false
	if r.many {
		at.path.find(f, f.root(r), r.layout, major, name)
		at.leaf = at.path.leaf()
	}
}

// edges tells whether the leaf is at the ends of the tree.
func (at *Place) edges() edges {
	d := at.path.depth - 1
	return edges{at.path.first(d), at.path.last(d)}
}

// PutAt is Put of an entry whose place Seek has found.
func (f *Forest) PutAt(r *Root, at *Place, e *Entry) {
	if !r.many {
		f.putBare(r, at, e)
		return
	}
	f.grown = 0
	p, l := &at.path, r.layout
	if top := f.root(*r); top.total == math.MaxUint32 {
		panic(fmt.Sprintf("ranked: a tree of %d entries is full", top.total))
	}
	top := p.own(f)
	left, right := f.putLeaf(f.ownLeaf(at.leaf, l), l, e, at)
	d := p.depth - 1
	p.nodes[d].set(p.slots[d], f.leafKid(left, l))
	if right == 0 {
		for d--; d >= 0; d-- {
			p.nodes[d].set(p.slots[d], nodeKid(p.nodes[d+1]))
		}
	} else {
		top = f.hang(p, f.leafKid(right, l))
	}
	f.setRoot(*r, top)
}

// DeleteAt removes the entry that Seek has found.
func (f *Forest) DeleteAt(r *Root, at *Place) {
	l := r.layout
	if !r.many {
		r.at = f.cut(f.ownLeaf(r.at, l), l, at.spot)
		return
	}
	f.grown = 0
	at.path.own(f)
	f.shrunk(r, &at.path, f.cut(f.ownLeaf(at.leaf, l), l, at.spot))
}

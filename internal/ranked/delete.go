package ranked

import "github.com/redoubt-db/redoubt/internal/slab"

// Delete removes the entry at a place; false if there is none.
func (f *Forest) Delete(r *Root, major uint64, name []byte) bool {
	var at Place
	at.lead(f, *r, major, name)
	if at.leaf == 0 {
		return false
	}
	if at.spot = f.seek(f.leaf(at.leaf), r.layout, major, name); !at.spot.found {
		return false
	}
	f.DeleteAt(r, &at)
	return true
}

// cut removes an entry from a leaf that is owned, and returns the leaf, or 0 when it was the last.
func (f *Forest) cut(ref uint32, l Layout, s spot) uint32 {
	b := f.leaf(ref)
	if b.count() == 1 {
		f.dropLeaf(ref, l)
		return 0
	}
	if b.blobs() {
		f.dropOutside(b.outsideOf(l, s.off))
	}
	_, end := span(b, s.off)
	b.setCount(b.count() - 1)
	return f.splice(ref, s.off, end-s.off, s.prev, nil)
}

func (f *Forest) dropOutside(out outside) {
	if out.name != 0 {
		f.dropBlob(out.name, out.nameLen)
	}
	if out.value != 0 {
		f.dropBlob(out.value, out.valueLen)
	}
}

// TakeFirst removes at most n entries from the front and returns how many; fn, unless nil, is shown each before.
// At a cost per leaf rather than per entry, this is how a large tree is freed in steps.
func (f *Forest) TakeFirst(r *Root, n int, fn func(e *Entry)) int {
	taken := 0
	var e Entry
	for taken < n && r.at != 0 {
		ref := r.at
		if r.many {
			ref = f.root(*r).leftmost(0)
		}
		k := min(f.leaf(ref).count(), n-taken)
		if fn != nil {
			off := r.layout.head()
			for range k {
				off = f.open(f.leaf(ref), r.layout, off, &e)
				fn(&e)
			}
		}
		f.takeLeaf(r, k)
		taken += k
	}
	return taken
}

// takeLeaf removes so many entries from the first leaf.
func (f *Forest) takeLeaf(r *Root, k int) {
	f.grown = 0
	if !r.many {
		r.at = f.behead(r.at, r.layout, k)
		return
	}
	var p path
	p.rank(f.root(*r), 0)
	p.own(f)
	f.shrunk(r, &p, f.behead(p.leaf(), r.layout, k))
}

// behead removes the first k entries of a leaf, and returns the leaf, or 0 when that were all.
func (f *Forest) behead(ref uint32, l Layout, k int) uint32 {
	if f.leaf(ref).count() == k {
		f.dropLeaf(ref, l)
		return 0
	}
	ref = f.ownLeaf(ref, l)
	b := f.leaf(ref)
	end := b.skip(l.head(), k)
	if b.blobs() {
		b.blobsUntil(l, end, f.dropBlob)
	}
	b.setCount(b.count() - k)
	return f.splice(ref, l.head(), end-l.head(), 0, nil)
}

// shrunk hangs the leaf in which a path ended back in its place, 0 being none, and brings the nodes in order: what is
// empty goes, and what got small joins a neighbour.
func (f *Forest) shrunk(r *Root, p *path, ref uint32) {
	d := p.depth - 1
	n, slot := p.nodes[d], p.slots[d]
	if ref == 0 {
		n.remove(slot)
	} else {
		n.set(slot, f.leafKid(ref, r.layout))
		if f.leaf(ref).used() < leafMin && n.n > 1 {
			f.joinLeaf(n, slot, r.layout)
		}
	}
	for d--; d >= 0; d-- {
		below := p.nodes[d+1]
		n, slot = p.nodes[d], p.slots[d]
		if below.n == 0 {
			f.freeNode(below)
			n.remove(slot)
			continue
		}
		n.set(slot, nodeKid(below))
		if below.n < fanMin && n.n > 1 {
			f.joinNode(n, slot)
		}
	}
	f.settle(r, p.nodes[0])
}

// joinLeaf merges a leaf with the smaller of its neighbours, if both fit one.
func (f *Forest) joinLeaf(n *node, slot int, l Layout) {
	if slot+1 == int(n.n) || slot > 0 && f.leaf(n.leaf[slot-1]).used() < f.leaf(n.leaf[slot+1]).used() {
		slot--
	}
	if f.leaf(n.leaf[slot]).used()+f.leaf(n.leaf[slot+1]).used()-l.head() > mergeMax {
		return
	}
	n.leaf[slot], n.leaf[slot+1] = f.ownLeaf(n.leaf[slot], l), f.ownLeaf(n.leaf[slot+1], l)
	if merged := f.merge(n.leaf[slot], n.leaf[slot+1], l); merged != 0 {
		n.remove(slot + 1)
		n.set(slot, f.leafKid(merged, l))
	}
}

// joinNode is joinLeaf for a kid that is a node.
func (f *Forest) joinNode(n *node, slot int) {
	if slot+1 == int(n.n) || slot > 0 && n.kids[slot-1].n < n.kids[slot+1].n {
		slot--
	}
	if n.kids[slot].n+n.kids[slot+1].n > fanMerge {
		return
	}
	left, right := f.own(n.kids[slot]), f.own(n.kids[slot+1])
	left.move(right, 0)
	f.freeNode(right)
	n.remove(slot + 1)
	n.set(slot, nodeKid(left))
}

// settle makes a node the top of a tree, or what is left of it: the only node below, the only leaf, or nothing. A leaf
// that is nearly full keeps its node, lest the next entry bring it back.
func (f *Forest) settle(r *Root, top *node) {
	for top.kids != nil && top.n == 1 {
		f.freeNode(top)
		top = f.own(top.kids[0])
	}
	if top.n > 1 || top.n == 1 && (top.kids != nil || f.leaf(top.leaf[0]).used() > mergeMax) {
		f.setRoot(*r, top)
		return
	}
	f.giveRow(r.at)
	f.freeNode(top)
	r.at, r.many = 0, false
	if top.n == 1 {
		r.at = f.trim(top.leaf[0])
	}
}

// ownLeaf is a leaf that may be changed: the one given, or a copy if others refer to it too.
func (f *Forest) ownLeaf(ref uint32, l Layout) uint32 {
	b := f.leaf(ref)
	if !b.shared() {
		return ref
	}
	to, mine := f.slot(b.used())
	copy(mine, b[:b.used()])
	mine.setSize()
	mine.setRefs(1)
	mine.eachBlob(l, f.shareBlob)
	f.dropLeaf(ref, l)
	return to
}

// dropLeaf counts one reference less, and frees the leaf with its blobs at the last.
func (f *Forest) dropLeaf(ref uint32, l Layout) {
	b := f.leaf(ref)
	f.grown -= int64(len(b))
	if !b.drop() {
		b.eachBlob(l, func(_ slab.Ref, n int) { f.grown -= blobSize(n) })
		return
	}
	b.eachBlob(l, f.dropBlob)
	f.leaves.Free(slab.Ref(ref))
}

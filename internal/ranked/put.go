package ranked

// edges tell whether a leaf is the first and the last of its tree.
type edges struct{ first, last bool }

// Put adds an entry or replaces the one at its place; it tells whether it added. Strings of e may alias the entry
// they replace.
func (f *Forest) Put(r *Root, e *Entry) bool {
	var at Place
	at.lead(f, *r, e.Major, e.Name)
	if at.leaf != 0 {
		b := f.leaf(at.leaf)
		if at.edges().last {
			at.spot = f.seekLast(b, r.layout, e.Major, e.Name)
		} else {
			at.spot = f.seek(b, r.layout, e.Major, e.Name)
		}
	}
	f.PutAt(r, &at, e)
	return !at.spot.found
}

// putBare is PutAt of a tree without nodes.
func (f *Forest) putBare(r *Root, at *Place, e *Entry) {
	l := r.layout
	if r.at == 0 {
		from := baseOf(l, e)
		out := f.place(e, outside{})
		r.at = f.build(l, from, f.pack(l, from, e, out), out.any())
		return
	}
	left, right := f.putLeaf(f.ownLeaf(r.at, l), l, e, at)
	r.at = left
	if right != 0 {
		f.sprout(r, left, right)
	}
}

// sprout makes a tree of two leaves.
func (f *Forest) sprout(r *Root, left, right uint32) {
	l := r.layout
	n := f.newNode(true)
	n.insert(0, f.leafKid(left, l))
	n.insert(1, f.leafKid(right, l))
	bytes := f.Bytes(Root{at: left, layout: l}) + f.Bytes(Root{at: right, layout: l}) + nodeSize(true)
	r.at, r.many = f.takeRow(row{n, bytes}), true
}

func (o outside) any() bool { return o.name != 0 || o.value != 0 }

// baseOf is the base of a leaf that begins with an entry.
func baseOf(l Layout, e *Entry) (from base) {
	if l != Scored {
		from.main = e.Main
	}
	if l == Placed {
		from.major = e.Major
	}
	return from
}

// putLeaf is PutAt in a leaf that is owned. If it gets too full, right is the second of the two it becomes.
func (f *Forest) putLeaf(ref uint32, l Layout, e *Entry, at *Place) (left, right uint32) {
	b, s := f.leaf(ref), at.spot
	var old outside
	gone := 0
	if s.found {
		_, end := span(b, s.off)
		gone = end - s.off
		if b.blobs() {
			old = b.outsideOf(l, s.off)
		}
	}
	out := f.place(e, old)
	from := b.base(l)
	entry := f.pack(l, from, e, out)
	used := b.used()
	switch {
	case used-gone+len(entry) <= leafMax:
		left = f.splice(ref, s.off, gone, s.prev, entry)
		b = f.leaf(left)
		if out.any() {
			b[10] |= hasBlobs
		}
		if !s.found {
			b.setCount(b.count() + 1)
		}
	case !s.found && s.off == used && at.edges().last: // whoever appends leaves full leaves behind
		from = baseOf(l, e)
		left, right = f.trim(ref), f.build(l, from, f.pack(l, from, e, out), out.any())
	case !s.found && s.rank == 0 && at.edges().first:
		from = baseOf(l, e)
		left, right = f.build(l, from, f.pack(l, from, e, out), out.any()), f.trim(ref)
	default:
		left, right = f.halve(ref, l, s.off, gone, entry, out.any())
	}
	if old.value != 0 && old.value != out.value {
		f.dropBlob(old.value, old.valueLen)
	}
	return left, right
}

// hang puts a kid behind the one that the path leads to, and brings the path's nodes up to date. It returns the topmost
// node, which is a new one if all were full.
func (f *Forest) hang(p *path, k kid) *node {
	more := true
	for d := p.depth - 1; d >= 0; d-- {
		n := p.nodes[d]
		edge := edges{p.first(d), p.last(d)} // before a kid is added
		if d < p.depth-1 {
			n.set(p.slots[d], nodeKid(p.nodes[d+1]))
		}
		switch {
		case !more:
		case n.n < fan:
			n.insert(p.slots[d]+1, k)
			more = false
		default:
			k = nodeKid(f.split(n, p.slots[d]+1, k, edge))
		}
	}
	if !more {
		return p.nodes[0]
	}
	top := f.newNode(false)
	top.insert(0, nodeKid(p.nodes[0]))
	top.insert(1, k)
	return top
}

// split adds a kid to a full node, and returns the second of the two it becomes: halves, save at the edges of
// the tree, where the one left behind stays full.
func (f *Forest) split(n *node, at int, k kid, edge edges) *node {
	cut := fan / 2
	if edge.last && at == fan {
		cut = fan
	} else if edge.first && at == 1 {
		cut = 1
	}
	right := f.newNode(n.kids == nil)
	right.move(n, cut)
	if at >= cut {
		right.insert(at-cut, k)
	} else {
		n.insert(at, k)
	}
	return right
}

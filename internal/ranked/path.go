package ranked

// path is the way from a tree's top to a leaf.
type path struct {
	depth int // nodes
	nodes [depthMax]*node
	slots [depthMax]int // the kid taken in each
}

func (p *path) push(n *node, slot int) {
	p.nodes[p.depth], p.slots[p.depth] = n, slot
	p.depth++
}

// leaf is where the path ends.
func (p *path) leaf() uint32 { return p.nodes[p.depth-1].leaf[p.slots[p.depth-1]] }

// find leads to the leaf in which a place is.
func (p *path) find(f *Forest, n *node, l Layout, major uint64, name []byte) {
	for {
		slot := f.slotOf(n, l, major, name)
		p.push(n, slot)
		if n.kids == nil {
			return
		}
		n = n.kids[slot]
	}
}

// rank leads to the leaf with the entry of a rank, and returns the rank in it.
func (p *path) rank(n *node, rank int) int {
	for {
		var slot int
		slot, rank = n.slotAt(rank)
		p.push(n, slot)
		if n.kids == nil {
			return rank
		}
		n = n.kids[slot]
	}
}

// next moves on to the next leaf; false at the end.
func (p *path) next() bool {
	d := p.depth - 1
	for d >= 0 && p.slots[d]+1 == int(p.nodes[d].n) {
		d--
	}
	if d < 0 {
		return false
	}
	p.slots[d]++
	for p.depth = d + 1; p.nodes[p.depth-1].kids != nil; {
		p.push(p.nodes[p.depth-1].kids[p.slots[p.depth-1]], 0)
	}
	return true
}

// back is next towards the front.
func (p *path) back() bool {
	d := p.depth - 1
	for d >= 0 && p.slots[d] == 0 {
		d--
	}
	if d < 0 {
		return false
	}
	p.slots[d]--
	for p.depth = d + 1; p.nodes[p.depth-1].kids != nil; {
		n := p.nodes[p.depth-1].kids[p.slots[p.depth-1]]
		p.push(n, int(n.n)-1)
	}
	return true
}

// first tells whether the path down to depth d keeps to the left edge.
func (p *path) first(d int) bool {
	for i := range d + 1 {
		if p.slots[i] != 0 {
			return false
		}
	}
	return true
}

// last tells whether it keeps to the right edge.
func (p *path) last(d int) bool {
	for i := range d + 1 {
		if p.slots[i]+1 != int(p.nodes[i].n) {
			return false
		}
	}
	return true
}

// own makes every node of the path one that may be changed, and returns the topmost.
func (p *path) own(f *Forest) *node {
	for d := range p.depth {
		n := f.own(p.nodes[d])
		if d > 0 {
			p.nodes[d-1].kids[p.slots[d-1]] = n
		}
		p.nodes[d] = n
	}
	return p.nodes[0]
}

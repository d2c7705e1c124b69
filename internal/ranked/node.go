package ranked

import (
	"sync/atomic"
	"unsafe"
)

const (
	fan      = 62      // kids of a node: with them it takes 1 KiB
	fanMin   = fan / 4 // with less it looks for a neighbour to merge with
	fanMerge = fan * 3 / 4
	depthMax = 12 // nodes above a leaf; full ones need six for as many leaves as 32 bits name
)

// node has leaves or other nodes below it, at least one.
type node struct {
	kids  *[fan]*node // nil if the kids are leaves. The only pointer comes first, where the collector stops looking
	refs  int32       // from nodes and from roots, atomic
	n     int32       // kids
	total uint32      // entries below: the sum of count
	leaf  [fan]uint32
	count [fan]uint32 // entries below each kid
	major [fan]uint64 // of the first entry below each kid
}

// kid is what a node knows of one.
type kid struct {
	node  *node
	leaf  uint32
	count uint32
	major uint64
}

func (f *Forest) leafKid(ref uint32, l Layout) kid {
	b := f.leaf(ref)
	return kid{leaf: ref, count: uint32(b.count()), major: b.first(l)}
}

func nodeKid(n *node) kid { return kid{node: n, count: n.total, major: n.major[0]} }

func nodeSize(bottom bool) int64 {
	if bottom {
		return int64(unsafe.Sizeof(node{}))
	}
	return int64(unsafe.Sizeof(node{}) + unsafe.Sizeof([fan]*node{}))
}

func (f *Forest) newNode(bottom bool) *node {
	n := &node{refs: 1}
	if !bottom {
		n.kids = new([fan]*node)
	}
	f.nodes += nodeSize(bottom)
	f.grown += nodeSize(bottom)
	return n
}

// freeNode forgets a node whose kids went elsewhere.
func (f *Forest) freeNode(n *node) {
	f.nodes -= nodeSize(n.kids == nil)
	f.grown -= nodeSize(n.kids == nil)
}

func (n *node) get(i int) kid {
	k := kid{leaf: n.leaf[i], count: n.count[i], major: n.major[i]}
	if n.kids != nil {
		k.node = n.kids[i]
	}
	return k
}

func (n *node) set(i int, k kid) {
	n.total += k.count - n.count[i]
	n.leaf[i], n.count[i], n.major[i] = k.leaf, k.count, k.major
	if n.kids != nil {
		n.kids[i] = k.node
	}
}

func (n *node) insert(i int, k kid) {
	last := int(n.n)
	copy(n.leaf[i+1:last+1], n.leaf[i:last])
	copy(n.count[i+1:last+1], n.count[i:last])
	copy(n.major[i+1:last+1], n.major[i:last])
	if n.kids != nil {
		copy(n.kids[i+1:last+1], n.kids[i:last])
	}
	n.n++
	n.count[i] = 0
	n.set(i, k)
}

func (n *node) remove(i int) {
	n.set(i, kid{})
	last := int(n.n)
	copy(n.leaf[i:], n.leaf[i+1:last])
	copy(n.count[i:], n.count[i+1:last])
	copy(n.major[i:], n.major[i+1:last])
	if n.kids != nil {
		copy(n.kids[i:], n.kids[i+1:last])
		n.kids[last-1] = nil
	}
	n.n--
}

// move appends the kids of another node from one on.
func (n *node) move(from *node, i int) {
	for j := i; j < int(from.n); j++ {
		n.insert(int(n.n), from.get(j))
	}
	for int(from.n) > i {
		from.remove(int(from.n) - 1)
	}
}

// slotOf is the kid below which a place is: the last whose first entry is not behind it, or the first.
func (f *Forest) slotOf(n *node, l Layout, major uint64, name []byte) int {
	lo, hi := 0, int(n.n)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if n.major[mid] <= major {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 || n.major[lo-1] != major {
		return max(lo-1, 0)
	}
	// Some begin with an entry of the same major. Those in front of them are answered for by the one before.
	lo, hi = 0, lo
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if n.major[mid] < major || f.compare(f.leaf(n.leftmost(mid)), l, l.head(), major, name) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return max(lo-1, 0)
}

// leftmost is the first leaf below a kid.
func (n *node) leftmost(i int) uint32 {
	for n.kids != nil {
		n, i = n.kids[i], 0
	}
	return n.leaf[i]
}

// reach is the leaf in which a place is.
func (f *Forest) reach(n *node, l Layout, major uint64, name []byte) uint32 {
	for n.kids != nil {
		n = n.kids[f.slotOf(n, l, major, name)]
	}
	return n.leaf[f.slotOf(n, l, major, name)]
}

// slotAt is the kid with the entry of a rank, and the rank below it.
func (n *node) slotAt(rank int) (int, int) {
	for i := 0; ; i++ {
		c := int(n.count[i])
		if rank < c {
			return i, rank
		}
		rank -= c
	}
}

// reachRank is the leaf with the entry of a rank, and the rank in it.
func (f *Forest) reachRank(n *node, rank int) (uint32, int) {
	slot, rank := n.slotAt(rank)
	for n.kids != nil {
		n = n.kids[slot]
		slot, rank = n.slotAt(rank)
	}
	return n.leaf[slot], rank
}

// own is a node that may be changed: the one given, or a copy if others refer to it too.
func (f *Forest) own(n *node) *node {
	if atomic.LoadInt32(&n.refs) == 1 {
		return n
	}
	bottom := n.kids == nil
	c := f.newNode(bottom)
	kids := c.kids
	*c = *n
	c.refs, c.kids = 1, kids
	if bottom {
		for _, ref := range c.leaf[:c.n] {
			atomic.AddUint32(f.leaf(ref).refs(), 1)
		}
	} else {
		*kids = *n.kids
		for _, k := range kids[:c.n] {
			atomic.AddInt32(&k.refs, 1)
		}
	}
	atomic.AddInt32(&n.refs, -1)
	f.grown -= nodeSize(bottom)
	return c
}

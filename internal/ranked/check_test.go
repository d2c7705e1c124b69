package ranked

import (
	"fmt"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// checker counts who refers to what.
type checker struct {
	w     *world
	nodes map[*node]int
	leafs map[uint32]int
	blobs map[slab.Ref]int

	last  Entry // of the tree, so far
	any   bool
	bytes int64
	ends  [2]uint32 // its first leaf and its last, which may have room for more
}

// check says which invariant is broken, or "".
func (w *world) check() (wrong string) {
	defer func() {
		if err, ok := recover().(brokenError); ok {
			wrong = string(err)
		}
	}()
	c := &checker{w, map[*node]int{}, map[uint32]int{}, map[slab.Ref]int{}, Entry{}, false, 0, [2]uint32{}}
	for _, r := range w.roots {
		c.any, c.bytes, c.ends = false, 0, [2]uint32{r.at, r.at}
		if r.many {
			top := w.f.root(*r)
			c.ends = [2]uint32{w.f.edge(*r, false), w.f.edge(*r, true)}
			c.that(top.n > 1 || top.kids == nil, "a top with %d kids", top.n)
			c.node(top, r.layout, true)
		} else if r.at != 0 {
			c.leaf(r.at, r.layout)
		}
		c.that(c.bytes == w.f.Bytes(*r), "Bytes = %d, want %d", w.f.Bytes(*r), c.bytes)
	}
	size := int64(0)
	for n, refs := range c.nodes {
		c.that(int(n.refs) == refs, "a node has %d references, says %d", refs, n.refs)
		size += nodeSize(n.kids == nil)
	}
	c.that(size == w.f.nodes, "nodes take %d bytes, the forest says %d", size, w.f.nodes)
	for ref, refs := range c.leafs {
		got := *w.f.leaf(ref).refs()
		c.that(int(got) == refs, "a leaf has %d references, says %d", refs, got)
	}
	for ref, refs := range c.blobs {
		got := *w.f.blobRefs(ref)
		c.that(int(got) == refs, "a blob has %d references, says %d", refs, got)
	}
	c.that(int(w.f.leaves.Stats().Slots) == len(c.leafs), "%d leaves, and %d slots", len(c.leafs), w.f.leaves.Stats().Slots)
	c.that(int(w.f.blobs.Stats().Slots) == len(c.blobs), "%d blobs, and %d slots", len(c.blobs), w.f.blobs.Stats().Slots)
	return ""
}

type brokenError string

func (c *checker) that(ok bool, format string, args ...any) {
	if !ok {
		panic(brokenError(fmt.Sprintf(format, args...)))
	}
}

func (c *checker) node(n *node, l Layout, top bool) (count uint32, first uint64) {
	c.nodes[n]++
	fresh := c.nodes[n] == 1
	c.bytes += nodeSize(n.kids == nil)
	c.that(n.n >= 1 && n.n <= fan, "a node of %d kids", n.n)
	for i := range n.n {
		var below uint32
		var major uint64
		if n.kids != nil {
			was := c.nodes[n.kids[i]]
			below, major = c.node(n.kids[i], l, false)
			if !fresh {
				c.nodes[n.kids[i]] = was // counted through the other reference to n
			}
		} else {
			was := c.leafs[n.leaf[i]]
			below, major = c.leaf(n.leaf[i], l)
			if !fresh {
				c.leafs[n.leaf[i]] = was
			}
		}
		c.that(below == n.count[i], "%d entries below kid %d, its node says %d", below, i, n.count[i])
		c.that(major == n.major[i], "kid %d begins with %#x, its node says %#x", i, major, n.major[i])
		count += below
	}
	c.that(count == n.total, "%d entries below a node that says %d", count, n.total)
	return count, n.major[0]
}

func (c *checker) leaf(ref uint32, l Layout) (uint32, uint64) {
	c.leafs[ref]++
	fresh := c.leafs[ref] == 1
	b := c.w.f.leaf(ref)
	c.bytes += int64(len(b))
	used := b.used()
	c.that(used <= len(b) && len(b) == slab.Size(len(b)) && len(b) <= leafMax*9/8, "a leaf uses %d of %d bytes", used, len(b))
	roomy := ref == c.ends[0] || ref == c.ends[1]
	c.that(used > len(b)/2 || slab.Size(used) == len(b) || roomy, "a leaf of %d bytes uses %d only", len(b), used)
	n, last := 0, 0
	for off := l.head(); off < used; n++ {
		last = off
		var e Entry
		end := c.w.f.open(b, l, off, &e)
		c.that(!c.any || place(&c.last, &e) < 0, "%s comes behind %s", show(&e), show(&c.last))
		c.last, c.any = e, true
		out := b.outsideOf(l, off)
		c.that((out.name != 0) == (len(e.Name) > inlineMax), "a name of %d bytes lies in the wrong place", len(e.Name))
		c.that((out.value != 0) == (len(e.Value) > inlineMax), "a value of %d bytes lies in the wrong place", len(e.Value))
		c.that(b.blobs() || !out.any(), "a leaf has blobs and does not say so")
		for blob, size := range map[slab.Ref]int{out.name: len(e.Name), out.value: len(e.Value)} {
			if blob != 0 {
				c.bytes += blobSize(size)
			}
			if blob != 0 && fresh {
				c.blobs[blob]++
			}
		}
		off = end
		c.that(off <= used, "an entry ends at %d, behind %d", off, used)
	}
	c.that(n == b.count() && n > 0, "a leaf of %d entries says %d", n, b.count())
	c.that(last == b.last(), "the last entry is at %d, the leaf says %d", last, b.last())
	return uint32(n), b.first(l)
}

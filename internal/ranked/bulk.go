package ranked

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// Bulk is entries on their way into one tree, in any order. The zero value has none and may be used.
type Bulk struct {
	list   []Entry
	places []bulkPlace
	spare  []bulkPlace
	leaves []uint32
}

// bulkPlace is the place of one entry, or of several that came one after the other.
type bulkPlace struct {
	major     uint64
	at, first uint32 // the last of them, which stays, and the first: numbers in the list
}

const (
	bulkMax   = 1 << 20 // entries kept room for
	radixMin  = 96      // with fewer, comparing them is cheaper than counting
	radixBits = 8
)

// Add appends an entry; its strings are to stay as they are until PutAll is done.
func (b *Bulk) Add(e *Entry) { b.list = append(b.list, *e) }

// Len is the number of entries.
func (b *Bulk) Len() int { return len(b.list) }

// Entry is the i-th one added.
func (b *Bulk) Entry(i int) *Entry { return &b.list[i] }

// Reset takes all entries out.
func (b *Bulk) Reset() {
	if cap(b.list) > bulkMax {
		*b = Bulk{}
	}
	b.list, b.places = b.list[:0], b.places[:0]
}

// sort brings the places in order, those of one place as they were added.
func (b *Bulk) sort() {
	b.places = slices.Grow(b.places[:0], len(b.list))
	for i := range b.list {
		b.places = append(b.places, bulkPlace{b.list[i].Major, uint32(i), uint32(i)})
	}
	if len(b.places) < radixMin {
		slices.SortFunc(b.places, func(x, y bulkPlace) int {
			if x.major != y.major {
				return cmp.Compare(x.major, y.major)
			}
			return cmp.Or(bytes.Compare(b.list[x.at].Name, b.list[y.at].Name), cmp.Compare(x.at, y.at))
		})
		return
	}
	b.radix()
	for i := 0; i < len(b.places); {
		end := i + 1
		for end < len(b.places) && b.places[end].major == b.places[i].major {
			end++
		}
		if end > i+1 {
			slices.SortStableFunc(b.places[i:end], func(x, y bulkPlace) int {
				return bytes.Compare(b.list[x.at].Name, b.list[y.at].Name)
			})
		}
		i = end
	}
}

// radix sorts by major, byte by byte from the last, those left out in which all majors are alike.
func (b *Bulk) radix() {
	differ := uint64(0)
	for i := range b.places {
		differ |= b.places[i].major ^ b.places[0].major
	}
	b.spare = slices.Grow(b.spare[:0], len(b.places))[:len(b.places)]
	for shift := 0; shift < 64; shift += radixBits {
		if byte(differ>>shift) == 0 {
			continue
		}
		var at [1 << radixBits]uint32
		for i := range b.places {
			at[byte(b.places[i].major>>shift)]++
		}
		sum := uint32(0)
		for i, n := range at {
			at[i], sum = sum, sum+n
		}
		for _, p := range b.places {
			d := byte(p.major >> shift)
			b.spare[at[d]] = p
			at[d]++
		}
		b.places, b.spare = b.spare, b.places
	}
}

// unite leaves each place once, and tells of the entries that were replaced on the way.
func (b *Bulk) unite(was func(i, by int, old *Entry)) {
	n := 0
	for _, p := range b.places {
		if n > 0 {
			last := &b.places[n-1]
			if last.major == p.major && bytes.Equal(b.list[last.at].Name, b.list[p.at].Name) {
				if was != nil {
					was(int(p.at), int(last.at), &b.list[last.at])
				}
				last.at = p.at
				continue
			}
		}
		b.places[n] = p
		n++
	}
	b.places = b.places[:n]
}

// PutAll is Put for all entries in the order in which they were added, at a cost per leaf rather than per entry: this is
// how a start fills trees. For each entry that replaces another it calls was, unless that is nil, with the numbers of
// both and the other as it is; the number is -1 if it was in the tree before.
func (f *Forest) PutAll(r *Root, b *Bulk, was func(i, by int, old *Entry)) {
	b.sort()
	b.unite(was)
	if !r.many && len(b.places) > 0 {
		f.putAllBare(r, b, was)
		return
	}
	for at := 0; at < len(b.places); {
		at += f.putSome(r, b, b.places[at:], was)
	}
}

// putAllBare puts all into a tree without nodes.
func (f *Forest) putAllBare(r *Root, b *Bulk, was func(i, by int, old *Entry)) {
	l, ref := r.layout, r.at
	if ref != 0 {
		ref = f.ownLeaf(ref, l)
	}
	leaves := f.mergeAll(ref, l, b, b.places, was)
	r.at = leaves[0]
	if len(leaves) == 1 {
		return
	}
	n, size := f.newNode(true), nodeSize(true)
	for i, ref := range leaves {
		if i < 2 {
			n.insert(i, f.leafKid(ref, l))
		}
		size += f.Bytes(Root{at: ref, layout: l})
	}
	r.at, r.many = f.takeRow(row{n, size}), true
	f.hangAll(r, leaves[1:])
}

// putSome puts the first places, as many as belong to one leaf, and returns how many.
func (f *Forest) putSome(r *Root, b *Bulk, places []bulkPlace, was func(i, by int, old *Entry)) int {
	f.grown = 0
	l, top := r.layout, f.root(*r)
	if int(top.total)+len(places) > math.MaxUint32 {
		panic(fmt.Sprintf("ranked: a tree of %d entries is full", top.total))
	}
	var p path
	p.find(f, top, l, places[0].major, b.list[places[0].at].Name)
	n := len(places)
	if next := p; next.next() {
		n = f.before(next.leaf(), l, b, places)
	}
	top = p.own(f)
	leaves := f.mergeAll(f.ownLeaf(p.leaf(), l), l, b, places[:n], was)
	d := p.depth - 1
	p.nodes[d].set(p.slots[d], f.leafKid(leaves[0], l))
	for d--; d >= 0; d-- {
		p.nodes[d].set(p.slots[d], nodeKid(p.nodes[d+1]))
	}
	f.setRoot(*r, top)
	f.hangAll(r, leaves)
	return n
}

// before is how many places are in front of a leaf; the first one is.
func (f *Forest) before(ref uint32, l Layout, b *Bulk, places []bulkPlace) int {
	next := f.leaf(ref)
	major := next.first(l)
	n := 1
	for ; n < len(places); n++ {
		p := &places[n]
		if p.major > major || p.major == major && f.compare(next, l, l.head(), major, b.list[p.at].Name) <= 0 {
			break
		}
	}
	return n
}

// hangAll hangs each leaf behind the one before, the first of which is in the tree already. They are counted in the
// tree's bytes.
func (f *Forest) hangAll(r *Root, leaves []uint32) {
	l := r.layout
	for i := 1; i < len(leaves); i++ {
		f.grown = 0
		before := f.leaf(leaves[i-1])
		_, at := before.majorAt(l, firstBody(before, l), before.base(l).major)
		var p path
		p.find(f, f.root(*r), l, before.first(l), f.name(before, l, at))
		p.own(f)
		f.setRoot(*r, f.hang(&p, f.leafKid(leaves[i], l)))
	}
}

func firstBody(b leaf, l Layout) int {
	body, _ := span(b, l.head())
	return body
}

// mergeAll puts places into a leaf that is owned, or into none, and returns the leaves that it becomes: good until the
// next call.
func (f *Forest) mergeAll(ref uint32, l Layout, b *Bulk, places []bulkPlace, was func(i, by int, old *Entry)) []uint32 {
	from := baseOf(l, &b.list[places[0].at])
	var into leaf
	at, used, blobs := 0, 0, false
	if ref != 0 {
		into = f.leaf(ref)
		into.warm()
		at, used, from, blobs = l.head(), into.used(), into.base(l), into.blobs()
	}
	all, copied := f.wide[:0], at // what the leaf has in front of copied is in all, or replaced
	for i := range places {
		p := &places[i]
		e := &b.list[p.at]
		var end int
		var gone outside
		at, end = f.follow(into, l, at, used, p.major, e.Name)
		all = append(all, into[copied:at]...)
		if end > at {
			gone = f.replaced(into, l, at, p, was)
		}
		out := f.place(e, gone)
		all = append(all, f.pack(l, from, e, out)...)
		blobs = blobs || out.any()
		if gone.value != 0 && gone.value != out.value {
			f.dropBlob(gone.value, gone.valueLen)
		}
		at, copied = end, end
	}
	all = append(all, into[copied:used]...)
	f.wide = all
	if ref != 0 {
		f.grown -= int64(len(into))
		f.leaves.Free(slab.Ref(ref))
	}
	b.leaves = f.cutAll(b.leaves[:0], l, from, all, blobs)
	return b.leaves
}

// replaced tells of an entry in a leaf that is replaced, and returns its blobs.
func (f *Forest) replaced(b leaf, l Layout, at int, p *bulkPlace, was func(i, by int, old *Entry)) (gone outside) {
	if was != nil {
		var old Entry
		f.open(b, l, at, &old)
		was(int(p.first), -1, &old)
	}
	if b.blobs() {
		gone = b.outsideOf(l, at)
	}
	return gone
}

// follow looks for a place from the entry at off on. The entry there ends at end; if there is none, end is at, where it
// would begin.
func (f *Forest) follow(b leaf, l Layout, off, used int, major uint64, name []byte) (at, end int) {
	from := uint64(0)
	if l == Placed && used > 0 {
		from = b.baseMajor()
	}
	for off < used {
		p, next := span(b, off)
		m, p := b.majorAt(l, p, from)
		if m > major {
			break
		}
		if m == major {
			c := bytes.Compare(f.name(b, l, p), name)
			if c == 0 {
				return off, next
			} else if c > 0 {
				break
			}
		}
		off = next
	}
	return off, off
}

// cutAll makes leaves of packed entries, about equally large, and appends them to dst.
func (f *Forest) cutAll(dst []uint32, l Layout, from base, all []byte, blobs bool) []uint32 {
	room := leafMax - l.head()
	parts := (len(all) + room - 1) / room
	target := (len(all) + parts - 1) / parts
	start := 0
	for off := 0; off < len(all); {
		_, end := span(all, off)
		if off > start && (end-start > room || off-start >= target) {
			dst = append(dst, f.build(l, from, all[start:off], blobs))
			start = off
		}
		off = end
	}
	return append(dst, f.build(l, from, all[start:], blobs))
}

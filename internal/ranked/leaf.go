package ranked

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"
	"unsafe"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// A leaf is one slot: a head, and entries in their order without gaps.
//
//	0  references, atomic
//	4  entries
//	6  bytes in use, head included
//	8  where the last entry begins, so that appending need not look for it
//	10 bytes of the slot, a multiple of 8; bit 0: some entry may have blobs
//	12 base of Main   (not Scored)
//	20 base of Major  (Placed only)
type leaf []byte

const (
	leafMax  = 1024        // bytes in use; a leaf that would have more is split. See halve for the exception
	leafMin  = leafMax / 4 // with less it looks for a neighbour to merge with
	mergeMax = leafMax * 3 / 4

	headCommon = 12
	hasBlobs   = 1

	cacheLine = 64
)

// head is where the entries begin.
func (l Layout) head() int {
	switch l {
	case Hashed:
		return headCommon + 8
	case Scored:
		return headCommon
	}
	return headCommon + 16
}

func (b leaf) refs() *uint32 { return (*uint32)(unsafe.Pointer(unsafe.SliceData(b))) }

func (b leaf) count() int     { return int(binary.LittleEndian.Uint16(b[4:])) }
func (b leaf) setCount(n int) { binary.LittleEndian.PutUint16(b[4:], uint16(n)) }
func (b leaf) used() int      { return int(binary.LittleEndian.Uint16(b[6:])) }
func (b leaf) setUsed(n int)  { binary.LittleEndian.PutUint16(b[6:], uint16(n)) }
func (b leaf) last() int      { return int(binary.LittleEndian.Uint16(b[8:])) }
func (b leaf) setLast(n int)  { binary.LittleEndian.PutUint16(b[8:], uint16(n)) }
func (b leaf) blobs() bool    { return b[10]&hasBlobs != 0 }

// setSize writes down how large the slot is. It keeps whether there are blobs.
func (b leaf) setSize() {
	binary.LittleEndian.PutUint16(b[10:], uint16(len(b))|uint16(b[10]&hasBlobs))
}

func (b leaf) baseMain() uint64  { return binary.LittleEndian.Uint64(b[12:]) }
func (b leaf) baseMajor() uint64 { return binary.LittleEndian.Uint64(b[20:]) }

func (b leaf) base(l Layout) (from base) {
	if l != Scored {
		from.main = b.baseMain()
	}
	if l == Placed {
		from.major = b.baseMajor()
	}
	return from
}

// leaf is the slot of a reference, as large as it is.
func (f *Forest) leaf(ref uint32) leaf {
	p := f.leaves.Pointer(slab.Ref(ref))
	return unsafe.Slice((*byte)(p), int(*(*uint16)(unsafe.Add(p, 10))&^7))
}

// slot allocates a leaf of which nothing is written, setSize included.
func (f *Forest) slot(size int) (uint32, leaf) {
	size = slab.Size(size)
	ref := f.leaves.Alloc(size)
	f.grown += int64(size)
	return uint32(ref), f.leaves.Bytes(ref, size)
}

// build makes a leaf of packed entries.
func (f *Forest) build(l Layout, from base, entries []byte, blobs bool) uint32 {
	head := l.head()
	ref, b := f.slot(head + len(entries))
	atomic.StoreUint32(b.refs(), 1)
	b[10] = 0
	if blobs {
		b[10] = hasBlobs
	}
	b.setSize()
	b.setUsed(head + len(entries))
	if l != Scored {
		binary.LittleEndian.PutUint64(b[12:], from.main)
	}
	if l == Placed {
		binary.LittleEndian.PutUint64(b[20:], from.major)
	}
	copy(b[head:], entries)
	n, last := 0, 0
	for off := 0; off < len(entries); n++ {
		last = off
		_, off = span(entries, off)
	}
	b.setCount(n)
	b.setLast(head + last)
	return ref
}

// spot is a place in a leaf.
type spot struct {
	off   int // of the entry there, or of the next
	prev  int // of the one in front, if any
	rank  int // entries in front
	found bool
}

// seek looks for a place.
func (f *Forest) seek(b leaf, l Layout, major uint64, name []byte) (s spot) {
	used := b.used()
	b = b[:used:len(b)]
	b.warm()
	var from uint64
	if l == Placed {
		from = b.baseMajor()
	}
	for s.off = l.head(); s.off < used; s.rank++ {
		p, end := span(b, s.off)
		m, p := b.majorAt(l, p, from)
		if m >= major {
			if m > major {
				return s
			}
			if c := bytes.Compare(f.name(b, l, p), name); c >= 0 {
				s.found = c == 0
				return s
			}
		}
		s.prev, s.off = s.off, end
	}
	return s
}

// seekLast is seek where the place is likely the end.
func (f *Forest) seekLast(b leaf, l Layout, major uint64, name []byte) spot {
	off := b.last()
	switch c := f.compare(b, l, off, major, name); {
	case c < 0:
		return spot{off: b.used(), prev: off, rank: b.count()}
	case c == 0:
		return spot{off: off, rank: b.count() - 1, found: true} // prev is for who deletes, who does not come here
	}
	return f.seek(b, l, major, name)
}

// compare is the order of the entry at off and a place.
func (f *Forest) compare(b leaf, l Layout, off int, major uint64, name []byte) int {
	p, _ := span(b, off)
	m, p := b.majorAt(l, p, b.base(l).major)
	if m != major {
		if m < major {
			return -1
		}
		return 1
	}
	return bytes.Compare(f.name(b, l, p), name)
}

// first is the major of the first entry.
func (b leaf) first(l Layout) uint64 {
	p, _ := span(b, l.head())
	m, _ := b.majorAt(l, p, b.base(l).major)
	return m
}

// skip is where the n-th entry from off on begins.
func (b leaf) skip(off, n int) int {
	for range n {
		_, off = span(b, off)
	}
	return off
}

// splice puts an entry in the place of so many bytes at off. The leaf must be owned; it moves when its slot is too
// small, or far too large. Where the last entry goes, prev is the one in front. The number of entries is the caller's.
func (f *Forest) splice(ref uint32, off, gone, prev int, entry []byte) uint32 {
	b := f.leaf(ref)
	used, last := b.used(), b.last()
	after := used - gone + len(entry)
	switch {
	case off == used:
		last = off
	case off < last || gone == 0:
		last += len(entry) - gone
	case len(entry) == 0:
		last = prev
	}
	if after > len(b) || after <= len(b)/2 && slab.Size(after) < len(b) {
		to, wide := f.slot(after)
		copy(wide, b[:off])
		copy(wide[off+len(entry):], b[off+gone:used])
		wide.setSize()
		f.grown -= int64(len(b))
		f.leaves.Free(slab.Ref(ref))
		ref, b = to, wide
	} else if len(entry) != gone {
		copy(b[off+len(entry):], b[off+gone:used])
	}
	copy(b[off:], entry)
	b.setUsed(after)
	b.setLast(last)
	return ref
}

// halve is splice for a leaf that gets too full. Halves are never much above leafMax: an entry may have half of
// that, and lies where it makes the larger half smallest.
func (f *Forest) halve(ref uint32, l Layout, off, gone int, entry []byte, blobs bool) (left, right uint32) {
	b := f.leaf(ref)
	all := append(f.wide[:0], b[l.head():off]...)
	all = append(all, entry...)
	all = append(all, b[off+gone:b.used()]...)
	f.wide = all
	at := 0
	for {
		_, end := span(all, at)
		if at > 0 && end > len(all)-at || end == len(all) {
			break
		}
		at = end
	}
	from := b.base(l)
	f.grown -= int64(len(b))
	blobs = blobs || b.blobs()
	left, right = f.build(l, from, all[:at], blobs), f.build(l, from, all[at:], blobs)
	f.leaves.Free(slab.Ref(ref))
	return left, right
}

// merge makes one leaf of two neighbours that are owned; 0 if that would be too full.
func (f *Forest) merge(left, right uint32, l Layout) uint32 {
	a, b := f.leaf(left), f.leaf(right)
	if a.used()+b.used()-l.head() > mergeMax {
		return 0
	}
	from := a.base(l)
	all := append(f.wide[:0], a[l.head():a.used()]...)
	all = f.rebase(all, b, l, from)
	f.wide = all
	if l.head()+len(all) > leafMax {
		return 0
	}
	f.grown -= int64(len(a) + len(b))
	merged := f.build(l, from, all, a.blobs() || b.blobs())
	f.leaves.Free(slab.Ref(left))
	f.leaves.Free(slab.Ref(right))
	return merged
}

// warm reads one byte of every cache line. Each entry is found from the one before, and whoever follows them waits for
// each line in turn; these reads wait for all lines at once.
//
//go:noinline
func (b leaf) warm() (x byte) {
	for i := cacheLine; i < len(b); i += cacheLine {
		x |= b[i]
	}
	return x // for nobody, but a compiler that sees this function must not leave the reads out
}

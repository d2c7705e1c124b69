package mvcc

import (
	"unsafe"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// table finds the cells of one keyspace by the hash of their key, and keeps them in its order, which is the
// order of SCAN: a cursor is the hash to go on from, and holds whatever is added, removed or split meanwhile.
//
// The root's slot is chosen by the top rootBits of the hash; below it hangs an extendible directory of
// segments, each a sorted array of 8-byte entries: the other tagBits of the hash, then the cell's handle. A
// full segment is split in two at its middle bit, alone, without looking at a cell; there is no moment when
// the whole table moves. As hashes are uniform, an entry's place in its segment can be guessed to within a
// cache line or two. (Open addressing costs as much memory at its usual load and has no order; a sorted tree
// of handles has order and costs a cache miss for each comparison.)
type table struct {
	mem  *slab.Arena
	root [1 << rootBits]*directory
	len  int
}

type directory struct {
	slots []segment // 1<<depth of them; a segment of less depth fills several, all equal
	depth uint8
}

type segment struct {
	ref   uint32
	n     uint16
	cap   uint16
	depth uint8 // top bits of the tag that all its entries share
}

const (
	rootBits     = 6
	tagBits      = 32
	segmentMax   = 256 // entries of a segment before it is split: 2 KiB
	segmentStep  = 32  // entries by which its room grows
	segmentFirst = 4
	depthMax     = 24 // splits end here; then segments grow up to segmentLimit
	segmentLimit = 8192
	pickWalkMax  = 64 * segmentMax
	pickTries    = 256
)

func newTable(mem *slab.Arena) *table { return &table{mem: mem} }

func entry(tag, ref uint32) uint64 { return uint64(tag)<<32 | uint64(ref) }

func (t *table) entries(s *segment) []uint64 {
	return unsafe.Slice((*uint64)(t.mem.Pointer(slab.Ref(s.ref))), int(s.n))
}

func (d *directory) at(tag uint32) *segment { return &d.slots[tag>>(tagBits-d.depth)] }

// seek is the place of the first entry of at least tag.
func seek(list []uint64, tag uint32, depth uint8) int {
	i := int(uint64(tag<<depth) * uint64(len(list)) >> 32)
	for i < len(list) && uint32(list[i]>>32) < tag {
		i++
	}
	for i > 0 && uint32(list[i-1]>>32) >= tag {
		i--
	}
	return i
}

// find is the handle whose cell has key, 0 when there is none.
func (t *table) find(h *heap, hash uint64, key []byte) uint32 {
	d := t.root[hash>>tagBits]
	if d == nil {
		return 0
	}
	tag := uint32(hash)
	s := d.at(tag)
	if s.n == 0 {
		return 0
	}
	list := t.entries(s)
	for i := seek(list, tag, s.depth); i < len(list) && uint32(list[i]>>32) == tag; i++ {
		if ref := uint32(list[i]); string(h.key(h.cell(ref))) == string(key) {
			return ref
		}
	}
	return 0
}

// insert adds a handle that is not in the table.
func (t *table) insert(hash uint64, ref uint32) {
	d := t.root[hash>>tagBits]
	if d == nil {
		d = &directory{slots: make([]segment, 1)}
		t.root[hash>>tagBits] = d
	}
	tag := uint32(hash)
	s := d.at(tag)
	for s.n >= segmentMax && s.depth < depthMax {
		t.split(d, tag)
		s = d.at(tag)
	}
	now := *s
	if now.n == now.cap {
		now = t.resize(now, now.cap+growth(now.cap))
	}
	now.n++
	list := t.entries(&now)
	i := seek(list[:now.n-1], tag, now.depth)
	copy(list[i+1:], list[i:])
	list[i] = entry(tag, ref)
	d.set(tag, now)
	t.len++
}

// remove takes a handle out of the table, where it must be.
func (t *table) remove(hash uint64, ref uint32) {
	d, tag := t.root[hash>>tagBits], uint32(hash)
	now := *d.at(tag)
	list := t.entries(&now)
	i := seek(list, tag, now.depth)
	for list[i] != entry(tag, ref) {
		i++
	}
	copy(list[i:], list[i+1:])
	now.n--
	t.len--
	switch {
	case now.n == 0:
		t.mem.Free(slab.Ref(now.ref))
		now.ref, now.cap = 0, 0
	case now.cap > segmentStep && now.n+2*segmentStep <= now.cap:
		now = t.resize(now, now.cap-segmentStep)
	}
	d.set(tag, now)
}

func growth(capacity uint16) uint16 {
	switch {
	case capacity == 0:
		return segmentFirst
	case capacity < segmentStep:
		return capacity
	case capacity >= segmentLimit:
		panic("mvcc: more equal hashes than a segment of the table can hold")
	}
	return segmentStep
}

// resize moves a segment's entries to a slot of another size; where both sizes fall into one class of the
// slab, that is still right, only idle.
func (t *table) resize(s segment, capacity uint16) segment {
	old := s
	s.cap = capacity
	s.ref = uint32(t.mem.Alloc(int(capacity) * 8))
	if old.cap > 0 {
		copy(t.entries(&s), t.entries(&old))
		t.mem.Free(slab.Ref(old.ref))
	}
	return s
}

// set writes a segment into all its slots of the directory.
func (d *directory) set(tag uint32, s segment) {
	width := 1 << (d.depth - s.depth)
	first := int(tag>>(tagBits-d.depth)) &^ (width - 1)
	for i := range width {
		d.slots[first+i] = s
	}
}

// split cuts the segment of tag in two by its next bit.
func (t *table) split(d *directory, tag uint32) {
	s := *d.at(tag)
	if s.depth == d.depth {
		d.double()
	}
	list := t.entries(&s)
	bit := uint32(1) << (tagBits - 1 - s.depth)
	cut := 0
	for cut < len(list) && uint32(list[cut]>>32)&bit == 0 {
		cut++
	}
	low, high := t.part(list[:cut], s.depth+1), t.part(list[cut:], s.depth+1)
	t.mem.Free(slab.Ref(s.ref))
	d.set(tag&^bit, low)
	d.set(tag|bit, high)
}

func (t *table) part(list []uint64, depth uint8) segment {
	s := segment{depth: depth, n: uint16(len(list))}
	if s.n == 0 {
		return s
	}
	for s.cap < s.n {
		s.cap += growth(s.cap)
	}
	s.ref = uint32(t.mem.Alloc(int(s.cap) * 8))
	copy(t.entries(&s), list)
	return s
}

func (d *directory) double() {
	slots := make([]segment, 2*len(d.slots))
	for i, s := range d.slots {
		slots[2*i], slots[2*i+1] = s, s
	}
	d.slots, d.depth = slots, d.depth+1
}

// ascend calls fn with every handle of hash at least from, in the order of hashes, until it returns false.
func (t *table) ascend(from uint64, fn func(hash uint64, ref uint32) bool) {
	if from>>hashBits != 0 {
		return
	}
	for r := int(from >> tagBits); r < len(t.root); r, from = r+1, 0 {
		d := t.root[r]
		if d == nil {
			continue
		}
		tag := uint32(from)
		for i := int(tag >> (tagBits - d.depth)); i < len(d.slots); i++ {
			s := &d.slots[i]
			if width := 1 << (d.depth - s.depth); i&(width-1) != 0 && i != int(tag>>(tagBits-d.depth)) {
				continue
			}
			if s.n == 0 {
				continue
			}
			list := t.entries(s)
			start := 0
			if from != 0 {
				for start < len(list) && uint32(list[start]>>32) < tag {
					start++
				}
			}
			for _, e := range list[start:] {
				if !fn(uint64(r)<<tagBits|e>>32, uint32(e)) {
					return
				}
			}
		}
	}
}

// pick is a handle chosen by seed, each about as likely as any other; 0 when the table is empty. A small
// table is counted through. In a large one it looks at random places until it hits an entry, which gives
// every entry the same odds; few tries suffice while the table is as full as its directory, and one that
// shrank to a fraction is walked from a random place instead.
func (t *table) pick(seed uint64) uint32 {
	if t.len <= pickWalkMax {
		return t.nth(splitMix(seed))
	}
	var depth uint8
	for _, d := range t.root {
		if d != nil {
			depth = max(depth, d.depth)
		}
	}
	for range pickTries {
		seed = splitMix(seed)
		place := seed >> (64 - hashBits)
		d := t.root[place>>tagBits]
		if d == nil {
			continue
		}
		tag, index := uint32(place), int(seed&(segmentMax-1))
		s := d.at(tag)
		// A segment of little depth covers more places; it counts at its first one only.
		if tag<<s.depth>>(tagBits-(depth-s.depth)) == 0 && index < int(s.n) {
			return uint32(t.entries(s)[index])
		}
	}
	return t.pickFrom(splitMix(seed) >> (64 - hashBits))
}

func (t *table) nth(seed uint64) uint32 {
	if t.len == 0 {
		return 0
	}
	k := int(seed % uint64(t.len))
	for _, d := range t.root {
		if d == nil {
			continue
		}
		for i := 0; i < len(d.slots); i += 1 << (d.depth - d.slots[i].depth) {
			s := &d.slots[i]
			if k < int(s.n) {
				return uint32(t.entries(s)[k])
			}
			k -= int(s.n)
		}
	}
	panic("mvcc: the table holds fewer entries than it counts")
}

func (t *table) pickFrom(hash uint64) (ref uint32) {
	first := func(_ uint64, r uint32) bool { ref = r; return false }
	t.ascend(hash, first)
	if ref == 0 {
		t.ascend(0, first)
	}
	return ref
}

// drop frees one directory's segments and returns how many entries they had, -1 when there is none left.
func (t *table) drop() int {
	for i, d := range t.root {
		if d == nil {
			continue
		}
		n := 0
		for j := 0; j < len(d.slots); j += 1 << (d.depth - d.slots[j].depth) {
			if s := d.slots[j]; s.cap > 0 {
				n += int(s.n)
				t.mem.Free(slab.Ref(s.ref))
			}
		}
		t.root[i] = nil
		t.len -= n
		return n
	}
	return -1
}

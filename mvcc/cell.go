package mvcc

import (
	"sync/atomic"
	"unsafe"

	"github.com/redoubt-db/redoubt/internal/ranked"
	"github.com/redoubt-db/redoubt/internal/slab"
)

// A cell is the newest version of one key, in a slab: the header below, then the key's bytes. Its handle
// (a slab reference of 32 bits) is the key's Ref; it is stable until the key is forgotten, whatever is
// written to it, because the value lives in a slot of its own. A key of 16 bytes takes 88.
type cell struct {
	modMain    uint64
	createMain uint64
	version    uint64
	lease      uint64 // a deadline, or a shared lease when cellLease is set
	value      uint64 // the value's bytes when they fit (tinyMax), else a reference: see cellCold and cellLarge; of a collection its handle
	modSub     uint32
	createSub  uint32
	valueLen   uint32
	past       uint32 // newest superseded version; 0 when none is kept
	keyspace   uint32
	access     uint32 // atomic: accessTouched and the caller's clock
	keyLen     uint16
	typ        uint8
	hint       uint8
	flags      uint8
	head       [3]byte // the key begins here and goes on behind the struct
}

const (
	cellUsed      = 1 << iota // the slot holds a cell; freed slots do not have it
	cellTombstone             // the key was deleted at mod
	cellLease                 // lease is a shared lease's id, not a deadline
	cellCold                  // the value is on disk only
	cellLongKey               // the key is in a slot of the values' arena: 8 bytes of reference, 4 of length
)

const (
	cellHead   = unsafe.Offsetof(cell{}.head)
	longKeyMin = 2048 // a key from here on lives outside its cell
	tinyMax    = 8    // a value up to here lives in the cell's own field: counters cost no slot

	// inlineMax is the largest value that rides in its record. A larger one has a v row, and in memory
	// its slot begins with the revision of that row: see largePrefix.
	inlineMax = 256

	// largePrefix is what a large value's slot holds before the value: the main and sub of the v row.
	// A cold one keeps a slot of the prefix alone.
	largePrefix = 16

	accessTouched = 1 << 31 // accessed since the clock hand passed
)

// heap is the memory of the index: cells, values, superseded versions.
type heap struct {
	cells    *slab.Arena
	values   *slab.Arena
	pastSlab *slab.Arena
	tables   *slab.Arena
	colls    *slab.Arena
	leaves   *slab.Arena
	forest   *ranked.Forest // of the elements of collections

	compacted uint64 // no view is below; raised before anything goes
	near      uint32 // the cell that seek found last; 0 when there is none, or it is gone
}

func newHeap(onHeap bool) heap {
	h := heap{
		cells:    slab.New(slab.Options{Narrow: true, Heap: onHeap}),
		values:   slab.New(slab.Options{Heap: onHeap}),
		pastSlab: slab.New(slab.Options{Narrow: true, Heap: onHeap}),
		tables:   slab.New(slab.Options{Narrow: true, Heap: onHeap}),
		colls:    slab.New(slab.Options{Narrow: true, Heap: onHeap}),
		leaves:   slab.New(slab.Options{Narrow: true, Heap: onHeap}),
	}
	h.forest = ranked.New(h.leaves, h.values)
	return h
}

func (h *heap) release() {
	for _, a := range []*slab.Arena{h.cells, h.values, h.pastSlab, h.tables, h.colls, h.leaves} {
		a.Release()
	}
}

func (h *heap) cell(ref uint32) *cell { return (*cell)(h.cells.Pointer(slab.Ref(ref))) }

// newCell makes a cell for key; the caller fills in the version.
func (h *heap) newCell(ks Keyspace, key []byte) (uint32, *cell) {
	inside := len(key)
	if inside >= longKeyMin {
		inside = 12
	}
	ref := uint32(h.cells.Alloc(int(cellHead) + max(inside, 3)))
	c := h.cell(ref)
	*c = cell{keyspace: uint32(ks), flags: cellUsed, keyLen: uint16(inside)}
	into := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(c), cellHead)), inside)
	if len(key) < longKeyMin {
		copy(into, key)
		return ref, c
	}
	c.flags |= cellLongKey
	slot := h.values.Alloc(len(key))
	copy(h.values.Bytes(slot, len(key)), key)
	putUint64(into, uint64(slot))
	putUint32(into[8:], uint32(len(key)))
	return ref, c
}

// key is the cell's key; it aliases the slab.
func (h *heap) key(c *cell) []byte {
	inside := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(c), cellHead)), int(c.keyLen))
	if c.flags&cellLongKey == 0 {
		return inside
	}
	return h.values.Bytes(slab.Ref(getUint64(inside)), int(getUint32(inside[8:])))
}

// freeCell forgets a cell, its value included.
func (h *heap) freeCell(ref uint32) {
	c := h.cell(ref)
	h.freeValue(c)
	if c.flags&cellLongKey != 0 {
		inside := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(c), cellHead)), int(c.keyLen))
		h.values.Free(slab.Ref(getUint64(inside)))
	}
	c.flags = 0
	if h.near == ref {
		h.near = 0
	}
	h.cells.Free(slab.Ref(ref))
}

func (c *cell) live() bool       { return c.flags&cellTombstone == 0 }
func (c *cell) cold() bool       { return c.flags&cellCold != 0 }
func (c *cell) large() bool      { return c.valueLen > inlineMax }
func (c *cell) mod() Revision    { return Revision{c.modMain, c.modSub} }
func (c *cell) create() Revision { return Revision{c.createMain, c.createSub} }

func (c *cell) attr() Attr {
	a := Attr{Type: Type(c.typ), Hint: c.hint}
	if c.flags&cellLease != 0 {
		a.Lease = c.lease
	} else {
		a.Deadline = int64(c.lease)
	}
	return a
}

func (c *cell) setAttr(a Attr) {
	c.typ, c.hint = uint8(a.Type), a.Hint
	c.flags &^= cellLease
	c.lease = uint64(a.Deadline)
	if a.Lease != 0 {
		c.flags |= cellLease
		c.lease = a.Lease
	}
}

// setValue gives the cell a value of its own; what it had is the caller's to free. The value may alias
// what the cell had. A large value's row is that of rev.
func (h *heap) setValue(c *cell, value []byte, rev Revision) {
	n := len(value)
	var field uint64
	switch {
	case n <= tinyMax:
		var tiny [tinyMax]byte
		copy(tiny[:], value)
		field = nativeUint64(tiny)
	case n <= inlineMax:
		slot := h.values.Alloc(n)
		copy(h.values.Bytes(slot, n), value)
		field = uint64(slot)
	default:
		slot := h.values.Alloc(largePrefix + n)
		b := h.values.Bytes(slot, largePrefix+n)
		putRevision(b, rev)
		copy(b[largePrefix:], value)
		field = uint64(slot)
	}
	c.value, c.valueLen = field, uint32(n)
	c.flags &^= cellCold
}

// setCold gives the cell a value that is on disk: in the record of the cell's revision when small, in the
// v row of rev when large. What it had is the caller's to free.
func (h *heap) setCold(c *cell, n int, rev Revision) {
	c.value, c.valueLen = 0, uint32(n)
	c.flags |= cellCold
	if n > inlineMax {
		slot := h.values.Alloc(largePrefix)
		putRevision(h.values.Bytes(slot, largePrefix), rev)
		c.value = uint64(slot)
	}
}

// value is the cell's value, nil when cold; it aliases the slab.
func (h *heap) value(c *cell) []byte {
	n := int(c.valueLen)
	switch {
	case c.cold():
		return nil
	case n <= tinyMax:
		return unsafe.Slice((*byte)(unsafe.Pointer(&c.value)), n)
	case n <= inlineMax:
		return h.values.Bytes(slab.Ref(c.value), n)
	}
	return h.values.Bytes(slab.Ref(c.value), largePrefix+n)[largePrefix:]
}

// valueRow is the revision of the row that holds the cell's value.
func (h *heap) valueRow(c *cell) Revision {
	if !c.large() {
		return c.mod()
	}
	return getRevision(h.values.Bytes(slab.Ref(c.value), largePrefix))
}

// freeValue frees the slot of the cell's value, if it has one.
func (h *heap) freeValue(c *cell) {
	if c.hasSlot() {
		h.values.Free(slab.Ref(c.value))
	}
	c.value, c.valueLen = 0, 0
	c.flags &^= cellCold
}

func (c *cell) hasSlot() bool { return c.valueLen > tinyMax && (!c.cold() || c.large()) }

// valueBytes is what the cell's value takes in memory.
func (c *cell) valueBytes() int {
	switch {
	case !c.hasSlot():
		return 0
	case !c.large():
		return slab.Size(int(c.valueLen))
	case c.cold():
		return slab.Size(largePrefix)
	}
	return slab.Size(largePrefix + int(c.valueLen))
}

func (h *heap) item(ref uint32, c *cell) (it Item) {
	h.fill(&it, ref, c)
	return it
}

// fill makes it the item of a cell's own version. It is large, hence not handed from one to the other.
func (h *heap) fill(it *Item, ref uint32, c *cell) {
	it.Attr, it.Ref, it.Key = c.attr(), Ref(ref), h.key(c)
	it.Create, it.Mod, it.Version = c.create(), c.mod(), c.version
	it.Len, it.Value, it.Cold, it.row, it.coll = int(c.valueLen), h.value(c), c.cold(), h.valueRow(c), 0
	if c.collection() {
		it.coll = c.handle()
		k := h.collection(it.coll)
		it.Version += k.changes
		if mod := k.mod(); mod.Compare(it.Mod) > 0 {
			it.Mod = mod
		}
	}
}

func (c *cell) clock() *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&c.access)) }

// Numbers inside slots never leave this process, so they are as the machine has them.

func putUint64(b []byte, v uint64) { *(*[8]byte)(b) = *(*[8]byte)(unsafe.Pointer(&v)) }
func putUint32(b []byte, v uint32) { *(*[4]byte)(b) = *(*[4]byte)(unsafe.Pointer(&v)) }

func getUint64(b []byte) (v uint64) {
	*(*[8]byte)(unsafe.Pointer(&v)) = *(*[8]byte)(b)
	return v
}

func getUint32(b []byte) (v uint32) {
	*(*[4]byte)(unsafe.Pointer(&v)) = *(*[4]byte)(b)
	return v
}

func nativeUint64(b [8]byte) uint64 { return *(*uint64)(unsafe.Pointer(&b)) }

func putRevision(b []byte, rev Revision) {
	putUint64(b, rev.Main)
	putUint32(b[8:], rev.Sub)
}

func getRevision(b []byte) Revision { return Revision{getUint64(b), getUint32(b[8:])} }

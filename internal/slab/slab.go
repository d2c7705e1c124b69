// Package slab hands out memory that Go's garbage collector neither scans nor counts: millions of
// small records cost it nothing, and ask for no head-room.
//
// Memory is used in chunks of 1 MiB. A chunk serves one size class and keeps its own free list; when its
// last slot is freed the chunk's memory goes back to the system, save one chunk per class, within a few MiB, so that a count
// swinging about a chunk's edge does not give and take for ever. What is larger than the largest class gets
// a mapping of its own. Chunks are cut from regions, which ask for huge pages: random look-ups in gigabytes spend
// half their time on the page tables otherwise. But the first chunk of a class lies in small pages, so that a class
// with a slot or two takes a few KiB: a record that grows passes through fifty classes, and a store that is nearly empty
// should look it.
//
// A slab knows no owner: a slot freed too early is somebody else's soon. Nothing here is safe for
// concurrent use, save that any number may read slots (Bytes, Pointer) while nobody allocates or frees.
package slab

import (
	"fmt"
	"math/bits"
	"unsafe"
)

const (
	granule   = 8                    // bytes; every slot starts on one, so a Ref counts granules
	chunkBits = 17                   // a chunk is 1<<17 granules
	chunkSize = granule << chunkBits // 1 MiB
	fineMax   = 512                  // classes up to here are multiples of a granule
	steps     = 8                    // above, classes to each doubling: at most an eighth is wasted
	classMax  = 64 << 10             // the largest class; above, a chunk of its own
	classes   = fineMax/granule + steps*7

	briefChunk = 4 << 10 // bytes of a chunk of a brief arena, or one slot if that is larger

	// idleMax bounds what the chunks that are kept without a slot in use take. Without it a hundred MiB stayed behind collections whose
	// leaves had been of all sizes. It is in bytes since a lone record that grows leaves a chunk in each class it passes, of one slot.
	idleMax = 4 << 20

	large = 0xFFFF // the class of a chunk with one large slot

	regionSmall = 16 << 20 // bytes of a region in small pages
	regionHuge  = 64 << 20 // and of one in huge pages

	narrowChunks = 1 << (32 - chunkBits) // chunks that 32-bit references reach: 32 GiB
)

// Ref names a slot; 0 names none. In a narrow arena it fits 32 bits.
type Ref uint64

// Options of an arena.
type Options struct {
	Narrow bool // every Ref fits 32 bits, and the arena holds at most 32 GiB
	Heap   bool // take chunks from Go's heap, as systems without mmap do: for tests and the race detector
	Brief  bool // Heap, in small chunks: an arena that is made for one reader and left to the collector
}

// Stats are bytes of an arena.
type Stats struct {
	Used   int64 // in slots handed out
	Mapped int64 // taken from the system, as far as ever touched
	Slots  int64 // slots handed out: a count, not bytes
}

type chunk struct {
	mem   unsafe.Pointer // nil when the chunk's number is free
	heap  []byte         // keeps heap memory alive; nil when mapped
	size  int            // bytes of a slot; of the whole when large
	room  int            // bytes of all slots
	class uint16
	huge  bool   // of memory in huge pages
	used  uint32 // slots handed out
	bump  uint32 // slots ever handed out; those above were never touched
	free  uint32 // first free slot below bump, as granule offset + 1; 0 is none
	prev  uint32 // neighbours in the class' list of chunks with room
	next  uint32
}

// Arena is a set of chunks.
type Arena struct {
	o      Options
	chunks []chunk  // number 0 is never used
	spare  []uint32 // numbers of chunks given back
	room   [classes]uint32
	empty  [classes]uint32 // the one empty chunk kept; it is in the room list too
	idle   int64           // bytes mapped of those; at most idleMax
	hand   int             // the class that idle was taken from last

	held  [classes]uint32 // chunks of each class
	small pool
	huge  pool
	stats Stats
}

// pool is memory that chunks are cut from.
type pool struct {
	regions [][]byte         // as mapped
	fresh   []byte           // what is left of the newest region
	vacant  []unsafe.Pointer // chunks given back: addresses without memory
}

// New returns an empty arena; it takes nothing from the system before the first Alloc.
func New(o Options) *Arena {
	return &Arena{o: o, chunks: make([]chunk, 1, 4)}
}

// Alloc returns a slot of at least n bytes, n > 0. Its content is undefined.
func (a *Arena) Alloc(n int) Ref {
	if n > classMax {
		return a.allocLarge(n)
	}
	c := classOf(n)
	id := a.room[c]
	if id == 0 {
		id = a.newChunk(c)
	}
	k := &a.chunks[id]
	if k.used == 0 && a.empty[c] == id {
		a.empty[c] = 0
		a.idle -= k.mapped()
	}
	k.used++
	a.stats.Used += int64(k.size)
	a.stats.Slots++
	if k.free != 0 {
		at := k.free - 1
		k.free = *(*uint32)(unsafe.Add(k.mem, uintptr(at)*granule))
		if k.free == 0 && k.full() {
			a.unlink(id)
		}
		return Ref(id)<<chunkBits | Ref(at)
	}
	at := k.bump * uint32(k.size/granule)
	k.bump++
	a.stats.Mapped += int64(k.size)
	if k.full() {
		a.unlink(id)
	}
	return Ref(id)<<chunkBits | Ref(at)
}

func (k *chunk) full() bool { return k.free == 0 && int(k.bump+1)*k.size > k.room }

// mapped is how much of a chunk was ever touched, in bytes.
func (k *chunk) mapped() int64 { return int64(k.bump) * int64(k.size) }

// Free gives a slot back. Its first bytes are overwritten.
func (a *Arena) Free(r Ref) {
	id := uint32(r >> chunkBits)
	k := &a.chunks[id]
	if k.mem == nil || k.used == 0 {
		panic(fmt.Sprintf("slab: free of slot %#x, which is not in use", uint64(r)))
	}
	a.stats.Used -= int64(k.size)
	a.stats.Slots--
	if k.class == large {
		a.stats.Mapped -= int64(k.size)
		a.drop(id)
		return
	}
	wasFull := k.full()
	at := uint32(r & (1<<chunkBits - 1))
	*(*uint32)(unsafe.Add(k.mem, uintptr(at)*granule)) = k.free
	k.free = at + 1
	k.used--
	if wasFull {
		a.link(id)
	}
	if k.used > 0 {
		return
	}
	if a.empty[k.class] != 0 {
		a.giveBack(id)
		return
	}
	a.empty[k.class] = id
	for a.idle += k.mapped(); a.idle > idleMax; {
		if a.hand = (a.hand + 1) % classes; a.empty[a.hand] != 0 {
			a.idle -= a.chunks[a.empty[a.hand]].mapped()
			a.giveBack(a.empty[a.hand])
			a.empty[a.hand] = 0
		}
	}
}

// giveBack lets go of a chunk without slots in use.
func (a *Arena) giveBack(id uint32) {
	a.unlink(id)
	a.stats.Mapped -= a.chunks[id].mapped()
	a.drop(id)
}

// Pointer is the address of a slot, good until the slot is freed.
func (a *Arena) Pointer(r Ref) unsafe.Pointer {
	return unsafe.Add(a.chunks[r>>chunkBits].mem, uintptr(r&(1<<chunkBits-1))*granule)
}

// Bytes are the first n bytes of a slot, which must be that large.
func (a *Arena) Bytes(r Ref, n int) []byte {
	return unsafe.Slice((*byte)(a.Pointer(r)), n)
}

// Size is what a slot of n bytes takes.
func Size(n int) int {
	if n > classMax {
		return (n + pageSize - 1) &^ (pageSize - 1)
	}
	return sizeOf(classOf(n))
}

// Valid tells whether r lies on a slot's start, in use or freed, in memory that may be read. It makes
// references that outlived their slot harmless to look at, not meaningful.
func (a *Arena) Valid(r Ref) bool {
	id := r >> chunkBits
	if id == 0 || uint64(id) >= uint64(len(a.chunks)) {
		return false
	}
	k := &a.chunks[id]
	at := int(r&(1<<chunkBits-1)) * granule
	if k.mem == nil {
		return false
	}
	if k.class == large {
		return at == 0
	}
	return at%k.size == 0 && at/k.size < int(k.bump)
}

// Next is the first slot behind r, in use or freed, in the order of references; from 0 it starts. It
// returns 0 at the end. The caller tells freed slots by what they hold: Free keeps all but the first four bytes.
func (a *Arena) Next(r Ref) Ref {
	id, slot := uint32(r>>chunkBits), 0
	if id != 0 && int(id) < len(a.chunks) && a.chunks[id].mem != nil && a.chunks[id].class != large {
		slot = int(r&(1<<chunkBits-1))*granule/a.chunks[id].size + 1
	} else {
		id++
	}
	for ; int(id) < len(a.chunks); id, slot = id+1, 0 {
		if k := &a.chunks[id]; k.mem != nil && slot < int(k.bump) {
			return Ref(id)<<chunkBits | Ref(slot*k.size/granule)
		}
	}
	return 0
}

// Stats tells what the arena holds.
func (a *Arena) Stats() Stats { return a.stats }

// Release gives every chunk back. Every slot is gone.
func (a *Arena) Release() {
	for id := range a.chunks {
		if k := &a.chunks[id]; k.class == large && k.heap == nil {
			unmapMemory(unsafe.Slice((*byte)(k.mem), k.size))
		}
	}
	for _, region := range append(a.small.regions, a.huge.regions...) {
		unmapMemory(region)
	}
	*a = *New(a.o)
}

func (a *Arena) allocLarge(n int) Ref {
	size := Size(n)
	id := a.number()
	k := &a.chunks[id]
	k.size, k.class, k.used, k.bump = size, large, 1, 1
	a.mapChunk(k, size)
	a.stats.Used += int64(size)
	a.stats.Mapped += int64(size)
	a.stats.Slots++
	return Ref(id) << chunkBits
}

func (a *Arena) newChunk(class int) uint32 {
	id := a.number()
	k := &a.chunks[id]
	k.size, k.class, k.room = sizeOf(class), uint16(class), chunkSize
	k.huge = a.held[class] > 0
	a.held[class]++
	if a.o.Brief {
		k.room = max(briefChunk, k.size)
	}
	a.mapChunk(k, k.room)
	a.link(id)
	return id
}

func (a *Arena) number() uint32 {
	if n := len(a.spare); n > 0 {
		id := a.spare[n-1]
		a.spare = a.spare[:n-1]
		return id
	}
	if a.o.Narrow && len(a.chunks) == narrowChunks {
		panic(fmt.Sprintf("slab: %d chunks of %d bytes are in use, and 32 bits name no more", narrowChunks-1, chunkSize))
	}
	a.chunks = append(a.chunks, chunk{})
	return uint32(len(a.chunks) - 1)
}

func (a *Arena) drop(id uint32) {
	k := &a.chunks[id]
	a.unmapChunk(k)
	if k.class != large {
		a.held[k.class]--
	}
	a.chunks[id] = chunk{}
	a.spare = append(a.spare, id)
}

func (a *Arena) mapChunk(k *chunk, size int) {
	if !a.o.Heap && !a.o.Brief {
		if k.class != large {
			k.mem = a.pool(k).cut(k.huge)
		} else if mem, err := mapMemory(size, false); err == nil {
			k.mem = unsafe.Pointer(unsafe.SliceData(mem))
		}
		if k.mem != nil {
			return
		}
	}
	words := make([]uint64, (size+7)/8) // aligned as records need it
	k.mem = unsafe.Pointer(unsafe.SliceData(words))
	k.heap = unsafe.Slice((*byte)(k.mem), size)
}

// pool is where the memory of a chunk comes from, and goes to.
func (a *Arena) pool(k *chunk) *pool {
	if k.huge {
		return &a.huge
	}
	return &a.small
}

// cut is the memory of one more chunk, nil when the system has none.
func (p *pool) cut(huge bool) unsafe.Pointer {
	if n := len(p.vacant); n > 0 {
		mem := p.vacant[n-1]
		p.vacant = p.vacant[:n-1]
		return mem
	}
	if len(p.fresh) < chunkSize {
		size := regionSmall
		if huge {
			size = regionHuge
		}
		region, err := mapMemory(size, huge)
		if err != nil {
			return nil
		}
		p.regions = append(p.regions, region)
		p.fresh = region[:len(region):len(region)]
		if skew := int(uintptr(unsafe.Pointer(unsafe.SliceData(region))) % hugePage); huge && skew != 0 {
			p.fresh = p.fresh[hugePage-skew:]
		}
	}
	mem := unsafe.Pointer(unsafe.SliceData(p.fresh))
	p.fresh = p.fresh[chunkSize:]
	return mem
}

func (a *Arena) unmapChunk(k *chunk) {
	switch {
	case k.heap != nil:
	case k.class == large:
		unmapMemory(unsafe.Slice((*byte)(k.mem), k.size))
	default:
		vacate(unsafe.Slice((*byte)(k.mem), chunkSize))
		p := a.pool(k)
		p.vacant = append(p.vacant, k.mem)
	}
}

// link puts a chunk in front of its class' list of those with room.
func (a *Arena) link(id uint32) {
	k := &a.chunks[id]
	k.prev, k.next = 0, a.room[k.class]
	if k.next != 0 {
		a.chunks[k.next].prev = id
	}
	a.room[k.class] = id
}

func (a *Arena) unlink(id uint32) {
	k := &a.chunks[id]
	if k.prev != 0 {
		a.chunks[k.prev].next = k.next
	} else {
		a.room[k.class] = k.next
	}
	if k.next != 0 {
		a.chunks[k.next].prev = k.prev
	}
	k.prev, k.next = 0, 0
}

// classOf is the smallest class of at least n bytes: 8, 16 ... 512, 576, 640 ... 1024, 1152 ...
func classOf(n int) int {
	if n <= fineMax {
		return (n+granule-1)/granule - 1
	}
	octave := bits.Len(uint(n-1)) - 10 // 0 for 513..1024
	step := fineMax << octave / steps  // distance of classes in this octave
	return fineMax/granule + octave*steps + (n-fineMax<<octave+step-1)/step - 1
}

func sizeOf(class int) int {
	if class < fineMax/granule {
		return (class + 1) * granule
	}
	class -= fineMax / granule
	octave := class / steps
	return fineMax<<octave + (class%steps+1)*(fineMax<<octave/steps)
}

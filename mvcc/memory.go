package mvcc

import (
	"unsafe"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// validCell is the cell of a handle that may have outlived its key; nil when there is none.
func (s *Store) validCell(ref Ref) *cell {
	if !s.cells.Valid(slab.Ref(ref)) {
		return nil
	}
	if c := s.cell(uint32(ref)); c.flags&cellUsed != 0 {
		return c
	}
	return nil
}

// Access notes that a key was used: Cool passes it once more, and Accessed returns the clock, of which
// 31 bits are kept. It needs RLock only.
func (s *Store) Access(ref Ref, clock uint32) {
	c := s.validCell(ref)
	if c == nil {
		return
	}
	if clock |= accessTouched; c.clock().Load() != clock { // a hot key's cell stays shared between processors
		c.clock().Store(clock)
	}
}

// Accessed is the clock of the key's last Access, 0 if there was none since start.
func (s *Store) Accessed(ref Ref) uint32 {
	if c := s.validCell(ref); c != nil {
		return c.clock().Load() &^ accessTouched
	}
	return 0
}

// treeBytes is about what a handle costs in the tree: 4 bytes, in nodes that are half full where keys come in order, and the nodes' own.
const treeBytes = 10

// MemoryUsed tells what the store takes. It needs RLock.
func (s *Store) MemoryUsed() MemoryStats {
	cells, values, pasts, tables := s.cells.Stats(), s.values.Stats(), s.pastSlab.Stats(), s.tables.Stats()
	colls, leaves := s.colls.Stats(), s.leaves.Stats()
	nodes, queues, directories := s.forest.Heap(), s.queueBytes(), s.directoryBytes()
	m := MemoryStats{
		Records: cells.Used + colls.Used, Values: values.Used, Elements: leaves.Used + nodes,
		History: pasts.Used + queues, Table: tables.Used + directories, Tree: cells.Slots * treeBytes,
		Chunks: s.chunkBytes.Load(),
	}
	m.Heap = nodes + queues + directories + m.Tree + m.Chunks
	for _, a := range []slab.Stats{cells, values, pasts, tables, colls, leaves} {
		m.Slack += a.Mapped - a.Used
	}
	e := s.db.Metrics()
	memtables := int64(e.MemTable.Size + e.MemTable.ZombieSize)
	m.Reserved = memtables - min(memtables, s.Touched())
	m.Engine = memtables - m.Reserved + e.BlockCache.Size
	m.Total = m.Records + m.Values + m.Elements + m.History + m.Tree + m.Table + m.Chunks + m.Slack + m.Engine
	return m
}

// queueBytes is what the queues of garbage take.
func (x *index) queueBytes() int64 {
	return x.pasts.bytes() + x.tombs.bytes() + x.gones.bytes() + x.ends.bytes() + int64(cap(x.stale))*int64(unsafe.Sizeof(Revision{}))
}

// directoryBytes is what the tables take beside their segments.
func (x *index) directoryBytes() (n int64) {
	for _, sp := range x.spaces {
		for _, d := range sp.table.root {
			if d != nil {
				n += int64(len(d.slots)) * int64(unsafe.Sizeof(segment{}))
			}
		}
	}
	return n
}

// DiskUsed is what Pebble's files take, in bytes.
func (s *Store) DiskUsed() uint64 { return s.db.Metrics().DiskSpaceUsage() }

// IndexMemory is the part of MemoryUsed that is cheap to know: all but the engine. It needs RLock.
func (s *Store) IndexMemory() int64 {
	return s.cells.Stats().Mapped + s.values.Stats().Mapped + s.pastSlab.Stats().Mapped +
		s.tables.Stats().Mapped + s.colls.Stats().Mapped + s.leaves.Stats().Mapped + s.forest.Heap() + s.cells.Stats().Slots*treeBytes
}

// Cool drops values from memory until target bytes are free or steps keys were looked at, and returns the
// bytes freed. A clock hand goes round the keys: one used since it passed last is spared, and so are values
// that only memory has yet. It needs Lock.
func (s *Store) Cool(target int64, steps int) (freed int64) {
	for ; steps > 0 && freed < target; steps-- {
		s.hand = uint64(s.cells.Next(slab.Ref(s.hand)))
		if s.hand == 0 {
			if s.cells.Stats().Slots == 0 {
				return freed
			}
			continue
		}
		c := s.cell(uint32(s.hand))
		if c.flags&cellUsed == 0 || c.cold() || c.valueLen <= tinyMax || c.modMain > s.Revision() {
			continue
		}
		if clock := c.clock().Load(); clock&accessTouched != 0 {
			c.clock().Store(clock &^ accessTouched)
			continue
		}
		before := int64(c.valueBytes())
		s.chillCell(c)
		freed += before - int64(c.valueBytes())
	}
	return freed
}

// Warm puts a value that Load read back into memory, unless the key changed since; it copies value. It tells
// whether it did. It needs Lock.
func (s *Store) Warm(ref Ref, mod Revision, value []byte) bool {
	c := s.validCell(ref)
	if c == nil || c.mod() != mod || !c.live() || !c.cold() || len(value) != int(c.valueLen) {
		return false
	}
	row := s.valueRow(c)
	s.freeValue(c)
	s.setValue(c, value, row)
	return true
}

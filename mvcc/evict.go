package mvcc

import (
	"unsafe"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// DataMemory is the memory that maxmemory bounds under a policy that evicts: all that grows with the keys, and
// neither what the allocator holds in reserve nor the caches of the engine, whose sizes are their own affair.
type DataMemory struct {
	Used int64
	// Past is about how much of Used compaction could free: superseded versions, deleted keys, dropped keyspaces.
	Past int64
}

// elementBytes is about what an element of a collection takes, for those that nobody can see any more and nobody
// has weighed.
const elementBytes = 48

// DataMemory is cheap to ask for: it adds up counters. It needs RLock.
func (s *Store) DataMemory() DataMemory {
	cells, values, tables := s.cells.Stats(), s.values.Stats(), s.tables.Stats()
	history := s.pastSlab.Stats().Used + int64(s.pasts.len)*4
	m := DataMemory{Past: history + (s.pastElements()+int64(s.goneElements))*elementBytes}
	m.Used = cells.Used + values.Used + tables.Used + s.colls.Stats().Used + s.leaves.Stats().Used + s.forest.Heap() + cells.Slots*treeBytes + history
	if cells.Slots == 0 {
		return m
	}
	var live, cooling int64 // keys; those cooling have values that are on their way out of memory
	for _, sp := range s.spaces {
		if sp.drop.IsZero() {
			live += int64(sp.live)
		}
	}
	for i := range s.cools.len {
		cooling += int64(s.spaces[s.cools.at(i)].live)
	}
	m.Past += (cells.Slots - live) * ((cells.Used+tables.Used)/cells.Slots + treeBytes)
	m.Past += cooling * (values.Used / max(1, live+cooling))
	m.Past = min(m.Past, m.Used)
	return m
}

// KeyMemory is what a key takes now: its record, its places in tree and table, its value if that is in memory, its
// elements. It is 0 for a handle that outlived its key. It needs RLock.
func (s *Store) KeyMemory(ref Ref) int64 {
	c := s.validCell(ref)
	if c == nil {
		return 0
	}
	n := int64(slab.Size(int(cellHead)+max(int(c.keyLen), 3)) + treeBytes)
	if c.flags&cellLongKey != 0 {
		n += int64(slab.Size(len(s.key(c))))
	}
	if c.collection() {
		k := s.collection(c.handle())
		n += int64(slab.Size(int(unsafe.Sizeof(*k)))) + s.forest.Bytes(k.root) + s.forest.Bytes(k.scores)
	} else {
		n += int64(c.valueBytes())
	}
	return n + s.tables.Stats().Used/max(1, s.cells.Stats().Slots)
}

package mvcc

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// sortItem is a handle with the eight bytes of its key that tell most keys of the keyspace apart, so that
// sorting rarely looks at a cell.
type sortItem struct {
	prefix uint64
	ref    uint32
}

const (
	buckets   = 1 << 16 // by the top 16 bits of the prefix
	sortJobs  = 16
	sortFirst = unsafe.Sizeof(sortItem{})
)

// buildTrees fills the trees of all keyspaces. Random inserts would cost two microseconds each; here the
// handles are sorted and each is inserted behind all others.
func (s *Store) buildTrees() {
	counts := map[Keyspace]int{}
	for ref := s.cells.Next(0); ref != 0; ref = s.cells.Next(ref) {
		counts[Keyspace(s.cell(uint32(ref)).keyspace)]++
	}
	scratch := slab.New(slab.Options{Heap: s.o.HeapMemory})
	defer scratch.Release()
	lists := map[Keyspace][]sortItem{}
	for ks, n := range counts {
		lists[ks] = scratchItems(scratch, n)[:0]
	}
	for ref := s.cells.Next(0); ref != 0; ref = s.cells.Next(ref) {
		ks := Keyspace(s.cell(uint32(ref)).keyspace)
		lists[ks] = append(lists[ks], sortItem{ref: uint32(ref)})
	}
	for ks, list := range lists {
		t := s.spaces[ks].tree
		for _, it := range s.sortKeys(list, scratch) {
			t.rise(it.ref)
		}
	}
}

func scratchItems(a *slab.Arena, n int) []sortItem {
	return unsafe.Slice((*sortItem)(a.Pointer(a.Alloc(n*int(sortFirst)))), n)
}

// sortKeys sorts handles of one keyspace by key: into buckets first, then each bucket.
func (s *Store) sortKeys(list []sortItem, scratch *slab.Arena) []sortItem {
	skip := s.commonPrefix(list)
	ends := make([]int, buckets+1)
	for i := range list {
		list[i].prefix = prefix(s.key(s.cell(list[i].ref))[skip:])
		ends[list[i].prefix>>48+1]++
	}
	for i := range buckets {
		ends[i+1] += ends[i]
	}
	sorted := scratchItems(scratch, len(list))
	at := slices.Clone(ends[:buckets])
	for _, it := range list {
		b := it.prefix >> 48
		sorted[at[b]] = it
		at[b]++
	}
	compare := func(a, b sortItem) int {
		if a.prefix != b.prefix {
			if a.prefix < b.prefix {
				return -1
			}
			return 1
		}
		return bytes.Compare(s.key(s.cell(a.ref)), s.key(s.cell(b.ref)))
	}
	bounds := jobBounds(ends, len(list))
	s.run(len(bounds)-1, func(job int) {
		for b := bounds[job]; b < bounds[job+1]; b++ {
			slices.SortFunc(sorted[ends[b]:ends[b+1]], compare)
		}
	})
	return sorted
}

// jobBounds cuts the buckets into runs of about equally many items.
func jobBounds(ends []int, n int) []int {
	bounds := []int{0}
	for b := range buckets {
		if ends[b+1] >= n*len(bounds)/sortJobs && len(bounds) < sortJobs {
			bounds = append(bounds, b+1)
		}
	}
	return append(bounds, buckets)
}

// commonPrefix is how many bytes all keys begin with alike.
func (s *Store) commonPrefix(list []sortItem) int {
	first := s.key(s.cell(list[0].ref))
	n := len(first)
	for _, it := range list {
		k := s.key(s.cell(it.ref))
		n = min(n, len(k))
		for !bytes.Equal(k[:n], first[:n]) {
			n--
		}
		if n == 0 {
			break
		}
	}
	return n
}

func prefix(k []byte) uint64 {
	if len(k) >= 8 {
		return binary.BigEndian.Uint64(k)
	}
	var b [8]byte
	copy(b[:], k)
	return binary.BigEndian.Uint64(b[:])
}

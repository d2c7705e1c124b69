// Package ranked keeps entries in order and tells any by its rank: the elements of one collection, packed in
// leaves that hang from a counted B+tree. The leaves lie in slabs, where the garbage collector does not
// look; a collection that fits one leaf has no tree and no Go object at all.
package ranked

import (
	"bytes"
	"cmp"
	"slices"
	"sort"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// Entry is one element. Its place in the order is Major, then Name as bytes. Byte strings handed out alias the tree
// and are good until its next change; those handed in are copied.
type Entry struct {
	Major    uint64
	Name     []byte
	Value    []byte
	Main     uint64 // the revision that wrote it
	Sub      uint32
	Deadline int64 // 0 is none
}

// Layout says how the entries of a tree are packed.
type Layout uint8

const (
	Hashed Layout = iota + 1 // Major is a hash of at most 40 bits
	Scored                   // Major is any 64 bits; Main, Sub and Deadline are not kept
	Placed                   // Major is near that of its neighbours: a place in a list
)

// Root is where a tree hangs. It holds no pointer, so that it may lie in a slab itself, and must not be copied but by
// Clone.
type Root struct {
	at     uint32
	layout Layout
}

// Forest is the memory of many trees. Any number may read while nobody writes; Clone counts as reading.
type Forest struct {
	blobs *slab.Arena
	lists [][]Entry
}

// New returns a forest whose leaves lie in a narrow arena and whose large names and values in another.
func New(leaves, blobs *slab.Arena) *Forest { return &Forest{blobs: blobs, lists: make([][]Entry, 1)} }

// Make returns an empty tree, which takes no memory.
func Make(l Layout) Root { return Root{layout: l} }

func (f *Forest) list(r Root) []Entry { return f.lists[r.at] }

func place(list []Entry, major uint64, name []byte) (int, bool) {
	return sort.Find(len(list), func(i int) int {
		return cmp.Or(cmp.Compare(major, list[i].Major), bytes.Compare(name, list[i].Name))
	})
}

// Len is the number of entries.
func (f *Forest) Len(r Root) int { return len(f.list(r)) }

// Find is the entry at a place.
func (f *Forest) Find(r Root, major uint64, name []byte) (Entry, bool) {
	if i, ok := place(f.list(r), major, name); ok {
		return f.list(r)[i], true
	}
	return Entry{}, false
}

// Put adds an entry or replaces the one at its place; it tells whether it added. Strings of e may alias the entry
// they replace.
func (f *Forest) Put(r *Root, e *Entry) bool {
	if r.at == 0 {
		r.at = uint32(len(f.lists))
		f.lists = append(f.lists, nil)
	}
	mine := *e
	mine.Name, mine.Value = bytes.Clone(e.Name), append([]byte{}, e.Value...)
	i, ok := place(f.lists[r.at], e.Major, e.Name)
	if ok {
		f.lists[r.at][i] = mine
	} else {
		f.lists[r.at] = slices.Insert(f.lists[r.at], i, mine)
	}
	return !ok
}

// Delete removes the entry at a place; false if there is none.
func (f *Forest) Delete(r *Root, major uint64, name []byte) bool {
	i, ok := place(f.list(*r), major, name)
	if ok {
		f.lists[r.at] = slices.Delete(f.lists[r.at], i, i+1)
	}
	return ok
}

// At is the entry of a rank, 0 being the first.
func (f *Forest) At(r Root, rank int) (Entry, bool) {
	if rank < 0 || rank >= len(f.list(r)) {
		return Entry{}, false
	}
	return f.list(r)[rank], true
}

// Rank is how many entries are in front of a place, and whether there is one at it.
func (f *Forest) Rank(r Root, major uint64, name []byte) (int, bool) {
	return place(f.list(r), major, name)
}

// Ascend calls fn with the entries from a rank on until it returns false. The entry is the same object each
// time; fn must not change the tree.
func (f *Forest) Ascend(r Root, rank int, fn func(e *Entry) bool) {
	for i := max(rank, 0); i < len(f.list(r)) && fn(&f.list(r)[i]); i++ {
	}
}

// Descend is Ascend towards the front, beginning with the entry of the rank.
func (f *Forest) Descend(r Root, rank int, fn func(e *Entry) bool) {
	for i := min(rank, len(f.list(r))-1); i >= 0 && fn(&f.list(r)[i]); i-- {
	}
}

// TakeFirst removes at most n entries from the front and returns how many; fn, unless nil, is shown each before.
// At a cost per leaf rather than per entry, this is how a large tree is freed in steps.
func (f *Forest) TakeFirst(r *Root, n int, fn func(e *Entry)) int {
	n = min(n, len(f.list(*r)))
	for i := range n {
		if fn != nil {
			fn(&f.lists[r.at][i])
		}
	}
	if n > 0 {
		f.lists[r.at] = f.lists[r.at][n:]
	}
	return n
}

// Clone is the tree as it is now, in O(1): both share what neither changes. It is a read: several may clone at once,
// while nobody writes. A clone is only to be read, and ends with Release, which is a write.
func (f *Forest) Clone(r Root) Root {
	return Root{at: r.at, layout: r.layout}
}

// Release frees a clone, or a tree, with all that nobody else shares.
func (f *Forest) Release(r *Root) {}

// Bytes is the memory that a tree takes, what it shares with clones included.
func (f *Forest) Bytes(r Root) int64 { return int64(len(f.list(r))) * 32 }

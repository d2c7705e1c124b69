package mvcc

import (
	"bytes"
	"sync"

	"github.com/google/btree"
)

// treeDegree makes leaves of up to 127 handles: 512 bytes.
const treeDegree = 64

// tree keeps the handles of one keyspace in the order of their keys: a google/btree whose items are 32 bits
// and whose comparison reads the slab.
type tree struct {
	t *btree.BTreeG[uint32]
	h *heap

	// probe is the key that the handle probeRef stands for while a reader looks for its place; readers
	// run side by side, so they take turns at it.
	probe   []byte
	probeMu sync.Mutex

	rising uint32 // the handle being added by rise: it is greater than any other
}

const probeRef = 0 // no cell has the handle 0

func newTree(h *heap, nodes *btree.FreeListG[uint32]) *tree {
	t := &tree{h: h}
	t.t = btree.NewWithFreeListG(treeDegree, t.less, nodes)
	return t
}

func (t *tree) less(a, b uint32) bool {
	if t.rising != 0 {
		return a != t.rising
	}
	return bytes.Compare(t.key(a), t.key(b)) < 0
}

func (t *tree) key(ref uint32) []byte {
	if ref == probeRef {
		return t.probe
	}
	return t.h.key(t.h.cell(ref))
}

func (t *tree) insert(ref uint32) {
	if old, was := t.t.ReplaceOrInsert(ref); was {
		panic("mvcc: the tree already has the key " + string(t.key(old)))
	}
}

// rise adds a handle whose key is greater than all others' without comparing them. Nobody may read meanwhile.
func (t *tree) rise(ref uint32) {
	t.rising = ref
	t.t.ReplaceOrInsert(ref)
	t.rising = 0
}

func (t *tree) remove(ref uint32) {
	if got, was := t.t.Delete(ref); !was || got != ref {
		panic("mvcc: the tree has lost the key " + string(t.key(ref)))
	}
}

// first is the handle of the first key that is at least from; 0 when there is none.
func (t *tree) first(from []byte) (ref uint32) {
	if len(from) == 0 {
		ref, _ = t.t.Min()
		return ref
	}
	t.probeMu.Lock()
	defer t.probeMu.Unlock()
	t.probe = from
	t.t.AscendGreaterOrEqual(probeRef, func(r uint32) bool {
		ref = r
		return false
	})
	t.probe = nil
	return ref
}

// ascend calls fn with the handles of all keys from the given one on until it returns false.
func (t *tree) ascend(from []byte, fn func(ref uint32) bool) {
	if len(from) == 0 {
		t.t.Ascend(fn)
	} else if first := t.first(from); first != 0 {
		t.t.AscendGreaterOrEqual(first, fn)
	}
}

// takeMin removes and returns the handle of the least key; 0 when the tree is empty.
func (t *tree) takeMin() uint32 {
	ref, _ := t.t.DeleteMin()
	return ref
}

package ranked

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// model is a tree as a sorted slice.
type model struct {
	layout Layout
	list   []Entry
}

func (m *model) seek(major uint64, name []byte) (int, bool) {
	return sort.Find(len(m.list), func(i int) int {
		return cmp.Or(cmp.Compare(major, m.list[i].Major), bytes.Compare(name, m.list[i].Name))
	})
}

func (m *model) put(e Entry) bool {
	e.Name, e.Value = append([]byte{}, e.Name...), append([]byte{}, e.Value...)
	if m.layout == Scored {
		e.Main, e.Sub, e.Deadline = 0, 0, 0
	}
	i, ok := m.seek(e.Major, e.Name)
	if ok {
		m.list[i] = e
	} else {
		m.list = slices.Insert(m.list, i, e)
	}
	return !ok
}

func (m *model) delete(major uint64, name []byte) bool {
	i, ok := m.seek(major, name)
	if ok {
		m.list = slices.Delete(m.list, i, i+1)
	}
	return ok
}

func (m *model) clone() *model { return &model{m.layout, slices.Clone(m.list)} }

func same(a, b *Entry) bool {
	return a.Major == b.Major && a.Main == b.Main && a.Sub == b.Sub && a.Deadline == b.Deadline &&
		bytes.Equal(a.Name, b.Name) && bytes.Equal(a.Value, b.Value)
}

func show(e *Entry) string {
	return fmt.Sprintf("{%#x %.20q value of %d bytes, revision %d.%d, deadline %d}",
		e.Major, e.Name, len(e.Value), e.Main, e.Sub, e.Deadline)
}

// differs says where a tree and its model do, or "".
func (m *model) differs(f *Forest, r Root) string {
	if got, want := f.Len(r), len(m.list); got != want {
		return fmt.Sprintf("Len = %d, want %d", got, want)
	}
	i, wrong := 0, ""
	f.Ascend(r, 0, func(e *Entry) bool {
		if !same(e, &m.list[i]) {
			wrong = fmt.Sprintf("Ascend: entry %d is %s, want %s", i, show(e), show(&m.list[i]))
		}
		i++
		return wrong == ""
	})
	if wrong == "" && i != len(m.list) {
		wrong = fmt.Sprintf("Ascend ends at %d of %d", i, len(m.list))
	}
	return wrong
}

// looks compares all reads about a place and a rank.
func (m *model) looks(f *Forest, r Root, major uint64, name []byte, rank int) string {
	i, ok := m.seek(major, name)
	if got, found := f.Rank(r, major, name); got != i || found != ok {
		return fmt.Sprintf("Rank(%#x %.20q) = %d %t, want %d %t", major, name, got, found, i, ok)
	}
	if got, found := f.Find(r, major, name); found != ok || ok && !same(&got, &m.list[i]) {
		return fmt.Sprintf("Find(%#x %.20q) = %s %t", major, name, show(&got), found)
	}
	if got, ok := f.At(r, rank); ok != (rank >= 0 && rank < len(m.list)) || ok && !same(&got, &m.list[rank]) {
		return fmt.Sprintf("At(%d) = %s %t", rank, show(&got), ok)
	}
	wrong := ""
	i = max(rank, 0)
	f.Ascend(r, rank, func(e *Entry) bool {
		if !same(e, &m.list[i]) {
			wrong = fmt.Sprintf("Ascend from %d: entry %d is %s, want %s", rank, i, show(e), show(&m.list[i]))
		}
		i++
		return i < rank+50 && wrong == ""
	})
	i = min(rank, len(m.list)-1)
	f.Descend(r, rank, func(e *Entry) bool {
		if !same(e, &m.list[i]) {
			wrong = fmt.Sprintf("Descend from %d: entry %d is %s, want %s", rank, i, show(e), show(&m.list[i]))
		}
		i--
		return i > rank-50 && wrong == ""
	})
	return wrong
}

// world is a forest with all its trees and clones, and what they should hold.
type world struct {
	f      *Forest
	roots  []*Root
	models []*model
}

func newWorld(heap bool) *world {
	return &world{f: New(slab.New(slab.Options{Narrow: true, Heap: heap}), slab.New(slab.Options{Heap: heap}))}
}

func (w *world) add(r Root, m *model) {
	w.roots, w.models = append(w.roots, &r), append(w.models, m)
}

func (w *world) release(i int) {
	if len(w.roots)%2 == 0 {
		w.f.Release(w.roots[i])
	} else {
		w.f.Discard(w.roots[i])
		for len(w.f.litter) > 0 {
			w.f.Sweep(1 + i%3)
		}
	}
	w.roots, w.models = slices.Delete(w.roots, i, i+1), slices.Delete(w.models, i, i+1)
}

// finish ends a world with its arenas.
func (w *world) finish() string {
	defer w.f.leaves.Release()
	defer w.f.blobs.Release()
	return w.end()
}

// end releases everything and says what is left, or "".
func (w *world) end() string {
	for len(w.roots) > 0 {
		w.release(len(w.roots) - 1)
	}
	if a, b := w.f.leaves.Stats(), w.f.blobs.Stats(); a.Slots+b.Slots+a.Used+b.Used+w.f.nodes != 0 {
		return fmt.Sprintf("released all, and still there are %d leaves, %d blobs and %d bytes of nodes", a.Slots, b.Slots, w.f.nodes)
	}
	return ""
}

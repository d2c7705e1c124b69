package mvcc

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// text is a collection's elements.
func text(c Collection) string {
	var b strings.Builder
	c.Ascend(0, func(e *Element) bool {
		fmt.Fprintf(&b, "%s=%.20s@%d ", e.Name, e.Value, e.Main)
		return true
	})
	return b.String()
}

// fill makes a hash of so many fields, some of them long.
func fill(key string, n int) func(*Tx) {
	return func(tx *Tx) {
		it := tx.Make(1, []byte(key), Attr{Type: Hash})
		for i := range n {
			tx.PutElement(it.Ref, Element{Name: fmt.Append(nil, "f", i), Value: fmt.Append(nil, i, strings.Repeat("v", i%700))})
		}
	}
}

func edit(key string, i int) func(*Tx) {
	return func(tx *Tx) {
		it, _ := tx.Lookup(1, []byte(key))
		tx.PutElement(it.Ref, Element{Name: fmt.Append(nil, "f", i%4000), Value: []byte("changed")})
		tx.DeleteElement(it.Ref, Element{Name: fmt.Append(nil, "f", (i*7)%4000)})
	}
}

// Readers walk over what they hold while the applier changes it, deletes it and compacts it away: each sees what was
// there when it came, and the memory comes back.
func TestHoldBesideApply(t *testing.T) {
	s := newStore(t)
	apply(t, s, fill("h", 4000))
	var readers sync.WaitGroup
	hold := func(v func() (View, error), want string) {
		readers.Go(func() {
			s.RLock()
			defer s.RUnlock()
			view, err := v()
			if err != nil {
				t.Error(err)
				return
			}
			it, ok := view.Lookup(1, []byte("h"))
			if !ok {
				t.Error("no hash")
				return
			}
			if want == "" {
				want = text(view.Collection(it))
			}
			c, err := view.Hold(it, func() { s.RUnlock(); s.RLock() })
			if errors.Is(err, ErrCompacted) {
				return
			}
			for range 3 {
				if got := text(c); got != want {
					t.Errorf("the hash held at %d is %.200s, want %.200s", view.Revision(), got, want)
				}
			}
			c.Release()
		})
	}
	first := text(must2(s.At(1)).Collection(must3(must2(s.At(1)).Lookup(1, []byte("h")))))
	for i := range 40 {
		hold(func() (View, error) { return s.View(), nil }, "")
		hold(func() (View, error) { return s.At(1) }, first)
		apply(t, s, edit("h", i))
	}
	readers.Wait()
	for range 4 {
		hold(func() (View, error) { return s.View(), nil }, "")
	}
	readers.Wait()
	apply(t, s, del("h"))
	compact(t, s, s.current)
	for range 100 { // a few nodes with each
		apply(t, s, func(*Tx) {})
	}
	if n := s.leaves.Stats().Slots + s.colls.Stats().Slots; n != 0 || s.forest.Heap() > 1<<12 {
		t.Errorf("%d leaves and collections, %d bytes of nodes are left", n, s.forest.Heap())
	}
}

func must3(it Item, ok bool) Item {
	if !ok {
		panic("no such key")
	}
	return it
}

// A collection of the past that is compacted while it is made is refused.
func TestHoldIsCompacted(t *testing.T) {
	s := newStore(t)
	apply(t, s, fill("h", 4000))
	apply(t, s, fill("other", 1))
	apply(t, s, edit("h", 1))
	v := must2(s.At(1))
	if _, err := v.Hold(must3(v.Lookup(1, []byte("h"))), func() {
		if s.compacted == 0 {
			compact(t, s, s.current)
		}
	}); !errors.Is(err, ErrCompacted) {
		t.Errorf("a hash of a revision that was compacted meanwhile: %v", err)
	}
}

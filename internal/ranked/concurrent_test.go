package ranked

import (
	"fmt"
	"sync"
	"testing"
)

// TestReadersBesideClones has readers of trees and takers of clones side by side, then a writer alone, in turns.
func TestReadersBesideClones(t *testing.T) {
	w := newWorld(true)
	sizes := []int{1, 10, 500, 5000}
	for range sizes {
		w.add(Make(Hashed), &model{layout: Hashed})
	}
	put := func(i, major, round int) {
		e := Entry{Major: uint64(major), Name: fmt.Appendf(nil, "name%d", major), Value: make([]byte, major*round%400), Main: uint64(round)}
		if wrong := w.put(i, &e); wrong != "" {
			t.Fatal(wrong)
		}
	}
	for i, size := range sizes {
		for j := range size {
			put(i, j, 1)
		}
	}
	for round := range 4 {
		const side = 4
		var wg sync.WaitGroup
		wrong := make([]string, side)
		clones := make([][]Root, side)
		for reader := range side {
			wg.Go(func() {
				for i := range sizes {
					for range 5 {
						clones[reader] = append(clones[reader], w.f.Clone(*w.roots[i]))
					}
					last := len(clones[reader]) - 1
					for _, r := range []Root{*w.roots[i], clones[reader][last]} {
						wrong[reader] += w.models[i].differs(w.f, r)
						wrong[reader] += w.models[i].looks(w.f, r, uint64(reader*100), fmt.Appendf(nil, "name%d", reader*100), reader*30)
					}
				}
			})
		}
		wg.Wait()
		for reader := range side {
			if wrong[reader] != "" {
				t.Fatal(wrong[reader])
			}
			for i := range clones[reader] {
				if i%5 == 0 && round%2 == 0 {
					w.add(clones[reader][i], w.models[i/5].clone())
				} else {
					w.f.Release(&clones[reader][i])
				}
			}
		}
		for i, size := range sizes {
			for j := 0; j < size; j += 1 + size/20 {
				put(i, j, round+2)
			}
		}
		if wrong := w.check(); wrong != "" {
			t.Fatal(wrong)
		}
	}
	for i, r := range w.roots {
		if wrong := w.models[i].differs(w.f, *r); wrong != "" {
			t.Fatalf("tree %d: %s", i, wrong)
		}
	}
	if wrong := w.finish(); wrong != "" {
		t.Error(wrong)
	}
}

package server

import "testing"

func TestCalm(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name  string
		heaps []goHeap // one a second
		over  []int    // the seconds at which something is given back
	}{
		{"quiet, and much is free", repeated(12, goHeap{objects: 10 * mib, live: 8 * mib, free: 6 * mib}, 0), []int{6, 11}},
		{"quiet, and much is dead", repeated(8, goHeap{objects: 10 * mib, live: 5 * mib}, 0), []int{6}},
		{"a little is allocated", repeated(8, goHeap{objects: 10 * mib, live: 5 * mib}, mib), []int{6}},
		{"at work", repeated(8, goHeap{objects: 10 * mib, live: 5 * mib}, mib+1), nil},
		{"nothing to give", repeated(8, goHeap{objects: 10 * mib, live: 8 * mib, free: mib}, 0), nil},
		{"little beside what is alive", repeated(8, goHeap{objects: 100 * mib, live: 100 * mib, free: 24 * mib}, 0), nil},
		{"a quarter of what is alive", repeated(8, goHeap{objects: 100 * mib, live: 100 * mib, free: 25 * mib}, 0), []int{6}},
		{"more is alive than there are objects, as they are counted one after the other", repeated(8, goHeap{objects: 5 * mib, live: 6 * mib, free: 3 * mib}, 0), nil},
		{"work in between", append(repeated(4, goHeap{free: 6 * mib}, 0), repeated(7, goHeap{allocated: 9 * mib, free: 6 * mib}, 0)...), []int{10}},
	} {
		var over []int
		watch := calm{}
		for i, h := range c.heaps {
			if watch.over(h) {
				over = append(over, i+1)
			}
		}
		if len(over) != len(c.over) || len(over) > 0 && over[0] != c.over[0] || len(over) > 1 && over[1] != c.over[1] {
			t.Errorf("%s: given back at %v, want %v", c.name, over, c.over)
		}
	}
}

// repeated is what the runtime says again and again, with so many bytes more allocated each time.
func repeated(n int, h goHeap, more uint64) (list []goHeap) {
	h.allocated += 100 << 20 // by the start
	for range n {
		list = append(list, h)
		h.allocated += more
	}
	return list
}

func TestReadGoHeap(t *testing.T) {
	if h := readGoHeap(); h.allocated == 0 || h.objects == 0 || h.allocated < h.objects/2 {
		t.Errorf("%+v", h)
	}
}

package server

import "testing"

func TestCalm(t *testing.T) {
	const mib = 1 << 20
	program, heap, engine := spare{program: true}, spare{heap: true, program: true}, spare{engine: true, program: true}
	for _, c := range []struct {
		name   string
		heaps  []goHeap // one a second
		engine int64
		want   map[int]spare // by the second
	}{
		{"quiet, and much is free", repeated(12, goHeap{objects: 10 * mib, live: 8 * mib, free: 6 * mib}, 0), 0, map[int]spare{6: heap, 11: heap}},
		{"quiet, and much is dead", repeated(8, goHeap{objects: 10 * mib, live: 5 * mib}, 0), 0, map[int]spare{6: heap}},
		{"a little is allocated", repeated(8, goHeap{objects: 10 * mib, live: 5 * mib}, mib), 0, map[int]spare{6: heap}},
		{"at work", repeated(8, goHeap{objects: 10 * mib, live: 5 * mib}, mib+1), 8 * mib, nil},
		{"nothing but the pages of the start", repeated(20, goHeap{objects: 10 * mib, live: 8 * mib, free: mib}, 0), 0, map[int]spare{6: program}},
		{"little beside what is alive", repeated(8, goHeap{objects: 100 * mib, live: 100 * mib, free: 24 * mib}, 0), 0, map[int]spare{6: program}},
		{"a quarter of what is alive", repeated(8, goHeap{objects: 100 * mib, live: 100 * mib, free: 25 * mib}, 0), 0, map[int]spare{6: heap}},
		{"more is alive than there are objects, as they are counted one after the other", repeated(8, goHeap{objects: 5 * mib, live: 6 * mib, free: 3 * mib}, 0), 0, map[int]spare{6: program}},
		{"work in between", append(repeated(4, goHeap{free: 6 * mib}, 0), repeated(7, goHeap{allocated: 9 * mib, free: 6 * mib}, 0)...), 0, map[int]spare{10: heap}},
		{"work behind", append(repeated(7, goHeap{}, 0), repeated(7, goHeap{allocated: 9 * mib}, 0)...), 0, map[int]spare{6: program, 13: program}},
		{"memtables", repeated(8, goHeap{}, 0), 4 * mib, map[int]spare{6: engine}},
		{"little in memtables", repeated(8, goHeap{}, 0), 4*mib - 1, map[int]spare{6: program}},
		{"all", repeated(8, goHeap{free: 6 * mib}, 0), 4 * mib, map[int]spare{6: {true, true, true}}},
	} {
		watch := calm{}
		for i, h := range c.heaps {
			if got := watch.over(h, c.engine); got != c.want[i+1] {
				t.Errorf("%s: %+v is given back at second %d, want %+v", c.name, got, i+1, c.want[i+1])
			}
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

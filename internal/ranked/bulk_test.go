package ranked

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// putAll does the same to a tree and its model, and compares what was told of replaced entries with what each Put met.
func (w *world) putAll(i int, list []Entry) string {
	m, r := w.models[i], w.roots[i]
	var b Bulk
	want := make([]string, len(list))
	for j := range list {
		e := &list[j]
		b.Add(e)
		if at, ok := m.seek(e.Major, e.Name); ok {
			want[j] = show(&m.list[at])
		}
		m.put(*e)
	}
	got := make([]string, len(list))
	replaced := make([]bool, len(list))
	wrong := ""
	w.f.PutAll(r, &b, func(i, by int, old *Entry) {
		if got[i] != "" {
			wrong = fmt.Sprintf("entry %d replaces %s and %s", i, got[i], show(old))
		}
		shown := *old
		if by >= 0 {
			if replaced[by] || place(&list[by], &list[i]) != 0 || by >= i {
				wrong = fmt.Sprintf("entry %d is replaced by %d", by, i)
			}
			replaced[by] = true
			if m.layout == Scored {
				shown.Main, shown.Sub, shown.Deadline = 0, 0, 0
			}
		}
		got[i] = show(&shown)
	})
	for j := range list {
		if got[j] != want[j] && wrong == "" {
			wrong = fmt.Sprintf("entry %d replaces %q, want %q", j, got[j], want[j])
		}
	}
	return wrong
}

func TestPutAll(t *testing.T) {
	for name, l := range layouts {
		for kind, v := range flavours {
			t.Run(name+", "+kind, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(uint64(l), uint64(len(kind))))
				w := newWorld(false)
				w.add(Make(l), &model{layout: l})
				for i := range 30 {
					list := make([]Entry, 1+rnd.IntN(1<<rnd.IntN(11)))
					for j := range list {
						list[j] = v.entry(rnd)
					}
					if len(w.roots) < 1+v.clones && i%5 == 0 {
						w.add(w.f.Clone(*w.roots[0]), w.models[0].clone())
					}
					wrong := w.putAll(0, list)
					for range rnd.IntN(40) {
						if wrong == "" {
							wrong = w.step(rnd, v, i%10 > 5)
						}
					}
					if wrong == "" {
						wrong = w.check()
					}
					if wrong != "" {
						t.Fatalf("round %d: %s", i, wrong)
					}
				}
				for i, r := range w.roots {
					if wrong := w.models[i].differs(w.f, *r); wrong != "" {
						t.Fatal(wrong)
					}
				}
				if wrong := w.check() + w.finish(); wrong != "" {
					t.Fatal(wrong)
				}
			})
		}
	}
}

// TestPutAllFromNothing makes trees of all sizes at once.
func TestPutAllFromNothing(t *testing.T) {
	for name, l := range layouts {
		for _, n := range []int{1, 2, 30, 200, 3000, 100_000} {
			w := newWorld(false)
			w.add(Make(l), &model{layout: l})
			var b Bulk
			e := Entry{Value: bytes.Repeat([]byte("v"), 10)}
			for i := range n {
				e.Name = nil
				nth(&e, i)
				b.Add(&e)
			}
			w.f.PutAll(w.roots[0], &b, nil)
			if got := w.f.Len(*w.roots[0]); got != n {
				t.Errorf("%s: a tree of %d, want %d", name, got, n)
			}
			if wrong := w.check(); wrong != "" {
				t.Errorf("%s, %d entries: %s", name, n, wrong)
			}
			for i := range n {
				if nth(&e, i); i%97 == 0 {
					if got, ok := w.f.Find(*w.roots[0], e.Major, e.Name); !ok || got.Main != e.Main && l != Scored {
						t.Fatalf("%s, %d entries: Find of entry %d = %s %t", name, n, i, show(&got), ok)
					}
				}
			}
			w.models = w.models[:1]
			if wrong := w.finish(); wrong != "" {
				t.Error(wrong)
			}
		}
	}
}

package ranked

import (
	"bytes"
	"testing"
)

// FuzzOperations reads operations of four bytes: what, which, and the entry's major and size.
func FuzzOperations(f *testing.F) {
	f.Add([]byte{1, 0, 1, 2, 3})
	f.Add(bytes.Repeat([]byte{0, 7, 3, 60, 0, 9, 4, 61, 6, 0, 0, 0, 0, 11, 200, 200, 3, 9, 4, 0}, 30))
	f.Add(bytes.Repeat([]byte{2, 0, 250, 200, 0, 1, 5, 255, 4, 3, 2, 1}, 50))
	forest := newWorld(false).f // for all inputs, as arenas begin with large steps
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) == 0 || len(ops) > 4096 {
			return
		}
		l := Layout(ops[0]%3) + 1
		w := &world{f: forest}
		w.add(Make(l), &model{layout: l})
		for i := 1; i+3 < len(ops); i += 4 {
			if wrong := w.fuzz(ops[i], ops[i+1], ops[i+2], ops[i+3]); wrong != "" {
				t.Fatal(wrong)
			}
			if i%256 == 1 {
				if wrong := w.check(); wrong != "" {
					t.Fatal(wrong)
				}
			}
		}
		for i, r := range w.roots {
			if wrong := w.models[i].differs(w.f, *r); wrong != "" {
				t.Fatal(wrong)
			}
		}
		if wrong := w.check() + w.end(); wrong != "" {
			t.Fatal(wrong)
		}
	})
}

func (w *world) fuzz(what, which, major, size byte) string {
	e := Entry{Major: uint64(major), Main: uint64(size) << (which % 60), Deadline: int64(int8(which)), Sub: uint32(which)}
	e.Name = bytes.Repeat([]byte{'n'}, int(which)*2)
	e.Value = bytes.Repeat([]byte{size}, int(size)*2)
	m := w.models[0]
	switch what % 9 {
	case 0, 1, 2:
		return w.put(0, &e)
	case 3:
		if len(m.list) > 0 {
			e = m.list[int(which)%len(m.list)]
		}
		fallthrough
	case 4:
		if w.f.Delete(w.roots[0], e.Major, e.Name) != m.delete(e.Major, e.Name) {
			return "Delete is wrong of " + show(&e)
		}
	case 5:
		return w.take(0, int(which)%16, major%2 == 0)
	case 6:
		if len(w.roots) < 4 {
			w.add(w.f.Clone(*w.roots[0]), m.clone())
		} else {
			w.release(1 + int(which)%3)
		}
	case 7:
		i := int(size) % len(w.roots)
		return w.models[i].looks(w.f, *w.roots[i], e.Major, e.Name, int(which)-1)
	case 8:
		return w.queue(0, int(which)%32, major%2 == 0, size%2 == 0, e)
	}
	return ""
}

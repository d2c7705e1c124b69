package ranked

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

func place(a, b *Entry) int {
	return cmp.Or(cmp.Compare(a.Major, b.Major), bytes.Compare(a.Name, b.Name))
}

func TestRootIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Root{}); n > 8 {
		t.Errorf("a root takes %d bytes, want at most 8", n)
	}
	if n := unsafe.Sizeof(node{}); n > 1024 {
		t.Errorf("a node takes %d bytes, want at most 1024", n)
	}
}

// flavour says what random entries look like.
type flavour struct {
	majors, names uint64 // how many there are
	long          int    // one in so many strings is long; 0 is none
	clones        int
}

var layouts = map[string]Layout{"hashed": Hashed, "scored": Scored, "placed": Placed}

var flavours = map[string]flavour{
	"small":        {majors: 5000, names: 3, clones: 3},
	"equal majors": {majors: 2, names: 4000, clones: 2},
	"long":         {majors: 800, names: 3, long: 3, clones: 4},
	"some long":    {majors: 3000, names: 2, long: 60, clones: 1},
	"few":          {majors: 12, names: 2, long: 20, clones: 8},
}

func (v flavour) entry(rnd *rand.Rand) Entry {
	e := Entry{Major: 1<<39 + rnd.Uint64N(v.majors), Main: rnd.Uint64N(1 << (1 + rnd.UintN(40)))}
	e.Name = fmt.Appendf(nil, "n%d", rnd.Uint64N(v.names))
	if v.long > 0 && int(e.Major)%v.long == 0 {
		e.Name = append(e.Name, strings.Repeat("x", int(e.Major%400))...)
	}
	e.Value = make([]byte, rnd.IntN(24))
	if v.long > 0 && rnd.IntN(v.long) == 0 {
		e.Value = make([]byte, rnd.IntN(700))
	}
	if len(e.Value) > 0 {
		e.Value[0], e.Value[len(e.Value)-1] = byte(rnd.Uint32()), byte(rnd.Uint32())
	}
	if rnd.IntN(3) == 0 {
		e.Sub = rnd.Uint32() >> rnd.IntN(32)
	}
	if rnd.IntN(5) == 0 {
		e.Deadline = rnd.Int64() - rnd.Int64()
	}
	return e
}

func TestRandomOperations(t *testing.T) {
	for name, l := range layouts {
		for kind, v := range flavours {
			t.Run(name+", "+kind, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(uint64(l), uint64(len(kind))))
				w := newWorld(false)
				w.add(Make(l), &model{layout: l})
				w.add(Make(l), &model{layout: l})
				const steps = 16000
				for i := range steps {
					shrink := i/4000%2 == 1
					if wrong := w.step(rnd, v, shrink); wrong != "" {
						t.Fatalf("step %d: %s", i, wrong)
					}
					if i%500 == 0 || i == steps-1 {
						if wrong := w.check(); wrong != "" {
							t.Fatalf("step %d: %s", i, wrong)
						}
						for j, r := range w.roots {
							if wrong := w.models[j].differs(w.f, *r); wrong != "" {
								t.Fatalf("step %d, tree %d: %s", i, j, wrong)
							}
						}
					}
				}
				if wrong := w.finish(); wrong != "" {
					t.Error(wrong)
				}
			})
		}
	}
}

// byPlace finds a place by name or rank, and then writes there, with a clone made or the other tree changed between.
func (w *world) byPlace(i, between int, e *Entry, rank int) string {
	r, m := w.roots[i], w.models[i]
	var at Place
	ok := w.f.Seek(*r, e.Major, e.Name, &at)
	j, had := m.seek(e.Major, e.Name)
	byRank := e.Main%2 == 0
	if byRank {
		ok = w.f.SeekRank(*r, rank, &at)
		j, had = rank, rank >= 0 && rank < len(m.list)
	}
	if ok != had || had && !same(&at.Entry, &m.list[j]) {
		return fmt.Sprintf("Seek(%s) or SeekRank(%d) = %t, %s", show(e), rank, ok, show(&at.Entry))
	}
	switch between {
	case 1:
		w.add(w.f.Clone(*r), m.clone())
		defer w.release(len(w.roots) - 1)
	case 2:
		other := Entry{Major: e.Major + 1, Name: []byte("other")}
		w.put(1-i, &other)
	}
	switch {
	case !byRank && (!had || e.Main%3 == 0):
		w.f.PutAt(r, &at, e)
		m.put(*e)
	case had:
		w.f.DeleteAt(r, &at)
		m.delete(m.list[j].Major, m.list[j].Name)
	}
	return m.differs(w.f, *r)
}

// step does one thing to one of the first two trees, or to a clone.
func (w *world) step(rnd *rand.Rand, v flavour, shrink bool) string {
	i := rnd.IntN(2)
	r, m := w.roots[i], w.models[i]
	e := v.entry(rnd)
	what := rnd.IntN(1000)
	if shrink && what < 500 {
		what += 300
	}
	switch {
	case what < 550:
		return w.put(i, &e)
	case what < 900:
		if len(m.list) > 0 && rnd.IntN(4) > 0 {
			e = m.list[rnd.IntN(len(m.list))]
		}
		if got, want := w.f.Delete(r, e.Major, e.Name), m.delete(e.Major, e.Name); got != want {
			return fmt.Sprintf("Delete(%s) = %t", show(&e), got)
		}
	case what < 901:
		return w.take(i, rnd.IntN(len(m.list)+10), rnd.IntN(2) == 0)
	case what < 910:
		return w.take(i, rnd.IntN(20), rnd.IntN(2) == 0)
	case what < 950:
		if len(m.list) > 0 { // strings that alias the entry they replace
			e, _ = w.f.At(*r, rnd.IntN(len(m.list)))
			e.Deadline++
			if len(e.Value) > 0 && rnd.IntN(2) == 0 {
				e.Value = e.Value[1:]
			}
			return w.put(i, &e)
		}
	case what < 955:
		return w.queue(i, rnd.IntN(30), rnd.IntN(2) == 0, rnd.IntN(2) == 0, e)
	case what < 958:
		return w.byPlace(i, rnd.IntN(3), &e, rnd.IntN(len(m.list)+2)-1)
	case what < 963 && len(w.roots) < 2+v.clones:
		w.add(w.f.Clone(*r), m.clone())
	case what < 970 && len(w.roots) > 2:
		w.release(2 + rnd.IntN(len(w.roots)-2))
	default:
		i = rnd.IntN(len(w.roots))
		m = w.models[i]
		return m.looks(w.f, *w.roots[i], e.Major, e.Name, rnd.IntN(len(m.list)+2)-1)
	}
	return ""
}

func (w *world) put(i int, e *Entry) string {
	kept := *e
	kept.Name, kept.Value = bytes.Clone(e.Name), bytes.Clone(e.Value)
	want := w.models[i].put(kept)
	if got := w.f.Put(w.roots[i], e); got != want {
		return fmt.Sprintf("Put(%s) = %t", show(&kept), got)
	}
	return ""
}

// queue pushes so many entries at an end, or pops them.
func (w *world) queue(i, n int, last, pop bool, e Entry) string {
	r, m := w.roots[i], w.models[i]
	for range n {
		got, ok := w.f.First(*r)
		if last {
			got, ok = w.f.Last(*r)
		}
		end := 0
		if last {
			end = len(m.list) - 1
		}
		if want := len(m.list) > 0; ok != want || ok && !same(&got, &m.list[end]) {
			return fmt.Sprintf("the entry at an end (last: %t) is %s, %t", last, show(&got), ok)
		}
		switch {
		case pop && !ok:
			return ""
		case pop:
			m.delete(got.Major, got.Name)
			w.f.Pop(r, last)
		case !ok:
			w.put(i, &e)
		case last && got.Major < 1<<40-1:
			e.Major = got.Major + 1
			m.put(e)
			w.f.Push(r, true, &e)
		case !last && got.Major > 0:
			e.Major = got.Major - 1
			m.put(e)
			w.f.Push(r, false, &e)
		}
		e.Main++
	}
	return ""
}

func (w *world) take(i, n int, look bool) string {
	m, at, wrong := w.models[i], 0, ""
	var fn func(e *Entry)
	if look {
		fn = func(e *Entry) {
			if !same(e, &m.list[at]) {
				wrong = fmt.Sprintf("TakeFirst(%d) shows %s as %d, want %s", n, show(e), at, show(&m.list[at]))
			}
			at++
		}
	}
	want := min(n, len(m.list))
	if got := w.f.TakeFirst(w.roots[i], n, fn); got != want || look && at != want {
		return fmt.Sprintf("TakeFirst(%d) = %d and shows %d, want %d", n, got, at, want)
	}
	m.list = m.list[want:]
	return wrong
}

func TestEndsLeaveFullLeaves(t *testing.T) {
	for name, step := range map[string]uint64{"append": 1, "prepend": ^uint64(0)} {
		w := newWorld(false)
		w.add(Make(Placed), &model{layout: Placed})
		const n = 100_000
		e := Entry{Major: 1 << 63, Value: []byte("0123456789")}
		for range n {
			e.Major, e.Main = e.Major+step, e.Main+1
			w.f.Put(w.roots[0], &e)
		}
		if per := w.f.Bytes(*w.roots[0]) / n; per > 20 {
			t.Errorf("%s: %d bytes for each entry, want at most 20", name, per)
		}
		if e, _ := w.f.At(*w.roots[0], 0); step == 1 && e.Main != 1 || step != 1 && e.Main != n {
			t.Errorf("%s: the first is %s", name, show(&e))
		}
		if wrong := w.check(); wrong != "" {
			t.Errorf("%s: %s", name, wrong)
		}
		if wrong := w.finish(); wrong != "" {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

func TestQueueStaysSmall(t *testing.T) {
	w := newWorld(false)
	w.add(Make(Placed), &model{layout: Placed})
	e := Entry{Major: 1 << 63, Value: []byte("0123456789")}
	for range 100_000 {
		e.Major, e.Main = e.Major+1, e.Main+1
		w.f.Put(w.roots[0], &e)
		if w.f.Len(*w.roots[0]) > 1000 {
			first, _ := w.f.At(*w.roots[0], 0)
			w.f.Delete(w.roots[0], first.Major, first.Name)
		}
	}
	if n := w.f.Bytes(*w.roots[0]); n > 22_000 {
		t.Errorf("a queue of 1000 takes %d bytes", n)
	}
	if wrong := w.check(); wrong != "" {
		t.Error(wrong)
	}
	if wrong := w.finish(); wrong != "" {
		t.Error(wrong)
	}
}

// TestEndsAreAsIfPut makes a large tree by Push and takes it apart by Pop, from either end.
func TestEndsAreAsIfPut(t *testing.T) {
	for _, pushLast := range []bool{false, true} {
		for _, popLast := range []bool{false, true} {
			w := newWorld(false)
			w.add(Make(Placed), &model{layout: Placed})
			rnd := rand.New(rand.NewPCG(3, 4))
			const n = 12_000
			e := Entry{Major: 1 << 63}
			for i := range n {
				e.Main, e.Value = uint64(i), make([]byte, rnd.IntN(90))
				if e.Major--; pushLast {
					e.Major += 2
				}
				w.models[0].list = append(w.models[0].list, e)
				w.f.Push(w.roots[0], pushLast, &e)
			}
			if !pushLast {
				slices.Reverse(w.models[0].list)
			}
			if got, want := w.f.Bytes(*w.roots[0]), int64(n*57); got > want {
				t.Errorf("push last %t: %d bytes, want at most %d", pushLast, got, want)
			}
			for len(w.models[0].list) > 0 {
				wrong := w.check() + w.models[0].differs(w.f, *w.roots[0])
				if wrong += w.queue(0, 1999, popLast, true, e); wrong != "" {
					t.Fatalf("push last %t, pop last %t: %s", pushLast, popLast, wrong)
				}
			}
			if wrong := w.finish(); wrong != "" {
				t.Error(wrong)
			}
		}
	}
}

// TestReleaseCostsTheDifference holds that a clone of a large tree of which little changed is not walked.
func TestReleaseCostsTheDifference(t *testing.T) {
	w := newWorld(false)
	w.add(Make(Scored), &model{layout: Scored})
	for i := range uint64(200_000) {
		w.f.Put(w.roots[0], &Entry{Major: i * 7, Name: []byte("member")})
	}
	before := w.f.leaves.Stats().Slots
	clone := w.f.Clone(*w.roots[0])
	for i := range uint64(10) {
		w.f.Put(w.roots[0], &Entry{Major: i * 100_000, Name: []byte("other")})
	}
	if more := w.f.leaves.Stats().Slots - before; more > 20 {
		t.Errorf("ten writes copied %d leaves", more)
	}
	allocs := testing.AllocsPerRun(1, func() { w.f.Release(&clone) })
	if wrong := w.check(); wrong != "" || allocs > 1 {
		t.Errorf("release: %s, %v allocations", wrong, allocs)
	}
	if wrong := w.finish(); wrong != "" {
		t.Error(wrong)
	}
}

// TestShrunkTreeIsSmall deletes nearly all of a large tree, of which a clone is held and must not notice.
func TestShrunkTreeIsSmall(t *testing.T) {
	const n, left = 100_000, 1000
	for name, l := range layouts {
		w := newWorld(false)
		w.add(Make(l), &model{layout: l})
		e := Entry{Name: []byte("n"), Value: []byte("0123456789")}
		for i := range uint64(n) {
			e.Major, e.Main = i, i
			w.f.Put(w.roots[0], &e)
			w.models[0].list = append(w.models[0].list, Entry{Major: i, Name: e.Name, Value: e.Value, Main: i})
			if l == Scored {
				w.models[0].list[i].Main = 0
			}
		}
		full := w.f.Bytes(*w.roots[0])
		w.add(w.f.Clone(*w.roots[0]), w.models[0])
		for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n)[left:] {
			w.f.Delete(w.roots[0], uint64(i), e.Name)
		}
		if got, most := w.f.Bytes(*w.roots[0]), full*left/n*2; got > most {
			t.Errorf("%s: %d of %d entries take %d bytes of %d, want at most %d", name, left, n, got, full, most)
		}
		if wrong := w.models[1].differs(w.f, *w.roots[1]); wrong != "" {
			t.Errorf("%s: the clone: %s", name, wrong)
		}
		if wrong := w.check(); wrong != "" {
			t.Errorf("%s: %s", name, wrong)
		}
		if wrong := w.finish(); wrong != "" {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// TestTakeFirstOfMany frees a tree of several levels in steps, beside a clone and once it is gone.
func TestTakeFirstOfMany(t *testing.T) {
	const n, step = 150_000, 17_777
	for _, held := range []bool{true, false} {
		w := newWorld(false)
		w.add(Make(Hashed), &model{layout: Hashed})
		e := Entry{Name: []byte("name"), Value: []byte("0123456789")}
		for i := range uint64(n) {
			e.Major = i
			w.f.Put(w.roots[0], &e)
		}
		if held {
			w.add(w.f.Clone(*w.roots[0]), nil)
		}
		for at := 0; at < n; at += step {
			if got := w.f.TakeFirst(w.roots[0], step, nil); got != min(step, n-at) {
				t.Fatalf("TakeFirst of %d = %d", n-at, got)
			}
			if e, ok := w.f.At(*w.roots[0], 0); ok && e.Major != uint64(at+step) {
				t.Fatalf("the first of the rest is %s, want %d", show(&e), at+step)
			}
			if wrong := w.check(); wrong != "" {
				t.Fatalf("%d taken: %s", at+step, wrong)
			}
		}
		if held {
			if e, _ := w.f.At(*w.roots[1], n-1); w.f.Len(*w.roots[1]) != n || e.Major != n-1 {
				t.Errorf("the clone has %d entries and ends with %s", w.f.Len(*w.roots[1]), show(&e))
			}
		}
		if wrong := w.finish(); wrong != "" {
			t.Error(wrong)
		}
	}
}

package slab

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func TestClassesCoverSizes(t *testing.T) {
	for n := 1; n <= classMax; n++ {
		c := classOf(n)
		if c >= classes || sizeOf(c) < n || c > 0 && sizeOf(c-1) >= n {
			t.Fatalf("size %d: class %d of %d bytes", n, c, sizeOf(c))
		}
		if sizeOf(c)-n > max(granule-1, n/steps) {
			t.Fatalf("size %d: class of %d wastes too much", n, sizeOf(c))
		}
	}
	if got := sizeOf(classes - 1); got != classMax {
		t.Fatalf("largest class is %d, want %d", got, classMax)
	}
}

// model keeps a stamp in every slot; slots that overlap destroy each other's.
type model struct {
	t    testing.TB
	a    *Arena
	refs []Ref
	lens []int
	mark []uint64
}

func (m *model) alloc(n int, stamp uint64) {
	n = max(n, 16)
	r := m.a.Alloc(n)
	b := m.a.Bytes(r, n)
	binary.LittleEndian.PutUint64(b, stamp)
	binary.LittleEndian.PutUint64(b[n-8:], stamp)
	m.refs, m.lens, m.mark = append(m.refs, r), append(m.lens, n), append(m.mark, stamp)
	if !m.a.Valid(r) {
		m.t.Fatalf("slot %#x is not valid", r)
	}
}

func (m *model) check(i int) {
	b := m.a.Bytes(m.refs[i], m.lens[i])
	head, tail := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[m.lens[i]-8:])
	if head != m.mark[i] || tail != m.mark[i] {
		m.t.Fatalf("slot %#x of %d bytes holds %x and %x, want %x", m.refs[i], m.lens[i], head, tail, m.mark[i])
	}
}

func (m *model) free(i int) {
	m.check(i)
	m.a.Free(m.refs[i])
	last := len(m.refs) - 1
	m.refs[i], m.lens[i], m.mark[i] = m.refs[last], m.lens[last], m.mark[last]
	m.refs, m.lens, m.mark = m.refs[:last], m.lens[:last], m.mark[:last]
}

func TestArenaAgainstStamps(t *testing.T) {
	for _, o := range []Options{{}, {Heap: true}, {Narrow: true}} {
		rnd := rand.New(rand.NewPCG(1, 2))
		m := &model{t: t, a: New(o)}
		for step := range 60_000 {
			if grow := step/15_000%2 == 0; len(m.refs) == 0 || rnd.IntN(10) < 5 == grow && rnd.IntN(10) < 8 || grow && rnd.IntN(4) > 0 {
				n := 1 + rnd.IntN(200)
				switch rnd.IntN(300) {
				case 0:
					n = rnd.IntN(200_000)
				case 1, 2, 3:
					n = rnd.IntN(5000)
				}
				m.alloc(n, rnd.Uint64())
			} else {
				m.free(rnd.IntN(len(m.refs)))
			}
		}
		var used int64
		for i := range m.refs {
			m.check(i)
			used += int64(Size(m.lens[i]))
		}
		if s := m.a.Stats(); s.Used != used || s.Slots != int64(len(m.refs)) || s.Mapped < s.Used {
			t.Fatalf("stats %+v, want %d bytes used in %d slots", s, used, len(m.refs))
		}
		for len(m.refs) > 0 {
			m.free(len(m.refs) - 1)
		}
		if s := m.a.Stats(); s.Used != 0 || s.Mapped > idleMax {
			t.Fatalf("empty arena still holds %+v", s)
		}
		m.a.Release()
	}
}

// TestEmptyChunks: of slots of every size next to nothing stays when they are freed, and a record that grows and shrinks does not
// give memory back with every step.
func TestEmptyChunks(t *testing.T) {
	a := New(Options{})
	defer a.Release()
	var refs []Ref
	for class := range classes {
		for range 2 * chunkSize / sizeOf(class) {
			refs = append(refs, a.Alloc(sizeOf(class)))
		}
	}
	if s := a.Stats(); s.Mapped < classes*chunkSize {
		t.Fatalf("%+v, want a chunk for each of %d classes", s, classes)
	}
	for _, r := range refs {
		a.Free(r)
	}
	if s := a.Stats(); s.Mapped > idleMax || s.Mapped != a.idle {
		t.Errorf("%d bytes stay, want at most %d; %d are noted", s.Mapped, idleMax, a.idle)
	}
	grow := func() {
		r := a.Alloc(1)
		for class := range fineMax / granule {
			next := a.Alloc(sizeOf(class))
			a.Free(r)
			r = next
		}
		a.Free(r)
	}
	grow()
	chunks := len(a.spare)
	if grow(); len(a.spare) != chunks {
		t.Errorf("%d chunks without memory, and %d when a record grew again", chunks, len(a.spare))
	}
}

func TestNextVisitsEverySlot(t *testing.T) {
	a := New(Options{})
	want := map[Ref]bool{}
	for i := range 50_000 {
		want[a.Alloc(16+i%3*64)] = true
	}
	n := 0
	for r := a.Next(0); r != 0; r = a.Next(r) {
		if !want[r] {
			t.Fatalf("slot %#x was never handed out", r)
		}
		n++
	}
	if n != len(want) {
		t.Fatalf("visited %d slots, want %d", n, len(want))
	}
	a.Release()
}

func FuzzArena(f *testing.F) {
	f.Add([]byte("\x10\x00\x40\x01\x00\x80"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		m := &model{t: t, a: New(Options{})}
		defer m.a.Release()
		for i := 0; i+2 < len(ops); i += 3 {
			n := int(ops[i])<<uint(ops[i+1]%10) + 1
			if ops[i+2]&1 == 0 || len(m.refs) == 0 {
				m.alloc(n, uint64(i)*0x9E3779B97F4A7C15)
			} else {
				m.free(n % len(m.refs))
			}
		}
		for i := range m.refs {
			m.check(i)
		}
	})
}

func BenchmarkAllocFree(b *testing.B) {
	a := New(Options{})
	defer a.Release()
	var refs [64]Ref
	for i := range b.N {
		if r := &refs[i%64]; *r != 0 {
			a.Free(*r)
			*r = 0
		}
		refs[i%64] = a.Alloc(64)
	}
}

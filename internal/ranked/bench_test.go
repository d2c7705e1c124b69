package ranked

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

const million = 1_000_000

// nth is the i-th of a million entries: its place is random, its name unique and ten bytes long.
func nth(e *Entry, i int) {
	x := uint64(i) * 0x9E3779B97F4A7C15
	x ^= x >> 29
	x *= 0xBF58476D1CE4E5B9
	e.Major = (x ^ x>>32) & (1<<40 - 1)
	e.Name = append(e.Name[:0], "name00"...)
	e.Name = binary.BigEndian.AppendUint32(e.Name, uint32(i))
	e.Main = uint64(i)
}

// fill is a tree of a million; perEntry is its memory as the arenas and the heap have it.
func fill(b *testing.B, l Layout) (w *world, r *Root) {
	w = newWorld(false)
	b.Cleanup(func() { w.finish() })
	w.add(Make(l), nil)
	r = w.roots[0]
	e := Entry{Value: []byte("0123456789")}
	if l == Scored {
		e.Value = nil
	}
	for i := range million {
		if l == Placed {
			e.Major, e.Main = 1<<63+uint64(i), uint64(i)
		} else {
			nth(&e, i)
		}
		w.f.Put(r, &e)
	}
	b.ResetTimer()
	return w, r
}

func BenchmarkFill(b *testing.B) {
	for name, l := range layouts {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := newWorld(false)
				w.add(Make(l), nil)
				r := w.roots[0]
				e := Entry{Value: []byte("0123456789")}
				if l == Scored {
					e.Value = nil
				}
				b.StartTimer()
				for i := range million {
					if l == Placed {
						e.Major, e.Main = 1<<63+uint64(i), uint64(i)
					} else {
						nth(&e, i)
					}
					w.f.Put(r, &e)
				}
				b.StopTimer()
				b.ReportMetric(float64(w.f.leaves.Stats().Mapped+w.f.Heap())/million, "B/entry")
				b.ReportMetric(float64(w.f.Bytes(*r))/million, "used/entry")
				w.finish()
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/million, "ns/entry")
		})
	}
}

func BenchmarkFind(b *testing.B) {
	for name, l := range map[string]Layout{"hashed": Hashed, "scored": Scored} {
		b.Run(name, func(b *testing.B) {
			w, r := fill(b, l)
			var e Entry
			b.ReportAllocs()
			for b.Loop() {
				nth(&e, rand.IntN(million))
				if _, ok := w.f.Find(*r, e.Major, e.Name); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

func BenchmarkPut(b *testing.B) {
	w, r := fill(b, Hashed)
	e := Entry{Value: []byte("9876543210")}
	b.ReportAllocs()
	for b.Loop() {
		nth(&e, rand.IntN(million))
		w.f.Put(r, &e)
	}
}

func BenchmarkDeletePut(b *testing.B) {
	w, r := fill(b, Hashed)
	e := Entry{Value: []byte("9876543210")}
	b.ReportAllocs()
	for b.Loop() {
		nth(&e, rand.IntN(million))
		w.f.Delete(r, e.Major, e.Name)
		w.f.Put(r, &e)
	}
}

func BenchmarkAtRank(b *testing.B) {
	for name, l := range map[string]Layout{"scored": Scored, "placed": Placed} {
		b.Run(name, func(b *testing.B) {
			w, r := fill(b, l)
			var e Entry
			b.Run("At", func(b *testing.B) {
				for b.Loop() {
					e, _ = w.f.At(*r, rand.IntN(million))
				}
			})
			b.Run("Rank", func(b *testing.B) {
				e = Entry{}
				for b.Loop() {
					i := rand.IntN(million)
					if l == Placed {
						e.Major = 1<<63 + uint64(i)
					} else {
						nth(&e, i)
					}
					w.f.Rank(*r, e.Major, e.Name)
				}
			})
		})
	}
}

// BenchmarkQueue appends and takes from the front.
func BenchmarkQueue(b *testing.B) {
	w, r := fill(b, Placed)
	e := Entry{Major: 1<<63 + million, Value: []byte("0123456789")}
	b.ReportAllocs()
	for b.Loop() {
		e.Major++
		e.Main++
		w.f.Put(r, &e)
		first, _ := w.f.At(*r, 0)
		w.f.Delete(r, first.Major, first.Name)
	}
}

func BenchmarkWalk(b *testing.B) {
	for name, l := range layouts {
		w, r := fill(b, l)
		for way, walk := range map[string]func(Root, int, func(*Entry) bool){"ascend": w.f.Ascend, "descend": w.f.Descend} {
			b.Run(name+", "+way, func(b *testing.B) {
				n := 0
				for b.Loop() {
					walk(*r, map[bool]int{true: million - 1}[way == "descend"], func(e *Entry) bool { n += len(e.Name); return true })
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/million, "ns/entry")
			})
		}
	}
}

// BenchmarkTen is a hash of ten fields.
func BenchmarkTen(b *testing.B) {
	w := newWorld(false)
	r := Make(Hashed)
	e := Entry{Value: []byte("0123456789")}
	for i := range 10 {
		nth(&e, i)
		w.f.Put(&r, &e)
	}
	b.Run("find", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			nth(&e, i%10)
			w.f.Find(r, e.Major, e.Name)
		}
		b.ReportMetric(float64(w.f.Bytes(r))/10, "B/entry")
	})
	b.Run("put", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			nth(&e, i%10)
			w.f.Put(&r, &e)
		}
	})
}

// BenchmarkEqualMajors finds among a million of one major, as a sorted set has whose scores are all alike.
func BenchmarkEqualMajors(b *testing.B) {
	w := newWorld(false)
	b.Cleanup(func() { w.finish() })
	w.add(Make(Scored), nil)
	var e Entry
	for i := range million {
		e.Name = fmt.Appendf(e.Name[:0], "member:%07d", i*7919%million)
		w.f.Put(w.roots[0], &e)
	}
	b.ReportMetric(float64(w.f.Bytes(*w.roots[0]))/million, "B/entry")
	for b.Loop() {
		e.Name = fmt.Appendf(e.Name[:0], "member:%07d", rand.IntN(million))
		w.f.Find(*w.roots[0], 0, e.Name)
	}
}

// BenchmarkWriteUnderClone is a write to a large tree of which a clone is held.
func BenchmarkWriteUnderClone(b *testing.B) {
	w, r := fill(b, Scored)
	var e Entry
	for b.Loop() {
		c := w.f.Clone(*r)
		nth(&e, rand.IntN(million))
		w.f.Put(r, &e)
		w.f.Release(&c)
	}
}

func BenchmarkTakeFirst(b *testing.B) {
	w, r := fill(b, Hashed)
	for b.Loop() {
		if w.f.Len(*r) == 0 {
			b.StopTimer()
			e := Entry{Value: []byte("0123456789")}
			for i := range million {
				nth(&e, i)
				w.f.Put(r, &e)
			}
			b.StartTimer()
		}
		w.f.TakeFirst(r, 1000, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/entry")
}

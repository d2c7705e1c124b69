//go:build linux

package mvcc

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"testing"
)

// A start with collections: the store is filled by transactions of ten elements, as HSET has them, or of a hundred.
// cpu-ns/record is the processor time of the whole process, reading and applying together.
var openShapes = []struct {
	name string
	make func(b *testing.B, s *Store, n int) // n elements
}{
	{"hashes", func(b *testing.B, s *Store, n int) {
		fillElements(b, s, Hash, n/10, 10, func(i int) []byte { return benchKey(nil, i) })
	}},
	{"hash", func(b *testing.B, s *Store, n int) { fillElements(b, s, Hash, n/100, 100, oneKey) }},
	{"zset", func(b *testing.B, s *Store, n int) { fillElements(b, s, ZSet, n/100, 100, oneKey) }},
	{"scattered", func(b *testing.B, s *Store, n int) {
		fillElements(b, s, Hash, n, 1, func(i int) []byte { return benchKey(nil, int(splitMix(uint64(i)+1)%uint64(n/10))) })
	}},
}

func oneKey(int) []byte { return []byte("k") }

// fillElements makes so many transactions, each of which adds elements to the collection of a key.
func fillElements(b *testing.B, s *Store, t Type, rounds, each int, key func(i int) []byte) {
	var batch *Batch
	value := []byte("0123456789abcdef")
	for i := range rounds {
		if i%100 == 0 {
			if batch != nil {
				commitBench(b, s, batch)
			}
			batch = s.Begin()
		}
		s.Lock()
		tx := batch.Tx()
		k := key(i)
		it, ok := tx.Lookup(1, k)
		if !ok {
			it = tx.Make(1, k, Attr{Type: t})
		}
		for j := range each {
			name := fmt.Appendf(nil, "f%d", i*each+j)
			if rounds > 1 && each == 10 {
				name = fmt.Appendf(nil, "field%d", j)
			}
			if t == ZSet {
				value = binary.BigEndian.AppendUint64(nil, ScoreMajor(float64(splitMix(uint64(i*each+j))%1_000_003)))
			}
			tx.PutElement(it.Ref, Element{Name: name, Value: value})
		}
		tx.Commit()
		s.Unlock()
	}
	commitBench(b, s, batch)
}

func commitBench(b *testing.B, s *Store, batch *Batch) {
	if err := batch.Commit(s.Applied() + 1); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkOpenCollections(b *testing.B) {
	for _, shape := range openShapes {
		for _, compacted := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s, compacted %t", shape.name, compacted), func(b *testing.B) {
				benchOpenCollections(b, 1_000_000, compacted, shape.make)
			})
		}
	}
}

func benchOpenCollections(b *testing.B, n int, compacted bool, fill func(*testing.B, *Store, int)) {
	dir := b.TempDir()
	s := openBench(b, dir)
	fill(b, s, n)
	if compacted {
		compactAll(b, s)
	}
	hash := s.contentForBench()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	var spent int64
	for b.Loop() {
		before := processCPU()
		s := openBench(b, dir)
		spent += processCPU() - before
		b.StopTimer()
		if got := s.contentForBench(); got != hash {
			b.Fatalf("content %x, was %x", got, hash)
		}
		b.ReportMetric(float64(s.IndexMemory())/float64(n), "B/record")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(spent)/float64(b.N)/float64(n), "cpu-ns/record")
}

func processCPU() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// contentForBench is the content hash of all there is.
func (s *Store) contentForBench() uint64 {
	h, err := s.Hasher(s.Revision())
	if err != nil {
		panic(err)
	}
	for done := false; !done; {
		if done, err = h.Step(1 << 20); err != nil {
			panic(err)
		}
	}
	return h.Sum()
}

func compactAll(b *testing.B, s *Store) {
	for first := true; first || s.pasts.len > 0; first = false {
		batch := s.Begin()
		s.Lock()
		tx := batch.Tx()
		if first {
			if err := tx.Compact(s.current); err != nil {
				b.Fatal(err)
			}
		}
		tx.CompactStep(10_000)
		tx.Commit()
		s.Unlock()
		commitBench(b, s, batch)
	}
}

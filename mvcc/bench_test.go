package mvcc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"
)

// benchKey is a 16-byte name; names come in no order of theirs.
func benchKey(buf []byte, i int) []byte {
	return fmt.Appendf(buf[:0], "key:%012d", splitMix(uint64(i))%1e12)
}

func openBench(b *testing.B, dir string) *Store {
	b.Helper()
	s, err := Open(Options{Dir: dir, Run: runBoth})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// runBoth is the edge's part: a goroutine for each job.
func runBoth(n int, job func(i int)) {
	var wg sync.WaitGroup
	limit := make(chan struct{}, 2)
	for i := range n {
		limit <- struct{}{}
		wg.Go(func() { job(i); <-limit })
	}
	wg.Wait()
}

// load puts n keys with values of 64 bytes.
func load(b *testing.B, s *Store, n int) {
	b.Helper()
	value, key := bytes.Repeat([]byte("v"), 64), make([]byte, 0, 16)
	for i := 0; i < n; {
		batch := s.Begin()
		s.Lock()
		for range min(1000, n-i) {
			tx := batch.Tx()
			tx.Put(1, benchKey(key, i), Attr{Type: String}, value)
			tx.Commit()
			i++
		}
		s.Unlock()
		if err := batch.Commit(uint64(i)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPutOverwrite(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s := openBench(b, b.TempDir())
			defer s.Close()
			load(b, s, n)
			overwrite(b, s, n)
		})
	}
}

// overwrite replaces values in batches of 50, compacting behind itself as a server does.
func overwrite(b *testing.B, s *Store, n int) {
	value, keys := bytes.Repeat([]byte("w"), 64), make([][]byte, n)
	for i := range keys {
		keys[i] = benchKey(nil, i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; {
		batch := s.Begin()
		s.Lock()
		for range min(50, b.N-i) {
			tx := batch.Tx()
			binary.LittleEndian.PutUint64(value, uint64(i))
			tx.Put(1, keys[splitMix(uint64(i))%uint64(n)], Attr{Type: String}, value)
			tx.Commit()
			i++
		}
		s.Unlock()
		if err := batch.Commit(s.Applied() + 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPutNew(b *testing.B) {
	s := openBench(b, b.TempDir())
	defer s.Close()
	b.ResetTimer()
	load(b, s, b.N)
}

func BenchmarkCompact(b *testing.B) {
	s := openBench(b, b.TempDir())
	defer s.Close()
	load(b, s, 100_000)
	b.StopTimer()
	n := b.N
	overwrite(b, s, 100_000)
	b.StartTimer()
	for n > 0 {
		batch := s.Begin()
		s.Lock()
		tx := batch.Tx()
		if s.compacted < s.current {
			tx.Compact(s.current)
		}
		n -= min(n, tx.CompactStep(1000))
		tx.Commit()
		s.Unlock()
		if err := batch.Commit(s.Applied() + 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s := openBench(b, b.TempDir())
			defer s.Close()
			load(b, s, n)
			keys := make([][]byte, 1<<16)
			for i := range keys {
				keys[i] = benchKey(nil, int(splitMix(uint64(i))%uint64(n)))
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				s.RLock()
				it, ok := s.View().Lookup(1, keys[i&(1<<16-1)])
				if !ok || len(it.Value) != 64 {
					b.Fatal(ok, it)
				}
				s.RUnlock()
			}
		})
	}
}

func BenchmarkOpen1M(b *testing.B) { benchOpen(b, 1_000_000) }

// BenchmarkOpenMany opens as many keys as REDOUBT_BENCH_KEYS says.
func BenchmarkOpenMany(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("REDOUBT_BENCH_KEYS"))
	if err != nil {
		b.Skip("REDOUBT_BENCH_KEYS names no number of keys")
	}
	benchOpen(b, n)
}

func benchOpen(b *testing.B, n int) {
	dir := os.Getenv("REDOUBT_BENCH_DIR") // kept, and used again by the next run
	if dir == "" {
		dir = b.TempDir()
	}
	s := openBench(b, dir)
	if s.Applied() == 0 {
		began := time.Now()
		load(b, s, n)
		b.Logf("loaded: %d ns a key, %s", time.Since(began).Nanoseconds()/int64(n), memoryPerKey(s, n))
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	debug.FreeOSMemory()
	for b.Loop() {
		s := openBench(b, dir)
		b.StopTimer()
		if got := s.View().Len(1); got < n*99/100 {
			b.Fatalf("%d keys", got)
		}
		b.Logf("opened: %s, %d MB on disk", memoryPerKey(s, n), s.DiskUsed()>>20)
		b.Logf("random look-up: %d ns", lookupTime(b, s, n))
		s.Close()
		b.StartTimer()
	}
}

// lookupTime is nanoseconds for a look-up of a key that is in no cache.
func lookupTime(b *testing.B, s *Store, n int) int64 {
	const rounds = 500_000
	key, began := make([]byte, 0, 16), time.Now()
	for i := range rounds {
		if _, ok := s.View().Lookup(1, benchKey(key, int(splitMix(uint64(i))%uint64(n)))); !ok {
			b.Fatal("a key is gone")
		}
	}
	return time.Since(began).Nanoseconds() / rounds
}

func memoryPerKey(s *Store, n int) string {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return fmt.Sprintf("bytes a key: %d resident, %d of Go's heap, %d of the index",
		resident()/n, int(m.HeapSys-m.HeapReleased)/n, int(s.IndexMemory())/n)
}

// resident is the process' resident memory, 0 where the system does not tell.
func resident() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * os.Getpagesize()
}

// BenchmarkReadRecord reads records by revision from their chunks, as cold values and the past are.
func BenchmarkReadRecord(b *testing.B) {
	const n = 100_000
	s := openBench(b, b.TempDir())
	defer s.Close()
	load(b, s, n)
	if err := s.Flush(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.readRecord(Revision{1 + splitMix(uint64(i))%n, 0}); err != nil {
			b.Fatal(err)
		}
	}
}

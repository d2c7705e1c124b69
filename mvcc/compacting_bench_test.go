//go:build unix

package mvcc

import (
	"bytes"
	"encoding/binary"
	"os"
	"strconv"
	"syscall"
	"testing"
)

// BenchmarkOverwriteCompacting overwrites keys at random as a server under pipelines does: in large batches, with a
// bounded history behind which compaction keeps up. Its cpu-ns/op is what to look at: it counts Pebble's own
// goroutines, and holds on a machine that does other things too.
func BenchmarkOverwriteCompacting(b *testing.B) {
	keys, history := benchNumber("REDOUBT_BENCH_KEYS", 100_000), benchNumber("REDOUBT_BENCH_HISTORY", 1_000_000)
	batch := benchNumber("REDOUBT_BENCH_BATCH", 512)
	s := openBench(b, b.TempDir())
	defer s.Close()
	load(b, s, keys)
	w := overwriter{s: s, batch: batch, history: uint64(history), value: bytes.Repeat([]byte("w"), 64)}
	for i := range keys {
		w.keys = append(w.keys, benchKey(nil, i))
	}
	w.run(b, history)
	b.ResetTimer()
	before := cpuNanos(b)
	w.run(b, b.N)
	b.ReportMetric(float64(cpuNanos(b)-before)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(s.DiskUsed())/(1<<20), "disk-MB")
}

type overwriter struct {
	s       *Store
	batch   int
	history uint64
	keys    [][]byte
	value   []byte
	turn    uint64
	owed    int
}

func (w *overwriter) run(b *testing.B, n int) {
	s := w.s
	for n > 0 {
		batch := s.Begin()
		s.Lock()
		for range min(w.batch, n) {
			tx := batch.Tx()
			binary.LittleEndian.PutUint64(w.value, w.turn)
			tx.Put(1, w.keys[splitMix(w.turn)%uint64(len(w.keys))], Attr{Type: String}, w.value)
			tx.Commit()
			w.turn++
			w.owed++
			n--
		}
		if w.owed >= 1024 && s.current > w.history {
			tx := batch.Tx()
			tx.Compact(s.current - w.history)
			tx.Commit()
			tx = batch.Tx()
			tx.CompactStep(2 * w.owed)
			tx.Commit()
			w.owed = 0
		}
		s.Unlock()
		if err := batch.Commit(s.Applied() + 1); err != nil {
			b.Fatal(err)
		}
	}
}

func benchNumber(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

func cpuNanos(b *testing.B) int64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return r.Utime.Nano() + r.Stime.Nano()
}

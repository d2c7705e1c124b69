//go:build linux

package sm

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// Benchmarks of commands on collections, as redis-benchmark sends them: what a request costs between the log and its
// reply, Pebble's memtable included. cpu-ns/op is the processor time of the thread that applies, which other work on the
// machine lengthens less than it does the time on the clock, mid-ns/op the same of the median batch, without the batches
// that met fresh memory or the collector, and low-ns/op that of the quickest tenth, which is what two builds on a busy machine can be
// compared by. SET stands beside the others to be compared with.

const (
	benchBatch = 500 // requests in an entry of what is there before
	benchKeys  = 100_000
)

// benchBatches are the requests in an entry of what is measured: those of 50 clients, and of 50 with 16 in flight.
var benchBatches = []int{50, 800}

// bench is a Machine on a disk, to which batches are applied.
type bench struct {
	b             *testing.B
	m             *Machine
	local         Local
	index, number uint64
	body, sealed  []byte
	count         int
	made          uint64 // names that were new
	digits        [12]byte
}

func newBench(b *testing.B) *bench {
	w := &bench{b: b, index: 1}
	w.m = New(Options{
		Table: command.NewTable(command.Families()...),
		Store: mvcc.Options{Seed: 1},
		Local: func(uint64, uint64, uint64) *Local { return &w.local },
	})
	if _, err := w.m.Open(b.TempDir()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { w.m.Close() })
	if err := w.m.Apply([]Entry{{Index: 1, Data: AppendIncarnate(nil, testNode, 1)}}); err != nil {
		b.Fatal(err)
	}
	return w
}

func (w *bench) add(args ...[]byte) {
	w.body = AppendCommand(w.body, 0, args)
	w.local.Ops = append(w.local.Ops, LocalOp{Kind: OpRequest, Proto: resp.RESP2})
	w.count++
}

func (w *bench) flush() {
	if w.count == 0 {
		return
	}
	w.index, w.number = w.index+1, w.number+1
	w.sealed = SealBatch(w.sealed[:0], Header{
		Node: testNode, Incarnation: 1, Number: w.number, Now: int64(w.number), Seed: w.number, Count: w.count,
	}, w.body)
	if err := w.m.Apply([]Entry{{Index: w.index, Data: w.sealed}}); err != nil {
		w.b.Fatal(err)
	}
	if i := slices.Index(w.local.Out, '-'); i == 0 {
		w.b.Fatalf("%q", w.local.Out[:min(len(w.local.Out), 200)])
	}
	w.body, w.count = w.body[:0], 0
	w.local.Reset()
}

// twelve is a number in twelve digits, as redis-benchmark has it behind key: and element:.
func (w *bench) twelve(prefix string, n uint64) []byte {
	for i := len(w.digits) - 1; i >= 0; i-- {
		w.digits[i] = '0' + byte(n%10)
		n /= 10
	}
	return append([]byte(prefix), w.digits[:]...)
}

// fill applies n commands that words makes.
func (w *bench) fill(n int, words func(i int) [][]byte) {
	for i := range n {
		if w.add(words(i)...); w.count == benchBatch {
			w.flush()
		}
	}
	w.flush()
}

func threadCPU() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}

// commands is what is measured. Random numbers are those of redis-benchmark's -r.
var benchCommands = []struct {
	name  string
	setup func(w *bench)
	words func(w *bench, n uint64) [][]byte
}{
	{"SET", nil, func(w *bench, n uint64) [][]byte {
		return [][]byte{[]byte("SET"), w.twelve("key:", n), benchValue}
	}},
	{"MSET", nil, func(w *bench, n uint64) [][]byte {
		args := [][]byte{[]byte("MSET")}
		for i := range uint64(10) {
			args = append(args, w.twelve("key:", (n*31+i*7919)%benchKeys), benchValue)
		}
		return args
	}},
	{"LPUSH", nil, func(w *bench, n uint64) [][]byte { return [][]byte{[]byte("LPUSH"), []byte("mylist"), benchValue} }},
	{"RPUSH", nil, func(w *bench, n uint64) [][]byte { return [][]byte{[]byte("RPUSH"), []byte("mylist"), benchValue} }},
	{"LPOP", fillList, func(w *bench, n uint64) [][]byte { return [][]byte{[]byte("LPOP"), []byte("mylist")} }},
	{"RPOP", fillList, func(w *bench, n uint64) [][]byte { return [][]byte{[]byte("RPOP"), []byte("mylist")} }},
	{"SADD", nil, func(w *bench, n uint64) [][]byte {
		return [][]byte{[]byte("SADD"), []byte("myset"), w.twelve("element:", n)}
	}},
	{"SADD, new", nil, func(w *bench, n uint64) [][]byte {
		w.made++
		return [][]byte{[]byte("SADD"), []byte("myset"), w.twelve("element:", w.made*7919%1_000_000_007)}
	}},
	{"HSET", nil, func(w *bench, n uint64) [][]byte {
		return [][]byte{[]byte("HSET"), []byte("myhash"), w.twelve("element:", n), benchValue}
	}},
	{"HSET, many", fillHashes, func(w *bench, n uint64) [][]byte {
		return [][]byte{[]byte("HSET"), w.twelve("key:", n), []byte("field3"), benchValue}
	}},
	{"SPOP", func(w *bench) {
		w.fill(w.b.N+1, func(i int) [][]byte {
			return [][]byte{[]byte("SADD"), []byte("myset"), w.twelve("element:", uint64(i))}
		})
	}, func(w *bench, n uint64) [][]byte { return [][]byte{[]byte("SPOP"), []byte("myset")} }},
	{"ZADD", nil, func(w *bench, n uint64) [][]byte {
		return [][]byte{[]byte("ZADD"), []byte("myzset"), strconv.AppendUint(nil, uint64(w.number)*7919%benchKeys+uint64(w.count), 10), w.twelve("element:", n)}
	}},
	{"ZPOPMIN", func(w *bench) {
		w.fill(w.b.N+1, func(i int) [][]byte {
			return [][]byte{[]byte("ZADD"), []byte("myzset"), strconv.AppendInt(nil, int64(i*7919%benchKeys), 10), w.twelve("element:", uint64(i))}
		})
	}, func(w *bench, n uint64) [][]byte { return [][]byte{[]byte("ZPOPMIN"), []byte("myzset")} }},
	{"queue of one", nil, func(w *bench, n uint64) [][]byte {
		if w.count%2 == 0 {
			return [][]byte{[]byte("LPUSH"), []byte("mylist"), benchValue}
		}
		return [][]byte{[]byte("RPOP"), []byte("mylist")}
	}},
}

var benchValue = []byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")

func fillList(w *bench) {
	w.fill(w.b.N+1, func(i int) [][]byte { return [][]byte{[]byte("LPUSH"), []byte("mylist"), benchValue} })
}

func fillHashes(w *bench) {
	w.fill(benchKeys, func(i int) [][]byte {
		args := [][]byte{[]byte("HSET"), w.twelve("key:", uint64(i))}
		for f := range 10 {
			args = append(args, fmt.Appendf(nil, "field%d", f), []byte("0123456789abcdef"))
		}
		return args
	})
}

func BenchmarkWrites(b *testing.B) {
	for _, c := range benchCommands {
		for _, batch := range benchBatches {
			b.Run(fmt.Sprintf("%s/batch=%d", c.name, batch), func(b *testing.B) {
				w := newBench(b)
				if c.setup != nil {
					c.setup(w)
				} else {
					w.fill(benchKeys, func(i int) [][]byte { return c.words(w, uint64(i)) })
				}
				w.measure(batch, c.words)
			})
		}
	}
}

// measure applies b.N of the commands that words makes, so many in an entry.
func (w *bench) measure(batch int, words func(w *bench, n uint64) [][]byte) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b, seed := w.b, uint64(1)
	var spent []int64 // by each batch
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		seed = seed*6364136223846793005 + 1442695040888963407
		w.add(words(w, seed>>33%benchKeys)...)
		if w.count == batch || i == b.N-1 {
			before := threadCPU()
			w.flush()
			spent = append(spent, threadCPU()-before)
		}
	}
	sum := int64(0)
	for _, n := range spent {
		sum += n
	}
	slices.Sort(spent)
	b.ReportMetric(float64(sum)/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(spent[len(spent)/2])/float64(min(batch, b.N)), "mid-ns/op")
	b.ReportMetric(float64(spent[len(spent)/10])/float64(min(batch, b.N)), "low-ns/op")
}

// benchReads is what is measured of large replies.
var benchReads = []struct {
	name  string
	fill  int
	words func(w *bench, i int) [][]byte
	read  []string
}{
	{"GET", 1, func(w *bench, i int) [][]byte { return [][]byte{[]byte("SET"), []byte("k"), benchValue} }, []string{"GET", "k"}},
	{"LRANGE_100", 1000, pushWords, []string{"LRANGE", "mylist", "0", "99"}},
	{"LRANGE_600", 1000, pushWords, []string{"LRANGE", "mylist", "0", "599"}},
	{"HGETALL 1000", 1000, func(w *bench, i int) [][]byte {
		return [][]byte{[]byte("HSET"), []byte("h"), w.twelve("field:", uint64(i)), []byte("0123456789abcdef")}
	}, []string{"HGETALL", "h"}},
	{"ZRANGE 10000", 10000, zaddWords, []string{"ZRANGE", "z", "0", "-1"}},
	{"ZRANGE 10000 WITHSCORES", 10000, zaddWords, []string{"ZRANGE", "z", "0", "-1", "WITHSCORES"}},
	{"SMEMBERS 10000", 10000, func(w *bench, i int) [][]byte {
		return [][]byte{[]byte("SADD"), []byte("s"), w.twelve("element:", uint64(i))}
	}, []string{"SMEMBERS", "s"}},
	{"ZRANK 1000000", 1_000_000, zaddWords, []string{"ZRANK", "z", "element:000000123456"}},
}

func pushWords(w *bench, i int) [][]byte {
	return [][]byte{[]byte("RPUSH"), []byte("mylist"), benchValue}
}

func zaddWords(w *bench, i int) [][]byte {
	return [][]byte{[]byte("ZADD"), []byte("z"), strconv.AppendInt(nil, int64(i*7919%1_000_003), 10), w.twelve("element:", uint64(i))}
}

func BenchmarkReads(b *testing.B) {
	for _, c := range benchReads {
		b.Run(c.name, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			w := newBench(b)
			w.fill(c.fill, func(i int) [][]byte { return c.words(w, i) })
			var args [][]byte
			for _, s := range c.read {
				args = append(args, []byte(s))
			}
			spec := w.m.o.Table.Lookup(args[0])
			var call command.ReadCall
			var out []byte
			space := w.m.Space()
			b.ReportAllocs()
			before := threadCPU()
			for b.Loop() {
				view := space.View(0, 1000, 1000, true)
				call.Reset(args, &view, resp.RESP2)
				out = w.m.RunRead(&call, spec).Append(out[:0], resp.RESP2)
			}
			if out[0] == '-' {
				b.Fatalf("%q", out)
			}
			b.ReportMetric(float64(threadCPU()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

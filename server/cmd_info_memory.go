package server

import (
	"fmt"
	"runtime/metrics"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/internal/malloc"
	"github.com/redoubt-db/redoubt/mvcc"
)

// memoryReport is what INFO memory, MEMORY STATS and MEMORY DOCTOR know.
type memoryReport struct {
	store   mvcc.MemoryStats
	data    mvcc.DataMemory
	heap    int64 // live and not yet collected objects of Go
	runtime int64 // all that Go has from the system: heap, stacks, its own
	native  int64 // what others than the store have from C's allocator: the Raft log
	spare   int64 // what C's allocator keeps free
	used    int64 // store, heap and native
	peak    int64 // of used, as far as anybody asked
	rss     int64 // as the kernel counts
	program int64 // of rss: pages of the program's file
	total   int64 // memory of the machine
	keys    int64
}

// memoryPeak is the most memory that any report has found.
type memoryPeak struct{ atomic.Int64 }

func (p *memoryPeak) raise(n int64) int64 {
	for {
		old := p.Load()
		if n <= old || p.CompareAndSwap(old, n) {
			return max(n, old)
		}
	}
}

func (srv *Server) memoryReport() (r memoryReport) {
	if srv.machine.RLock() {
		space := srv.machine.Space()
		r.store, r.data = space.Store.MemoryUsed(), space.Store.DataMemory()
		view := space.Store.View()
		for _, db := range view.Databases() {
			r.keys += int64(view.Len(view.Keyspace(db.Database)))
		}
	}
	srv.machine.RUnlock()
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	r.heap = int64(samples[0].Value.Uint64())
	r.runtime = int64(samples[1].Value.Uint64() - samples[2].Value.Uint64())
	r.countNative(malloc.InUse())
	r.used = r.store.Total - r.store.Heap + r.heap + r.native
	r.peak = srv.peak.raise(r.used)
	r.rss, r.program = residentBytes()
	r.total = systemMemory()
	return r
}

// countNative takes in what C's allocator knows. Where it knows nothing, Pebble's memory is on Go's heap.
func (r *memoryReport) countNative(c malloc.Stats) {
	if c.Used == 0 {
		r.store.Heap += r.store.Engine
		return
	}
	r.native, r.spare = max(0, c.Used-r.store.Engine-r.store.Reserved), c.Free
}

// named is all that is accounted for. It may be a little more than what is resident.
func (r *memoryReport) named() int64 {
	return r.store.Total - r.store.Heap + r.runtime + r.native + r.spare + r.program
}

// dataset is the live keys with their elements and those of their values that are in memory.
func (r *memoryReport) dataset() int64 { return r.store.Records + r.store.Values + r.store.Elements }

// overhead is all else: index, history, engine and Go's own heap.
func (r *memoryReport) overhead() int64 { return r.used - r.dataset() }

func infoMemory(srv *Server, w *infoWriter) {
	r := srv.memoryReport()
	w.size("used_memory", r.used)
	w.size("used_memory_rss", r.rss)
	w.size("used_memory_peak", r.peak)
	w.field("used_memory_peak_perc", percent(r.used, r.peak))
	w.field("used_memory_overhead", r.overhead())
	w.field("used_memory_startup", 0)
	w.field("used_memory_dataset", r.dataset())
	w.field("used_memory_dataset_perc", percent(r.dataset(), r.used))
	w.field("used_memory_history", r.store.History)
	w.field("used_memory_index", r.store.Tree+r.store.Table)
	w.field("used_memory_slack", r.store.Slack)
	w.field("used_memory_engine", r.store.Engine)
	w.field("used_memory_raft_log", r.native)
	w.field("used_memory_go_heap", r.heap)
	w.field("used_memory_go_total", r.runtime)
	w.field("allocator_allocated", r.used)
	w.field("allocator_active", r.named()-r.program)
	w.field("allocator_resident", r.rss)
	w.size("total_system_memory", r.total)
	w.size("used_memory_lua", 0)
	w.size("used_memory_scripts", 0)
	w.field("number_of_cached_scripts", 0)
	w.field("number_of_functions", 0)
	w.field("number_of_libraries", 0)
	w.size("maxmemory", srv.conf.Bytes("maxmemory"))
	w.field("maxmemory_policy", srv.conf.String("maxmemory-policy"))
	w.field("mem_not_counted_for_evict", r.used-r.data.Used)
	w.field("mem_fragmentation_ratio", fmt.Sprintf("%.2f", ratio(r.rss, r.used)))
	w.field("mem_fragmentation_bytes", r.rss-r.used)
	w.field("mem_clients_slaves", 0)
	w.field("mem_clients_normal", srv.clientMemory.bytes())
	w.field("mem_cluster_links", 0)
	w.field("mem_aof_buffer", 0)
	w.field("mem_allocator", "go")
	w.field("active_defrag_running", 0)
	w.field("lazyfree_pending_objects", 0)
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func percent(a, b int64) string { return fmt.Sprintf("%.2f%%", 100*ratio(a, b)) }

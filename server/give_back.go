package server

import (
	"runtime/debug"
	"runtime/metrics"

	"github.com/redoubt-db/redoubt/internal/malloc"
)

// The collector lets the heap grow to twice of what is alive, and what the system gave for it is given back slowly, down to a tenth above what
// the next collection may need. That room is for those who allocate; a server whose clients are quiet is left with the room of its
// busiest second, which was 16 MiB after a load of a million items, more than half of what Go had. So it is given back
// once nobody allocates. A lower GOGC would give less, and cost processor time where there is work.
const (
	calmBytes   = 1 << 20 // allocated in a second, at most, to count as quiet
	calmSeconds = 5
	giveBackMin = 4 << 20 // less is not worth a collection ...
	giveBackOf  = 4       // and neither is less than a quarter of what is alive, as a collection walks through that
)

// goHeap is what the runtime says of its heap, in bytes.
type goHeap struct {
	allocated uint64 // since the start
	objects   uint64 // alive, and dead ones that were not collected yet
	live      uint64 // of them, found alive by the last collection
	free      uint64 // from the system and in no use
}

func readGoHeap() goHeap {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(samples)
	return goHeap{samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64(), samples[3].Value.Uint64()}
}

// spare is about what a collection would find to give back.
func (h goHeap) spare() uint64 { return h.free + h.objects - min(h.objects, h.live) }

// calm counts the quiet seconds of the allocator. It belongs to the chore that asks it every second.
type calm struct {
	allocated uint64 // when it was last asked
	seconds   int
}

// over tells, once in a while, that it is time to give back.
func (c *calm) over(h goHeap) bool {
	quiet := h.allocated-c.allocated <= calmBytes
	c.allocated = h.allocated
	if c.seconds++; !quiet {
		c.seconds = 0
	}
	if c.seconds < calmSeconds || h.spare() < max(giveBackMin, h.live/giveBackOf) {
		return false
	}
	c.seconds = 0
	return true
}

// giveBack returns free memory to the system.
func giveBack() {
	debug.FreeOSMemory()
	malloc.Trim()
}

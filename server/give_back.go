package server

import (
	"runtime/debug"
	"runtime/metrics"

	"github.com/redoubt-db/redoubt/internal/image"
	"github.com/redoubt-db/redoubt/internal/malloc"
)

// The collector lets the heap grow to twice of what is alive, and what the system gave for it is given back slowly, down to a tenth above what
// the next collection may need. That room is for those who allocate; a server whose clients are quiet is left with the room of its
// busiest second, which was 16 MiB after a load of a million items, more than half of what Go had. So it is given back
// once nobody allocates. A lower GOGC would give less, and cost processor time where there is work.
//
// So are the memtables, which were another 16 MiB, and tables of the program that a start or a load has touched, which were eight: smaller
// memtables of 4 or 2 MiB would cost a tenth more processor time of a write.
const (
	calmBytes   = 1 << 20 // allocated in a second, at most, to count as quiet
	calmSeconds = 5
	giveBackMin = 4 << 20 // less is not worth a collection, or a flush ...
	giveBackOf  = 4       // and of Go's heap neither is less than a quarter of what is alive, as a collection walks through that
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

// spare is what there is to give back. The zero value is nothing; with anything, the pages of the program go too.
type spare struct {
	heap    bool // Go's
	engine  bool // memtables
	program bool
}

// calm counts the quiet seconds of the allocator. It belongs to the chore that asks it every second.
type calm struct {
	allocated uint64 // when it was last asked
	seconds   int
	rested    bool // since the last second of work something was given back
}

// over tells, once in a while, that it is time to give something back. engine is what was written to memtables since that was done.
func (c *calm) over(h goHeap, engine int64) (s spare) {
	quiet := h.allocated-c.allocated <= calmBytes
	c.allocated = h.allocated
	if c.seconds++; !quiet {
		c.seconds, c.rested = 0, false
	}
	if c.seconds < calmSeconds {
		return spare{}
	}
	s = spare{heap: h.spare() >= max(giveBackMin, h.live/giveBackOf), engine: engine >= giveBackMin}
	if s.program = s.heap || s.engine || !c.rested; s.program {
		c.seconds, c.rested = 0, true
	}
	return s
}

// giveBackWhenCalm leaves a server that nobody asks anything with the memory that it needs. It has a goroutine of its own, since
// a flush waits for the disk.
func (c *chores) giveBackWhenCalm() {
	s := c.calm.over(readGoHeap(), c.srv.machine.Touched())
	if s == (spare{}) || c.giving.Swap(true) {
		return
	}
	c.done.Go(func() {
		defer c.giving.Store(false)
		c.srv.giveBack(s, c.ended)
	})
}

// giveBack returns to the system what is free. The engine comes first, since its flush leaves garbage, and the program last, as all of that is
// done by it.
func (srv *Server) giveBack(s spare, stop <-chan struct{}) {
	if s.engine {
		if err := srv.machine.GiveBack(stop); err != nil {
			srv.log.Debug("memtables were not given back", "err", err) // a snapshot is loaded, or the server ends
		}
	}
	if s.heap {
		debug.FreeOSMemory()
	}
	malloc.Trim()
	image.GiveBack()
}

// Package procs gives Go's scheduler as many processors as the present load makes good use of: all, or one.
//
// A server of many clients with one small request each does little for each wake-up of a thread, and with more than one
// processor Go's scheduler wakes a thread for nearly everything that becomes ready, whether or not that thread will find
// anything by the time it runs. With one, whoever became ready runs next, on the same thread and in a warm cache. Where
// requests come in pipelines, there is enough to do for another processor to take a part. Which it is can be seen by how
// many requests a read of a socket brings, or a message where a member of a group has none of its own; whether that holds is tried now and then.
// ADR 16 and 24 have the figures.
package procs

import (
	"runtime"
	"sync"
	"time"
)

const (
	windowTime = 20 * time.Millisecond
	idleTime   = 100 * time.Millisecond // a window without load worth it
)

// Tuner sets GOMAXPROCS for the whole process; there is one in a program. The methods of nil do nothing.
type Tuner struct {
	set   func(processors int)
	all   int
	stop  chan struct{}
	ended chan struct{}

	mu       sync.Mutex // held while the world stops
	one      bool       // the decider's wish
	heavy    int        // pieces of work under way that need all
	wasHeavy bool       // at any time since the last window
	now      int        // processors that are set
}

// New has all processors stay until Start. Of one there is nothing to choose: New returns nil then.
func New() *Tuner {
	all := runtime.GOMAXPROCS(0)
	if all == 1 {
		return nil
	}
	return newTuner(func(n int) { runtime.GOMAXPROCS(n) }, all)
}

func newTuner(set func(int), all int) *Tuner {
	return &Tuner{set: set, all: all, now: all, stop: make(chan struct{}), ended: make(chan struct{})}
}

// Counts is what a program has done so far.
type Counts struct {
	Answered int64 // requests
	Reads    int64 // of sockets, which brought them
	Messages int64 // from the others of its group
	Applied  int64 // requests that they or the node itself had put into the log
}

// Start has the scheduler given what counts tells to be best, until Stop.
func (t *Tuner) Start(counts func() Counts) {
	if t != nil {
		go t.run(counts)
	}
}

// Heavy says that work begins or ends which would hold others up if there were one processor: a compaction, a long read. Who does
// the work calls it, from any goroutine. It blocks while the world stops, some tens of microseconds, and while a cycle of the
// garbage collector ends, but only if there is one processor.
func (t *Tuner) Heavy(begins bool) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wasHeavy = true // what comes in small pieces keeps all until a window has passed without any
	if begins {
		t.heavy++
		t.adjust()
	} else {
		t.heavy--
	}
}

// Stop gives all processors back and returns when nothing more is set. It follows Start.
func (t *Tuner) Stop() {
	if t == nil {
		return
	}
	close(t.stop)
	<-t.ended
}

func (t *Tuner) run(counts func() Counts) {
	defer close(t.ended)
	var d decider
	timer := time.NewTimer(windowTime)
	before, began := counts(), time.Now()
	for {
		select {
		case <-timer.C:
		case <-t.stop:
			t.wish(false)
			return
		}
		after, now := counts(), time.Now()
		// As many as there would have been in time: a timer may be late, with one processor more than with all.
		share := float64(windowTime) / float64(max(now.Sub(began), 1))
		since := func(after, before int64) int64 { return int64(float64(after-before) * share) }
		l := load{
			answered: since(after.Answered, before.Answered),
			reads:    since(after.Reads, before.Reads),
			messages: since(after.Messages, before.Messages),
			applied:  since(after.Applied, before.Applied),
			heavy:    t.hadHeavy(),
		}
		before, began = after, now
		t.wish(d.window(l))
		if d == (decider{}) {
			timer.Reset(idleTime)
		} else {
			timer.Reset(windowTime)
		}
	}
}

func (t *Tuner) hadHeavy() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	had := t.wasHeavy || t.heavy > 0
	t.wasHeavy = false
	return had
}

func (t *Tuner) wish(one bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.one = one
	t.adjust()
}

// adjust needs mu.
func (t *Tuner) adjust() {
	n := t.all
	if t.one && t.heavy == 0 {
		n = 1
	}
	if n != t.now {
		t.now = n
		t.set(n)
	}
}

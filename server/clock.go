package server

import (
	"sync/atomic"
	"time"
)

// slewPerSecond is how far log time is moved towards wall time per second: slow enough that no deadline
// notices, fast enough that an hour's error is gone in six weeks.
const slewPerSecond = int64(time.Millisecond)

// clock is this node's estimate of log time: what the log said last, plus monotonic time since. The wall
// clock is looked at when the process starts, and then only slewed towards, so a clock that jumps neither
// ends a key early nor brings one back.
type clock struct {
	wall   func() time.Time
	start  time.Time    // its monotonic part counts
	live   atomic.Bool  // the estimate goes on from a group at work, and not from what was on disk at start
	offset atomic.Int64 // nanoseconds: estimate = monotonic + offset. Invariant: moves back slower than time goes on
}

func newClock(wall func() time.Time) *clock {
	if wall == nil {
		wall = time.Now
	}
	return &clock{start: time.Now(), wall: wall}
}

// mono is nanoseconds since the process started.
func (c *clock) mono() int64 { return int64(time.Since(c.start)) }

// estimate is log time as this node sees it, in milliseconds since the Unix epoch.
func (c *clock) estimate() int64 { return c.nanos() / int64(time.Millisecond) }

// nanos is estimate in nanoseconds.
func (c *clock) nanos() int64 { return c.mono() + c.offset.Load() }

// observe takes log time from an applied entry, in milliseconds: it may only push forward.
func (c *clock) observe(logTime int64) { c.push(logTime * int64(time.Millisecond)) }

// push moves the estimate forward to a time in nanoseconds.
func (c *clock) push(to int64) {
	atLeast := to - c.mono()
	for {
		old := c.offset.Load()
		if atLeast <= old || c.offset.CompareAndSwap(old, atLeast) {
			return
		}
	}
}

// slew moves the estimate towards wall time by what the time since the last call allows.
func (c *clock) slew(wall time.Time, since time.Duration) {
	allowed := int64(since.Seconds() * float64(slewPerSecond))
	gap := wall.UnixNano() - c.nanos()
	c.offset.Add(max(-allowed, min(allowed, gap)))
}

package replica

import "time"

// Defaults of gathering.
const (
	defaultGatherFraction = 1
	defaultGatherMax      = time.Millisecond
	besideFraction        = 1  // at most, where the log is synced beside: see longest
	gatherLeast           = 8  // requests; fewer clients are not worth a wait of any of them
	gatherSkipMax         = 64 // batches without gathering after it kept failing
)

// Gather makes batches larger when clients wait for one reply before they send
// the next request.
//
//	50 such clients; a batch of 25 settles; 25 requests of the others wait.
//	Proposed at once, those make a batch of 25, and so on for ever: each batch
//	waits for half of the clients. Held back for the few microseconds in which
//	the first 25 send their next requests, it is a batch of 50, and the price of
//	a commit is shared by twice as many.
//
// How long is bounded by a fraction of what a commit takes, and a hold that does
// not pay is not tried again for a while.
type Gather struct {
	Fraction float64       // of the measured time of a commit; negative: never hold
	Max      time.Duration // and never longer than this
}

// gatherer decides when the open batch is large enough. It is guarded by its
// batcher's mu.
type gatherer struct {
	Gather
	commit   time.Duration // moving average
	beside   bool          // the log is synced beside
	expected int           // requests that should be in the open batch soon
	until    time.Duration // but do not wait longer
	armed    bool
	timer    *time.Timer
	skip     int // settled batches until the next attempt
	misses   int
}

func (g *gatherer) init(o Gather, wake func()) {
	g.Gather = o
	orElse(&g.Fraction, defaultGatherFraction)
	orElse(&g.Max, defaultGatherMax)
	if g.Fraction > 0 {
		g.timer = time.AfterFunc(time.Hour, wake)
		g.timer.Stop()
	}
}

// measure hears what a commit took.
func (g *gatherer) measure(commit time.Duration) { g.commit += (commit - g.commit) / 8 }

// settled starts to gather: the clients of n requests have their replies now,
// and open requests of others are waiting.
func (g *gatherer) settled(n, open int, now time.Duration) {
	g.expected = 0
	if g.Fraction <= 0 {
		return
	}
	if g.skip > 0 {
		g.skip--
		return
	}
	if n+open < gatherLeast {
		return
	}
	g.expected = n + open - (n+open)/8
	g.until = now + min(g.Max, g.longest())
	g.armed = false
}

// longest is how long a hold may be. Where the log is synced beside, requests that are sent without those of the others are on their way to
// the disk while those are read: a hold that is longer than a commit has nothing to win.
func (g *gatherer) longest() time.Duration {
	fraction := g.Fraction
	if g.beside {
		fraction = min(fraction, besideFraction)
	}
	return time.Duration(float64(g.commit) * fraction)
}

// enough reports whether a batch of that many requests should go; if not, it
// sees to it that the question is asked again in time.
func (g *gatherer) enough(requests int, now time.Duration) bool {
	switch {
	case g.expected == 0:
		return true
	case requests >= g.expected:
		g.misses = 0
		g.expected = 0
		return true
	case now >= g.until:
		g.misses = min(g.misses+1, 6)
		g.skip = min(1<<g.misses, gatherSkipMax)
		g.expected = 0
		return true
	}
	if !g.armed {
		g.armed = true
		g.timer.Reset(g.until - now)
	}
	return false
}

func (g *gatherer) stop() {
	if g.timer != nil {
		g.timer.Stop()
	}
}

package procs

import "slices"

// How a decider tries. A window is one count of answers, windowTime long.
const (
	answersLeast = 100 // in a window; below that nothing is to be gained
	fewMost      = 3   // requests that come at once on average, for one processor to be expected to do
	messageWorth = 10  // answers: what a message of Raft is to who answers none, or few
	batchMost    = 32  // requests that a message brings who only follows: there are two to a batch
	armWindows   = 5   // that a trial stays with one processor, or with all; the first of them is for threads to settle
	trialWindows = 4 * armWindows
	perChoice    = 2 * (armWindows - 1) // windows of a trial that count for one choice
	gainLeast    = 1.1                  // of what is not expected over what is, to choose it
	restFirst    = 50                   // windows until the first trial of a kind of load, and from one that was a surprise to the next
	restMost     = 1000                 // and when there has been none for long
	strangeMost  = 3                    // windows in a row that are of another kind, until that is believed
)

// load is what a window saw.
type load struct {
	answered int64 // requests
	reads    int64 // of sockets, which brought them
	messages int64 // from others of the group
	applied  int64 // requests, of the log
	heavy    bool  // something needed all processors
}

// done is what a window is measured by: answers, or what a node does for those of others.
func (l load) done() int64 {
	if l.follows() {
		return messageWorth * l.messages
	}
	return l.answered
}

// follows tells that what there is to do comes from other members.
func (l load) follows() bool { return l.answered < answersLeast }

// expects tells what is known of such a load without trying it. A request that comes alone costs a read and a write of its socket, several times
// what applying it takes: those are made by the one thread of the event loop whatever happens, so there is
// little for others to take over, and waking them costs more. Of sixteen that come at once the loop has the smaller part. Who only follows
// has the same with what a message brings.
func (l load) expects() (one bool) {
	if l.follows() {
		return l.applied < batchMost*l.messages
	}
	return l.answered < fewMost*l.reads
}

// decider chooses between one processor and all of them: by the kind of load, and by trials, which are noisy and thus have to
// show a difference. It knows nothing but counts, so that it can be tested without a clock.
type decider struct {
	kind    bool // what was expected when the choice was made
	one     bool // the choice
	trying  bool
	n       int                 // windows of the trial so far
	counts  [2][perChoice]int64 // done in those that count: with all, with one
	counted [2]int
	rest    int // windows between trials
	left    int // of rest
	strange int
}

// window takes what the window that has just ended saw, and returns whether the next one is to be with one processor.
func (d *decider) window(l load) (one bool) {
	switch {
	case l.heavy: // tells nothing
		return false
	case l.done() < answersLeast:
		*d = decider{}
		return false
	case d.rest == 0:
		d.begin(l.expects())
	case d.kind != l.expects():
		if d.strange++; d.strange >= strangeMost {
			d.begin(l.expects())
		}
	case d.trying:
		d.strange = 0
		d.try(l.done())
	default:
		d.strange = 0
		if d.left--; d.left <= 0 {
			d.trying, d.n, d.counted = true, 0, [2]int{}
		}
	}
	return d.next()
}

func (d *decider) begin(kind bool) {
	*d = decider{kind: kind, one: kind, rest: restFirst, left: restFirst}
}

// next is what the next window is with. A trial goes A B B A, A being the choice so far, so that load which only grows or falls
// favours neither.
func (d *decider) next() bool {
	if !d.trying {
		return d.one
	}
	arm := d.n / armWindows
	return d.one != (arm == 1 || arm == 2)
}

func (d *decider) try(done int64) {
	if d.n%armWindows > 0 {
		choice := 0
		if d.next() {
			choice = 1
		}
		d.counts[choice][d.counted[choice]] = done
		d.counted[choice]++
	}
	if d.n++; d.n < trialWindows {
		return
	}
	d.trying = false
	choice := d.judge(median(d.counts[0]), median(d.counts[1]))
	if choice != d.one {
		d.rest = restFirst
	} else {
		d.rest = min(2*d.rest, restMost)
	}
	d.one, d.left = choice, d.rest
}

func (d *decider) judge(all, one float64) bool {
	if d.kind {
		return all <= gainLeast*one
	}
	return one > gainLeast*all
}

// median is what a window without a hiccup of the disk brings.
func median(counts [perChoice]int64) float64 {
	slices.Sort(counts[:])
	return float64(counts[perChoice/2-1]+counts[perChoice/2]) / 2
}

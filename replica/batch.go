package replica

import "time"

// Header is what the batcher knows of a batch. It is part of the entry's bytes,
// which Options.Seal builds.
type Header struct {
	Node        uint64 // id of the node that proposes
	Incarnation uint64 // of that node, issued through the log
	Number      uint64 // of the batch in its incarnation, from 1 without a gap
	Now         int64  // proposer's estimate of log time, in milliseconds
	Seed        uint64 // all the chance there is when the batch is applied
	Count       int    // requests in the body
}

// Batch is what one entry of the log will carry. Between Open and Done the
// caller appends to it.
type Batch[L any] struct {
	Body     []byte // requests, encoded
	Requests int    // how many
	// Riders counts what waits beside them for its place in the log and has no bytes there: reads and ready replies behind a write that was in
	// flight when they came. That write may be all there was, so a batch of riders alone is proposed as well.
	Riders int
	Local  L // what this node keeps beside them, such as where the replies go

	attempts
	header  Header
	entry   []byte        // sealed bytes; they do not change while Raft may have them
	sealed  bool          // header and entry are valid
	opened  time.Duration // when its first request or rider came
	sent    time.Duration // when it was first proposed
	pinned  bool          // being applied: only Applied settles it now
	settled bool
	ended   func(error) // hears the fate of each attempt; made once per object
}

// attempts is the account of proposing the same bytes, perhaps more than once.
type attempts struct {
	outstanding int           // proposals whose fate is not known yet
	uncertain   bool          // at least one ended without telling its fate
	again       bool          // propose at once, whatever is outstanding
	term        uint64        // of the leader that the last proposal was meant for
	retryAt     time.Duration // not before, unless again
}

func (a *attempts) due(now time.Duration) bool {
	return a.again || a.outstanding == 0 && now >= a.retryAt
}

// begin accounts for one more proposal.
func (a *attempts) begin(term uint64) {
	a.outstanding++
	a.again = false
	a.term = term
}

// end accounts for the fate of one, after which the next may be made at retryAt.
func (a *attempts) end(err error, retryAt time.Duration) {
	a.outstanding--
	a.retryAt = retryAt
	if err == ErrUnknown {
		a.uncertain = true
	}
}

// void forgets what was proposed: the log has made sure that none of it counts.
func (a *attempts) void() { a.uncertain, a.again, a.retryAt = false, true, 0 }

// verdict is the answer to clients whose batch is given up.
func (a *attempts) verdict() error {
	if a.uncertain || a.outstanding > 0 {
		return ErrUnknown
	}
	return ErrNotApplied
}

// empty says that nobody waits for the batch.
func (b *Batch[L]) empty() bool { return b.Requests == 0 && b.Riders == 0 }

// reset empties a batch for its next use.
func (b *Batch[L]) reset() {
	var none L
	if cap(b.Body) > bufferKeepMax {
		b.Body, b.entry = nil, nil
	}
	b.Body, b.entry = b.Body[:0], b.entry[:0]
	b.Requests, b.Riders, b.Local, b.header = 0, 0, none, Header{}
	b.attempts = attempts{}
	b.sealed, b.pinned, b.settled = false, false, false
	b.opened, b.sent = 0, 0
}

package replica

import (
	"slices"
	"time"
)

// This file is the inner life of a Batcher: what is proposed when, and when it
// is given up. Its functions need mu unless they say otherwise.

// pump proposes all that may be proposed now. It lets mu go while it seals and
// proposes; whoever changes something meanwhile need not pump, as we look again.
func (b *Batcher[L]) pump() {
	if b.pumping {
		return
	}
	b.pumping = true
	for !b.closed && b.leader.Known && b.pumpOne() {
	}
	b.pumping = false
}

func (b *Batcher[L]) pumpOne() bool {
	if b.allUnderWay() {
		return false
	}
	now := b.clock()
	if b.claim.wanted {
		if !b.claim.due(now) {
			return false
		}
		b.claim.begin(b.leader.Term)
		entry, ended := b.claim.entry, b.claimEnded(b.claim.nonce)
		b.mu.Unlock()
		b.to.propose(entry, attemptTimeout, ended)
		b.mu.Lock()
		return true
	}
	next := b.next(now)
	if next == nil {
		return false
	}
	b.send(next)
	return true
}

// allUnderWay is the common case, found without a look at the clock: the window is
// full of batches whose proposals are pending.
func (b *Batcher[L]) allUnderWay() bool {
	if b.claim.wanted || len(b.flight) < b.window() {
		return false
	}
	for _, f := range b.flight {
		if f.again || f.outstanding == 0 && !f.pinned {
			return false
		}
	}
	return true
}

// window is how many batches may be in flight now.
func (b *Batcher[L]) window() int {
	if len(b.waiting) > 0 && b.o.Overlap > 0 || b.large(b.open.Requests) {
		return b.o.Window + 1
	}
	return b.o.Window
}

// large tells whether so many requests are worth a commit.
func (b *Batcher[L]) large(requests int) bool { return b.o.Overlap > 0 && requests >= b.o.Overlap }

// next returns the batch to propose: the oldest one in flight that needs it,
// else a new one if the window allows.
func (b *Batcher[L]) next(now time.Duration) *Batch[L] {
	for _, f := range b.flight {
		if !f.pinned && f.due(now) {
			return f
		}
	}
	if len(b.flight) >= b.window() || b.to.writing() {
		return nil
	}
	var next *Batch[L]
	switch {
	case len(b.waiting) > 0:
		next = b.waiting[0]
		b.waiting = slices.Delete(b.waiting, 0, 1)
	case !b.open.empty() && b.gather.enough(b.open.Requests, now):
		next = b.open
		b.open = b.fresh()
	default:
		return nil
	}
	next.sent = now
	b.flight = append(b.flight, next)
	return next
}

// send proposes a batch that is in flight, sealing it first if need be. Only one
// goroutine at a time is here, so that batches reach Raft in order, and so that
// entry is touched by one goroutine though mu is not held.
func (b *Batcher[L]) send(f *Batch[L]) {
	seal := !f.sealed
	if !seal {
		b.counts.Again++
	} else {
		b.number++
		f.header = Header{
			Node: b.to.ID(), Incarnation: b.incarnation, Number: b.number,
			Now: b.o.Now(), Seed: b.o.Seed(), Count: f.Requests,
		}
		f.sealed = true
	}
	f.begin(b.leader.Term)
	header := f.header
	b.to.gathered(f.Requests)
	b.mu.Unlock()
	if seal {
		f.entry = b.o.Seal(f.entry[:0], header, f.Body)
	}
	b.to.propose(f.entry, attemptTimeout, f.ended)
	b.mu.Lock()
}

// attemptEnded hears of one proposal of f. That Raft applied it means little: see
// Batcher. It takes mu.
func (b *Batcher[L]) attemptEnded(f *Batch[L], err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f.end(err, b.clock()+retryDelay)
	b.recycle(f)
}

// claimEnded is attemptEnded for the claim of a nonce. What it returns takes mu.
func (b *Batcher[L]) claimEnded(nonce uint64) func(error) {
	return func(err error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.claim.nonce == nonce {
			b.claim.end(err, b.clock()+retryDelay)
		}
	}
}

// wantIncarnation starts a claim; nothing else is proposed until it is granted.
func (b *Batcher[L]) wantIncarnation() {
	nonce := b.o.Seed()
	for nonce == 0 || nonce == b.claim.nonce {
		nonce = b.o.Seed()
	}
	b.claim = claim{wanted: true, nonce: nonce, entry: b.o.Incarnate(b.to.ID(), nonce)}
}

// voidFlight puts what is in flight back to the front of what waits: the log has
// just made sure that it will not be applied as it was proposed.
func (b *Batcher[L]) voidFlight() {
	kept := b.flight[:0]
	var void []*Batch[L]
	for _, f := range b.flight {
		if f.pinned {
			kept = append(kept, f)
			continue
		}
		f.void()
		f.sealed = false
		void = append(void, f)
	}
	b.flight = kept
	b.waiting = append(void, b.waiting...)
}

// leaderChanged proposes again at once what an earlier leader may have lost. It
// takes mu.
func (b *Batcher[L]) leaderChanged(l Leader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leader = l
	if !l.Known {
		return
	}
	for _, f := range b.flight {
		f.again = f.again || f.term != l.Term
		f.retryAt = 0
	}
	b.claim.again = b.claim.again || b.claim.term != l.Term
	b.claim.retryAt = 0
	b.pump()
}

// leaderAtStart is for the leader known before leaderChanged was listening,
// unless that has been told of a later one already. It takes mu.
func (b *Batcher[L]) leaderAtStart(l Leader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.leader == (Leader{}) {
		b.leader = l
		b.pump()
	}
}

// run is the batcher's clock; it ends with Close. It takes mu.
func (b *Batcher[L]) run() {
	tick := time.NewTicker(batcherTick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.tick()
		case <-b.stop:
			return
		}
	}
}

// tick gives up what is too old and proposes again what is due. It takes mu.
func (b *Batcher[L]) tick() {
	behind := b.to.behind()
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	now := b.clock()
	flying := len(b.flight)
	given := b.give(func(x *Batch[L]) bool { return now-x.opened > b.o.WriteTimeout })
	if len(b.flight) < flying && !b.claim.wanted {
		b.wantIncarnation() // there is a hole in the numbers now
	}
	b.pump()
	b.busy.Store(len(b.waiting) >= b.o.WaitingMax || behind >= b.o.BehindMax)
	b.mu.Unlock()
	b.settleAll(given)
}

// wakeUp is the gatherer's timer. It takes mu.
func (b *Batcher[L]) wakeUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pump()
}

// give takes out the batches that are to be given up, save those being applied.
func (b *Batcher[L]) give(up func(*Batch[L]) bool) []*Batch[L] {
	var given []*Batch[L]
	take := func(x *Batch[L]) bool {
		if x.pinned || x.empty() || !up(x) {
			return false
		}
		given = append(given, x)
		return true
	}
	b.flight = slices.DeleteFunc(b.flight, take)
	b.waiting = slices.DeleteFunc(b.waiting, take)
	if take(b.open) {
		b.open = b.fresh()
	}
	return given
}

// settleAll tells the verdict of batches given up. It takes mu.
func (b *Batcher[L]) settleAll(given []*Batch[L]) {
	for _, x := range given {
		b.mu.Lock()
		b.counts.GivenUp++
		verdict := x.verdict()
		b.mu.Unlock()
		b.settle(x, verdict)
	}
}

// settle tells the fate of a batch that is in none of the lists any more. It
// takes mu.
func (b *Batcher[L]) settle(x *Batch[L], err error) {
	b.o.Settled(x, err)
	b.mu.Lock()
	defer b.mu.Unlock()
	x.settled = true
	b.recycle(x)
	if b.idle != nil && b.empty() {
		for _, done := range b.idle {
			close(done)
		}
		b.idle = nil
	}
}

func (b *Batcher[L]) empty() bool {
	return len(b.flight) == 0 && len(b.waiting) == 0 && b.open.empty()
}

// recycle keeps a batch for its next use, once nobody can mention it any more.
func (b *Batcher[L]) recycle(x *Batch[L]) {
	if !x.settled || x.outstanding > 0 || len(b.free) >= freeMax {
		return
	}
	x.reset()
	b.free = append(b.free, x)
}

// fresh returns an empty batch.
func (b *Batcher[L]) fresh() *Batch[L] {
	var x *Batch[L]
	if n := len(b.free); n > 0 {
		x = b.free[n-1]
		b.free = b.free[:n-1]
	} else {
		x = &Batch[L]{}
		x.ended = func(err error) { b.attemptEnded(x, err) }
	}
	x.Local = b.o.NewLocal()
	return x
}

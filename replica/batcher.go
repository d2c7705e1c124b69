package replica

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults and limits of batches.
const (
	defaultWindow       = 1
	defaultBatchBytes   = 1 << 20
	defaultRequests     = 4096
	defaultOverlap      = 256
	defaultWriteTimeout = 10 * time.Second
	defaultWaiting      = 256  // of full batches: a quarter of a gigabyte
	defaultBehind       = 5000 // entries: seconds of applying

	attemptTimeout = 2 * time.Second       // after which a proposal counts as lost
	retryDelay     = 10 * time.Millisecond // between two proposals of the same bytes
	batcherTick    = 10 * time.Millisecond
	bufferKeepMax  = 4 << 20 // larger buffers are not kept for the next batch
	freeMax        = 8       // batches kept for reuse
)

// Errors that settle a batch.
var (
	// ErrNotApplied: the batch was never proposed, or all its proposals definitely
	// failed. It will never be applied.
	ErrNotApplied = errors.New("replica: batch not applied")
	// ErrReplyLost: the batch was applied, but this node received its effect inside
	// a snapshot, so nobody knows the replies.
	ErrReplyLost = errors.New("replica: batch applied, replies lost in a snapshot")
)

// BatcherOptions tell a Batcher what it does not know. Seal, Incarnate, Now, Seed
// and Settled have no defaults.
type BatcherOptions[L any] struct {
	Window int // batches in flight. More than one makes smaller batches, hence less
	// Overlap is the number of requests from which an open batch is worth a commit of its own: it is then
	// not held for more (see Gather), and one batch more than Window may be in flight, so that the disk
	// writes it while the machine applies the one before. Negative: never.
	Overlap     int
	MaxBytes    int // of a body, save a single larger request (see OpenFor)
	MaxRequests int

	// Seal appends the bytes of an entry to dst: the header in the machine's
	// encoding, then the body.
	Seal func(dst []byte, h Header, body []byte) []byte
	// Incarnate returns the bytes of an entry that asks the machine for a new
	// incarnation of node. The machine's owner passes the answer to Incarnated.
	Incarnate func(node, nonce uint64) []byte
	Now       func() int64  // the edge's estimate of log time, in milliseconds
	Seed      func() uint64 // the edge's chance
	NewLocal  func() L      // makes Local of a fresh batch; zero by default
	// Settled is called once per batch when its fate is known: nil (applied; its
	// replies are in Local), ErrNotApplied, ErrUnknown or ErrReplyLost. It is
	// called from the goroutine that applies or one of the batcher's, must not
	// block, and must not keep the batch.
	Settled func(b *Batch[L], err error)

	WriteTimeout time.Duration // from a batch's first request to the end of trying
	Gather       Gather

	WaitingMax int    // batches that wait, from which Busy says so
	BehindMax  uint64 // entries of the log that this node has and has not applied, likewise
}

// Batcher gathers the requests of all connections into batches while earlier
// batches are in flight. One batch is one entry of the log.
//
// A batch is proposed until its fate is known, each time with the same bytes.
// The machine keeps a receipt per node, (incarnation, number of the last batch),
// and applies only the next number of the newest incarnation; so proposing twice
// is harmless, and what tells a batch's fate is the machine, by InFlight and
// Applied, never Raft: an entry that Raft calls applied may have been refused.
//
//	batches 7 and 8 are proposed; the leader dies; 7 is lost, 8 gets through:
//	8 is refused (7 is missing), then 7 and 8 are proposed again and applied.
//
// When a batch is given up (WriteTimeout) its number leaves a hole, so a new
// incarnation is asked for. Once the log has issued that, nothing of the old one
// can be applied any more: what was in flight is void, and what of it still has
// time is sealed and proposed anew.
type Batcher[L any] struct {
	o     BatcherOptions[L]
	to    proposer
	clock func() time.Duration // monotonic

	// mu is held between Open and Done, and is the innermost lock of the program:
	// nothing is called with it held but Seal's siblings Now, Seed and NewLocal.
	mu      sync.Mutex
	open    *Batch[L]
	waiting []*Batch[L] // full or void, in order, not in flight
	flight  []*Batch[L] // in order of their numbers
	free    []*Batch[L]
	pumping bool // some goroutine is in pump, and will look again
	closed  bool

	incarnation uint64 // 0: not known
	number      uint64 // of the batch sealed last
	claim       claim
	leader      Leader

	gather gatherer
	held   struct { // what was applied by the batches that Synced has yet to hear of
		requests int
		sent     time.Duration // when the last of them was
		beside   bool          // the log was being synced when they were applied
	}
	counts Counts
	busy   atomic.Bool
	ready  chan struct{} // closed with the first incarnation
	idle   []chan struct{}
	stop   chan struct{}
	ticker sync.WaitGroup
}

// claim is the wish for an incarnation, until it is granted.
type claim struct {
	attempts
	wanted bool
	nonce  uint64
	entry  []byte
}

// proposer is what a batcher needs of a replica; tests lose and duplicate here.
type proposer interface {
	ID() uint64
	Leader() Leader
	onLeader(func(Leader))
	behind() uint64
	writing() bool         // a sync is under way beside apply, so that what is proposed would wait
	unsettled() bool       // it is, or may be, of what was applied: replies are withheld
	gathered(requests int) // are in what is proposed next
	propose(data []byte, timeout time.Duration, done func(error))
}

// NewBatcher starts a batcher over r. It asks for an incarnation at once, and
// proposes the first batch when it has one.
func NewBatcher[L any](r *Replica, o BatcherOptions[L]) *Batcher[L] {
	start := time.Now()
	b := newBatcher(r, o, func() time.Duration { return time.Since(start) + 1 })
	b.ticker.Go(b.run)
	return b
}

func newBatcher[L any](to proposer, o BatcherOptions[L], clock func() time.Duration) *Batcher[L] {
	orElse(&o.Window, defaultWindow)
	orElse(&o.Overlap, defaultOverlap)
	orElse(&o.MaxBytes, defaultBatchBytes)
	orElse(&o.MaxRequests, defaultRequests)
	orElse(&o.WriteTimeout, defaultWriteTimeout)
	orElse(&o.WaitingMax, defaultWaiting)
	orElse(&o.BehindMax, defaultBehind)
	if o.NewLocal == nil {
		o.NewLocal = func() (none L) { return none }
	}
	b := &Batcher[L]{o: o, to: to, clock: clock, ready: make(chan struct{}), stop: make(chan struct{})}
	b.gather.init(o.Gather, b.wakeUp)
	b.mu.Lock()
	b.open = b.fresh()
	b.wantIncarnation()
	b.mu.Unlock()
	to.onLeader(b.leaderChanged)
	b.leaderAtStart(to.Leader())
	return b
}

// Open locks the batcher and returns the batch that requests are appended to
// now. The caller appends whole requests, counts them, and calls Done soon.
func (b *Batcher[L]) Open() *Batch[L] { return b.OpenFor(0) }

// SetWriteTimeout changes Options' for batches that are under way as well.
func (b *Batcher[L]) SetWriteTimeout(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.o.WriteTimeout = d
}

// OpenFor is Open for a caller that is about to append size bytes: a batch that
// they would make too large is left as it is and a fresh one opened.
func (b *Batcher[L]) OpenFor(size int) *Batch[L] {
	b.mu.Lock()
	o := b.open
	full := o.Requests >= b.o.MaxRequests || len(o.Body) >= b.o.MaxBytes || len(o.Body)+size > b.o.MaxBytes
	if full && !o.empty() {
		b.waiting = append(b.waiting, o)
		b.open = b.fresh()
	}
	return b.open
}

// Done unlocks, and proposes what may be proposed.
func (b *Batcher[L]) Done() {
	if !b.open.empty() && b.open.opened == 0 {
		b.open.opened = b.clock()
	}
	if b.closed {
		b.close()
		return
	}
	b.pump()
	b.mu.Unlock()
}

// InFlight returns Local of a batch of this node that is being applied, for the
// machine to put the replies into, and pins it: it will be settled by Applied
// alone. It reports false for a batch that nobody waits for, such as one of an
// earlier life of this node. Only the goroutine that applies may call it, and it
// must call Applied before the end of that batch.
func (b *Batcher[L]) InFlight(incarnation, number uint64) (L, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.flight {
		if f.header.Incarnation == incarnation && f.header.Number == number {
			f.pinned = true
			return f.Local, true
		}
	}
	var none L
	return none, false
}

// Applied settles the batch that InFlight found, and proposes the next one
// before anybody is told.
func (b *Batcher[L]) Applied(number uint64) {
	b.mu.Lock()
	i := slices.IndexFunc(b.flight, func(f *Batch[L]) bool { return f.pinned && f.header.Number == number })
	if i < 0 {
		b.mu.Unlock()
		return
	}
	f := b.flight[i]
	b.flight = slices.Delete(b.flight, i, i+1)
	b.counts.Batches++
	b.counts.Requests += uint64(f.Requests)
	b.held.requests += f.Requests
	b.held.sent, b.held.beside = f.sent, b.to.unsettled()
	if !b.held.beside {
		b.answered()
	}
	b.pump()
	b.mu.Unlock()
	b.settle(f, nil)
}

// Synced tells that a sync of Raft's log has ended which was under way beside apply. While one is, replies are withheld and
// nothing new is proposed: it could not be written before, and has more company later.
func (b *Batcher[L]) Synced() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held.requests > 0 && !b.to.unsettled() {
		b.answered()
	}
	b.pump()
}

// answered has the gatherer expect the next requests of those who have their replies now. It needs mu.
func (b *Batcher[L]) answered() {
	n, now := b.held.requests, b.clock()
	b.held.requests = 0
	b.gather.measure(now - b.held.sent)
	if len(b.waiting) == 0 && !b.large(n+b.open.Requests) {
		b.gather.beside = b.held.beside
		b.gather.settled(n, b.open.Requests, now)
	}
}

// Incarnated tells what the machine answered to an entry of Options.Incarnate.
// Only the goroutine that applies may call it, in the place of that entry.
func (b *Batcher[L]) Incarnated(nonce, incarnation uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case nonce != b.claim.nonce && !b.claim.wanted:
		// It was asked for long ago, perhaps by an earlier life of this node, and voids the present one.
		b.wantIncarnation()
		b.pump()
		return
	case nonce != b.claim.nonce || incarnation == b.incarnation:
		return
	}
	first := b.incarnation == 0 && !stopped(b.ready)
	b.incarnation, b.number = incarnation, 0
	b.claim.wanted = false
	b.voidFlight()
	if first {
		close(b.ready)
	}
	b.pump()
}

// Recovered tells that the machine's state was replaced by a snapshot in which
// the receipt of this node is (incarnation, number).
//
//	(1, 7) is in flight, the snapshot has (1, 7): it was applied, and the replies are lost
//	(1, 7) is in flight, the snapshot has (1, 6): it may be yet
//	(1, 7) is in flight, the snapshot has (2, 0): nobody can tell, so it must not be proposed in another incarnation
func (b *Batcher[L]) Recovered(incarnation, number uint64) {
	b.mu.Lock()
	var ended []*Batch[L]
	var fates []error
	b.flight = slices.DeleteFunc(b.flight, func(f *Batch[L]) bool {
		var fate error
		switch {
		case f.header.Incarnation != incarnation && f.verdict() == ErrUnknown:
			fate = ErrUnknown
		case f.header.Incarnation == incarnation && f.header.Number <= number:
			fate = ErrReplyLost
		default:
			return false
		}
		ended, fates = append(ended, f), append(fates, fate)
		return true
	})
	if b.incarnation != incarnation && !b.claim.wanted {
		b.wantIncarnation()
	}
	b.pump()
	b.mu.Unlock()
	for i, f := range ended {
		b.settle(f, fates[i])
	}
}

// Ready is closed once the first incarnation is known: the group has a leader
// and this node has applied what was committed before that.
func (b *Batcher[L]) Ready() <-chan struct{} { return b.ready }

// Backlog returns how many requests wait or are in flight, and their bytes. A
// server that may not block refuses writes above some measure.
func (b *Batcher[L]) Backlog() (requests, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, list := range [][]*Batch[L]{b.flight, b.waiting, {b.open}} {
		for _, x := range list {
			requests += x.Requests
			bytes += len(x.Body)
		}
	}
	return requests, bytes
}

// Busy tells that writes should be refused: so much waits here, or is in the log and not applied yet, that one more
// would hardly be answered in time. It is looked at at each tick.
func (b *Batcher[L]) Busy() bool { return b.busy.Load() }

// Counts are what a batcher did since it was made.
type Counts struct {
	Batches, Requests uint64        // applied
	Again             uint64        // proposals of bytes proposed before
	GivenUp           uint64        // batches settled with ErrUnknown or ErrNotApplied
	Incarnation       uint64        // the present one
	Commit            time.Duration // moving average from proposal to applied
}

// Counts returns the counts.
func (b *Batcher[L]) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.counts
	c.Incarnation, c.Commit = b.incarnation, b.gather.commit
	return c
}

// Drain returns when nothing waits or is in flight any more, or with ctx's error.
func (b *Batcher[L]) Drain(ctx context.Context) error {
	b.mu.Lock()
	if b.empty() {
		b.mu.Unlock()
		return nil
	}
	done := make(chan struct{})
	b.idle = append(b.idle, done)
	b.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close stops proposing and settles everything. Close the batcher before the
// replica.
func (b *Batcher[L]) Close() {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.closed = true
	b.gather.stop()
	close(b.stop)
	b.close()
	b.ticker.Wait()
}

// close settles everything but what is being applied. It takes mu and lets it go.
func (b *Batcher[L]) close() {
	given := b.give(func(*Batch[L]) bool { return true })
	b.mu.Unlock()
	b.settleAll(given)
}

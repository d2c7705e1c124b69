package replica

import (
	"errors"
	"time"

	"github.com/lni/dragonboat/v4"
)

// readAttempt is how long a read waits before it is asked for again. A follower
// passes reads on to the leader in messages that nobody repeats when they are lost.
const readAttempt = time.Second

// errAgain: the read was turned away and has to be asked for again.
var errAgain = errors.New("replica: read turned away")

// read waits until this node may read.
type read struct {
	state    *dragonboat.RequestState // nil: refused, to be asked again
	leader   *Leader                  // when it was asked
	asked    time.Time                // zero until the first look at the clock, which most never need
	deadline time.Time                // likewise
	done     func(error)
}

// ReadIndex calls done(nil) when this node has applied everything that was
// committed anywhere when ReadIndex was called, so that what is read from the
// local machine afterwards is linearizable. done is called exactly once, from
// another goroutine or before ReadIndex returns; it must not block. It gets
// ErrNoQuorum if that took longer than Options.ReadTimeout, ErrClosed at the end.
//
// It costs a trip to Raft's goroutine and back, whatever the number of reads
// that wait for it: one call per turn of an event loop is the intended use.
func (r *Replica) ReadIndex(done func(error)) {
	if r.ReadsAtOnce() {
		done(nil)
		return
	}
	item := read{leader: r.leader.Load(), done: done}
	item.state, _ = r.askIndex() // refused: awaitReads asks again
	if !r.reads.push(item) {
		done(ErrClosed)
	}
}

// askIndex does not use INodeUser's ReadIndex: that forgets to wake Raft's
// goroutine, so that a read would wait for the next tick.
func (r *Replica) askIndex() (*dragonboat.RequestState, error) {
	r.calls.RLock()
	defer r.calls.RUnlock()
	if r.calls.closed {
		return nil, ErrClosed
	}
	return r.nodeHost.ReadIndex(shardID, r.opts.ReadTimeout)
}

// awaitReads answers reads in the order they were asked. One that was turned
// away, since there was no leader, joins the others of that kind: they are asked
// for again together, which is as good, as a later index covers an earlier call.
func (r *Replica) awaitReads() {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var items, again []read
	for {
		clear(items)
		items = r.reads.take(items[:0])
		for i := range items {
			item := &items[i]
			if err := r.readable(item, poll.C); err == errAgain {
				again = append(again, *item)
			} else {
				r.silence.read(err)
				item.done(err)
			}
		}
		if len(items) > 0 && len(again) == 0 {
			continue
		}
		var retry <-chan time.Time
		if len(again) > 0 {
			retry = poll.C
		}
		select {
		case <-r.reads.wake:
		case <-retry:
			again = r.readAgain(again, poll.C)
		case <-r.stop:
			for _, item := range append(again, r.reads.close()...) {
				item.done(ErrClosed)
			}
			return
		}
	}
}

// readable waits until this node may read, by our own clock: dragonboat's stands
// still while the goroutine that drives it waits for the disk.
func (r *Replica) readable(item *read, poll <-chan time.Time) error {
	if item.state == nil {
		return errAgain
	}
	for {
		select {
		case result := <-item.state.AppliedC():
			return readOutcome(item.state, result)
		default:
		}
		select {
		case result := <-item.state.AppliedC():
			return readOutcome(item.state, result)
		case <-poll:
			now := time.Now() // a ticker that nobody read for long gives an old time
			if r.tooLate(item, now) {
				return ErrNoQuorum // the state is dragonboat's to finish, so it is not released
			}
			if r.lost(item, now) {
				return errAgain // likewise
			}
		case <-r.stop:
			return ErrClosed
		}
	}
}

// tooLate sets an item's deadline the first time, which is pollEvery late at most.
func (r *Replica) tooLate(item *read, now time.Time) bool {
	if item.deadline.IsZero() {
		item.deadline = now.Add(r.opts.ReadTimeout)
	}
	return now.After(item.deadline)
}

// lost reports whether an answer is not to be expected any more.
func (r *Replica) lost(item *read, now time.Time) bool {
	if item.asked.IsZero() {
		item.asked = now
	}
	return now.Sub(item.asked) > readAttempt || item.leader != r.leader.Load()
}

func readOutcome(state *dragonboat.RequestState, result dragonboat.RequestResult) error {
	state.Release()
	if !result.Completed() {
		return errAgain
	}
	return nil
}

// readAgain asks once more for reads that were turned away, all at once, and
// returns those that were turned away again.
func (r *Replica) readAgain(again []read, poll <-chan time.Time) []read {
	kept := again[:0]
	for _, item := range again {
		if r.tooLate(&item, time.Now()) {
			item.done(ErrNoQuorum)
		} else {
			kept = append(kept, item)
		}
	}
	clear(again[len(kept):])
	if len(kept) == 0 {
		return kept
	}
	all := read{leader: r.leader.Load(), deadline: kept[0].deadline}
	all.state, _ = r.askIndex()
	err := r.readable(&all, poll)
	if err == errAgain || err == ErrNoQuorum {
		return kept // those that are late are told so the next time
	}
	for _, item := range kept {
		item.done(err)
	}
	return kept[:0]
}

package replica

import (
	"errors"
	"time"

	"github.com/lni/dragonboat/v4"
)

// errAgain: the read was turned away and has to be asked for again.
var errAgain = errors.New("replica: read turned away")

// read waits until this node may read.
type read struct {
	state    *dragonboat.RequestState // nil: refused, to be asked again
	deadline time.Time
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
	item := read{deadline: time.Now().Add(r.opts.ReadTimeout), done: done}
	item.state, _ = r.user.ReadIndex(r.opts.ReadTimeout) // refused: awaitReads asks again
	if !r.reads.push(item) {
		done(ErrClosed)
	}
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
		for _, item := range items {
			if err := r.readable(item.state, item.deadline, poll.C); err == errAgain {
				again = append(again, item)
			} else {
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
func (r *Replica) readable(state *dragonboat.RequestState, deadline time.Time, poll <-chan time.Time) error {
	if state == nil {
		return errAgain
	}
	for {
		select {
		case result := <-state.AppliedC():
			return readOutcome(state, result)
		default:
		}
		select {
		case result := <-state.AppliedC():
			return readOutcome(state, result)
		case <-poll:
			if time.Now().After(deadline) {
				return ErrNoQuorum // the state is dragonboat's to finish, so it is not released
			}
		case <-r.stop:
			return ErrClosed
		}
	}
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
	state, _ := r.user.ReadIndex(r.opts.ReadTimeout)
	err := r.readable(state, again[0].deadline, poll)
	now := time.Now()
	kept := again[:0]
	for _, item := range again {
		switch {
		case err == nil || err == ErrClosed:
			item.done(err)
		case now.After(item.deadline):
			item.done(ErrNoQuorum)
		default:
			kept = append(kept, item)
		}
	}
	clear(again[len(kept):])
	return kept
}

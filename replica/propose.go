package replica

import (
	"errors"
	"time"

	"github.com/lni/dragonboat/v4"
)

// proposal waits for the fate of what was handed to Raft.
type proposal struct {
	state    *dragonboat.RequestState
	deadline time.Time
	done     func(error)
}

// propose is the only place of the program that proposes. It hands data to Raft
// once, copying it, and does not block. done is called exactly once, perhaps
// before propose returns: with nil when the entry was applied on this node,
// ErrDropped when it was not and never will be, ErrUnknown otherwise.
func (r *Replica) propose(data []byte, timeout time.Duration, done func(error)) {
	state, err := r.handOver(data, timeout)
	if err != nil {
		done(r.refused(err))
		return
	}
	// dragonboat counts its timeouts in ticks of the goroutine that also waits for
	// the disk, so ours is the one that can be relied upon.
	if !r.proposals.push(proposal{state: state, deadline: time.Now().Add(timeout), done: done}) {
		done(ErrUnknown)
	}
}

func (r *Replica) handOver(data []byte, timeout time.Duration) (*dragonboat.RequestState, error) {
	r.calls.RLock()
	defer r.calls.RUnlock()
	if r.calls.closed {
		return nil, ErrClosed
	}
	session := r.sessions[r.session.Add(1)%sessionCount]
	return r.user.Propose(session, data, max(timeout, 2*r.opts.Tick))
}

// refused translates an error of handing over an entry, all of which are definite.
func (r *Replica) refused(err error) error {
	if errors.Is(err, dragonboat.ErrSystemBusy) {
		r.log.Debug("raft is busy", "err", err)
	}
	return ErrDropped
}

// awaitProposals tells the fate of proposals in the order they were made, which
// is also the order in which they are applied or dropped, so that one that is
// lost holds up the others' news, never the others.
func (r *Replica) awaitProposals() {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var items []proposal
	for {
		clear(items)
		items = r.proposals.take(items[:0])
		for _, p := range items {
			p.done(r.fate(p, poll.C))
		}
		if len(items) > 0 {
			continue
		}
		select {
		case <-r.proposals.wake:
		case <-r.stop:
			for _, p := range r.proposals.close() {
				p.done(r.fate(p, poll.C))
			}
			return
		}
	}
}

// fate waits for what became of p.
func (r *Replica) fate(p proposal, poll <-chan time.Time) error {
	for {
		select {
		case result := <-p.state.AppliedC():
			return outcome(p.state, result)
		default:
		}
		select {
		case result := <-p.state.AppliedC():
			return outcome(p.state, result)
		case <-poll:
			if time.Now().After(p.deadline) {
				return ErrUnknown // the state is dragonboat's to finish, so it is not released
			}
		case <-r.stop:
			return ErrUnknown
		}
	}
}

func outcome(state *dragonboat.RequestState, result dragonboat.RequestResult) error {
	state.Release()
	switch {
	case result.Completed():
		return nil
	case result.Dropped():
		return ErrDropped
	default:
		return ErrUnknown
	}
}

package server

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/replica"
)

// What a new leader does before any other chore of its own: it makes log time go on, and gives shared leases their
// full time again, as their holders could not reach a leader meanwhile.
const (
	leasesPerEntry = 500
	clockVotersMax = 2 * time.Second // how long a leader that was not there before asks the others for the time
	clockKnownMax  = 5 * time.Second // how long a start waits for somebody who knows the time
	clockLookEvery = 20 * time.Millisecond
)

// handOverMax bounds how long a leader that ends waits for another to take its place.
const handOverMax = 300 * time.Millisecond

// handOver gives the leadership to the voter that was heard of lately and had applied the most: the others are spared
// an election, and a member that is not there is not asked.
func (srv *Server) handOver() {
	if !srv.leads() {
		return
	}
	var next uint64
	var most uint64
	for _, voter := range srv.replica.Membership().Voters {
		if h, ok := srv.peers.news(voter); ok && voter != srv.replica.ID() && h.applied >= most {
			next, most = voter, h.applied
		}
	}
	if next == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), handOverMax)
	defer cancel()
	if err := srv.replica.Transfer(ctx, next); err != nil {
		srv.log.Warn("the leadership was not handed over; the others elect a leader", "err", err)
	}
}

// leads tells whether this node leads, as far as it knows.
func (srv *Server) leads() bool {
	l := srv.replica.Leader()
	return l.Known && l.Self
}

// takenOver tells whether this node leads and has done what a new leader has to do first; if not, it sees to that.
// It is called by turn alone.
func (c *chores) takenOver(l replica.Leader) bool {
	if c.tookTerm.Load() == l.Term {
		return true
	}
	if c.taking.CompareAndSwap(false, true) {
		c.done.Go(func() {
			defer c.taking.Store(false)
			if c.srv.takeOver() {
				c.tookTerm.Store(l.Term)
				c.goOn()
			}
		})
	}
	return false
}

// takeOver extends leases before log time goes on. Behind that those that have ended meanwhile could not be told from
// those that a reader has found gone before, and what was gone must not come back.
func (srv *Server) takeOver() bool {
	now := srv.timeToGoOn()
	if err := srv.extendLeases(now); err != nil {
		return false
	}
	srv.clock.observe(now)
	srv.clock.live.Store(true)
	return srv.await(0, []byte(" CLOCK"), strconv.AppendInt(nil, now, 10)) == nil
}

// timeToGoOn is the log time to go on from. A node that was there while the group worked knows it. Else another member
// may; and if nobody does, since all were down, the median of the members' wall clocks is it, so that time to live
// counts through downtime and one clock that is wrong moves nothing.
func (srv *Server) timeToGoOn() int64 {
	now := srv.clock.estimate()
	if !srv.clock.live.Load() {
		srv.log.Info("This node leads a group that was down, and asks the others for the time")
		now = max(now, srv.askTime())
	}
	return now
}

// awaitTime holds a start up until log time is known here: by a member that was there while the group worked, or by this
// node's own taking over. A write that was taken before would count its time to live from when this node was last
// there, and be over as soon as log time went on. Where nobody answers, the start goes on.
func (srv *Server) awaitTime() {
	deadline := srv.mono() + int64(clockKnownMax)
	for !srv.learnTime() && srv.mono() < deadline {
		srv.peers.look()
		time.Sleep(clockLookEvery)
	}
}

// learnTime takes log time from a member that knows it, if this node does not.
func (srv *Server) learnTime() bool {
	if srv.clock.live.Load() {
		return true
	}
	if known, _ := srv.heardTime(); known > 0 {
		srv.clock.observe(known)
		srv.clock.live.Store(true)
	}
	return srv.clock.live.Load()
}

// askTime asks the other members until a quorum has answered, or for clockVotersMax.
func (srv *Server) askTime() int64 {
	deadline := srv.mono() + int64(clockVotersMax)
	for {
		now, voices := srv.timeOf()
		voters := len(srv.replica.Membership().Voters)
		if voices > voters/2 || srv.mono() > deadline || !srv.leads() {
			return now
		}
		srv.peers.look()
		time.Sleep(peerEverySoon)
	}
}

// timeOf is log time by what was heard: the furthest estimate of those that know it, else the median of wall clocks.
func (srv *Server) timeOf() (now int64, voices int) {
	known, walls := srv.heardTime()
	if known > 0 {
		return known, len(walls)
	}
	return median(walls), len(walls)
}

// heardTime is the furthest estimate of those that know log time, 0 if nobody does, and all wall clocks.
func (srv *Server) heardTime() (known int64, walls []int64) {
	walls = []int64{srv.clock.wall().UnixMilli()}
	for _, voter := range srv.replica.Membership().Voters {
		if h, ok := srv.peers.news(voter); ok && voter != srv.replica.ID() {
			age := srv.age(&h)
			walls = append(walls, h.wall+age)
			if h.live {
				known = max(known, h.estimate+age)
			}
		}
	}
	return known, walls
}

// age is how old news are, in milliseconds.
func (srv *Server) age(h *heard) int64 { return (srv.mono() - h.at) / int64(time.Millisecond) }

// slewClock moves the leader's estimate towards what most wall clocks show, and those of the others towards the leader's. Entries alone
// would not do: they only push forward, so that log time went as fast as the fastest of the members' oscillators, and by all that one had
// gained in a week when it came to propose something.
func (srv *Server) slewClock() {
	if target, ok := srv.timeToFollow(); ok {
		srv.clock.slew(target, housekeepingEvery)
	}
}

// timeToFollow is nothing where too few were heard: one clock is no median.
func (srv *Server) timeToFollow() (target time.Time, ok bool) {
	leader := srv.replica.Leader()
	if !leader.Known {
		return target, false
	}
	if !leader.Self {
		h, ok := srv.peers.news(leader.ID)
		return time.UnixMilli(h.estimate + srv.age(&h)).Add(time.Millisecond / 2), ok && h.live // milliseconds are cut off
	}
	_, walls := srv.heardTime()
	target = time.UnixMilli(median(walls))
	if own := srv.clock.wall(); own.Sub(target).Abs() < 2*time.Millisecond {
		target = own // the same, and not cut off to milliseconds
	}
	return target, len(walls) > len(srv.replica.Membership().Voters)/2
}

// median is the lower one of two in the middle: a key that lives too long is better than one that ends too early.
func median(list []int64) int64 {
	slices.Sort(list)
	return list[(len(list)-1)/2]
}

// extendLeases gives every shared lease its full time from now on, a bounded number at a time.
func (srv *Server) extendLeases(now int64) error {
	var ids []uint64
	if srv.machine.RLock() {
		ids = srv.machine.Space().Leases.IDs()
	}
	srv.machine.RUnlock()
	for chunk := range slices.Chunk(ids, leasesPerEntry) {
		args := [][]byte{[]byte(command.ExtendLease), strconv.AppendInt(nil, now, 10)}
		for _, id := range chunk {
			args = append(args, strconv.AppendUint(nil, id, 10))
		}
		if err := srv.await(0, args...); err != nil {
			return err
		}
	}
	return nil
}

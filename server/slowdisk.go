package server

import (
	"context"
	"time"
)

// When a leader gives way because of its disk. A disk that hangs needs none of this: the leader cannot send heartbeats
// meanwhile, so the others elect another one. A slow one keeps the leadership, and every write of the cluster
// waits for it, since the leader's own copy counts and reads wait behind its saves.
const (
	slowDisk       = 100 * time.Millisecond // for a batch; less is not worth an interruption
	slowDiskFactor = 4                      // times of what it takes the other one
	slowDiskTurns  = 3                      // of housekeeping in which it has to be so
	slowDiskPause  = 30 * time.Second       // until the next attempt: if all disks are slow by turns nothing is won
	slowDiskMove   = 2 * time.Second        // for the transfer
	slowDiskBehind = 10_000                 // entries that the other one may have yet to apply
)

// slowDiskWatch belongs to housekeeping.
type slowDiskWatch struct {
	turns int
	next  int64 // monotonic nanoseconds; not before
}

// diskOf is what a voter said of itself.
type diskOf struct {
	node    uint64
	disk    time.Duration // 0: not known
	applied uint64
}

// fasterDisk is the voter with the fastest disk if that is worth a change of the leader, 0 if none is.
func fasterDisk(own diskOf, others []diskOf) uint64 {
	if own.disk < slowDisk {
		return 0
	}
	var best diskOf
	for _, o := range others {
		known, near := o.disk > 0, o.applied+slowDiskBehind >= own.applied
		if known && near && o.disk*slowDiskFactor <= own.disk && (best.node == 0 || o.disk < best.disk) {
			best = o
		}
	}
	return best.node
}

// watchDisk hands the leadership over when this node's disk has become much slower than another voter's.
func (c *chores) watchDisk() {
	srv, w := c.srv, &c.slow
	now := srv.mono()
	if !srv.leads() || now < w.next {
		w.turns = 0
		return
	}
	own := diskOf{srv.replica.ID(), srv.replica.DiskTime(), srv.replica.Applied()}
	var others []diskOf
	for _, voter := range srv.replica.Membership().Voters {
		if h, ok := srv.peers.news(voter); ok && voter != own.node {
			others = append(others, diskOf{voter, time.Duration(h.disk) * time.Microsecond, h.applied})
		}
	}
	to := fasterDisk(own, others)
	if to == 0 {
		w.turns = 0
		return
	}
	if w.turns++; w.turns < slowDiskTurns {
		return
	}
	w.turns, w.next = 0, now+int64(slowDiskPause)
	srv.log.Warn("This node's disk is slow: another member is to lead", "disk", own.disk, "node", formatID(to))
	c.done.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), slowDiskMove)
		defer cancel()
		if err := srv.replica.Transfer(ctx, to); err != nil {
			srv.log.Warn("the leadership was not handed over", "err", err)
		}
	})
}

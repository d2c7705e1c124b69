package keyspace

import (
	"math"

	"github.com/redoubt-db/redoubt/lease"
)

// A long read holds the store's read lock, and an applier that waits for the lock keeps all other readers out too.
// So it works in steps and lets go of the lock between them. What it reads must not change under it: it is
// pinned to the newest published revision, which has all that was acknowledged. Deadlines need no more, since they are
// in the versions, but those of shared leases are not, so the few that are due are noted with the pin.

// pauseEvery is how many keys a long read passes between pauses: well under a millisecond.
const pauseEvery = 1000

// pin is the view at a fixed revision; false if compaction is ahead of it already.
func (v *View) pin() (View, bool) {
	p := *v
	if !v.past {
		mv, err := v.space.Store.At(v.space.Store.Revision())
		if err != nil {
			return p, false
		}
		p.mv, p.ks, p.pinned = mv, mv.Keyspace(v.db), true
		v.space.Leases.Due(v.estimate, func(l *lease.Lease) bool {
			p.leases = append(p.leases, *l)
			return true
		})
	}
	return p, true
}

// pinnedLease is the deadline of a lease when the view was pinned, if it was due then; else it is far.
func (v *View) pinnedLease(id uint64) int64 {
	for i := range v.leases {
		if v.leases[i].ID == id {
			return v.leases[i].Deadline
		}
	}
	return math.MaxInt64
}

// pause gives others a turn. Nothing read from the store before is good any more.
func (v *View) pause() {
	if v.Pauses {
		v.space.Store.RUnlock()
		v.space.Store.RLock()
	}
}

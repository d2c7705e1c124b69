package replica

import (
	"sync"
	"sync/atomic"
)

// silence tells a cluster of one from the others, so that its reads need not ask Raft.
//
// A node that has never sent another one a message since it started, and has been told by Raft once since then that it may read, is the only
// voter, and has applied all that was acknowledged before it started: it answered itself, as a quorum. From then on
// nothing is acknowledged anywhere but here, behind apply, as others know nothing that came later: so whatever is read from
// the local machine is linearizable. With the first message to anybody, whether a vote, an entry for a new member or an answer, that ends
// until the process starts again; it is noted before the message leaves, and thus before anybody could act upon it.
type silence struct {
	watched   atomic.Bool // every message passes spoke
	spoken    atomic.Bool
	confirmed atomic.Bool
	first     sync.Once
}

// spoke is called in front of each message to another node. The first waits for what settle waits for, when spoken can be seen.
func (a *silence) spoke(settle func()) {
	a.first.Do(func() {
		a.spoken.Store(true)
		settle()
	})
}

// read hears how a read that Raft was asked about came out.
func (a *silence) read(err error) {
	if err == nil && !a.confirmed.Load() {
		a.confirmed.Store(true)
	}
}

// ReadsAtOnce tells that a read from the local machine is linearizable now without ReadIndex.
func (r *Replica) ReadsAtOnce() bool {
	a := &r.silence
	return a.confirmed.Load() && a.watched.Load() && !a.spoken.Load()
}

package replica

import "github.com/redoubt-db/redoubt/internal/raftlog"

// SyncBeside has entries of at least so many requests synced by s while the machine applies them, for as long as this node has never spoken to
// another: see raftlog.Log.SyncBeside for what the caller has to keep. Without s that ends.
func (r *Replica) SyncBeside(s raftlog.Syncer, least int) error {
	may := func() bool { return r.proposed.Load() >= int64(least) && r.ReadsAtOnce() }
	return r.raftLog.SyncBeside(s, may, func(err error) { fatal("raft's log: "+err.Error(), "log") })
}

// gathered tells how many requests are in what is proposed next.
func (r *Replica) gathered(requests int) { r.proposed.Store(int64(requests)) }

// Unsettled names the sync of the log that is under way beside apply; false if there is none, or if it is of entries that the machine has
// not begun to apply. What can be seen of the machine before the call is on the disk when that sync has ended, or now.
//
//	batch 7 is synced, the machine applies it; batch 8 is being synced: the replies of 7 need not wait for that
func (r *Replica) Unsettled() (sync uint64, under bool) {
	sync, first, under := r.raftLog.Unsettled()
	return sync, under && r.applying.Load() >= first
}

// Settled tells whether a sync that Unsettled named has ended. It does not wait, and may miss an end that is being waited for.
func (r *Replica) Settled(sync uint64) bool { return r.raftLog.Settled(sync) }

// Notice takes notice of a sync's end: it is for who has heard of one by its Syncer.
func (r *Replica) Notice() { r.raftLog.Notice() }

// Settle returns when everything applied so far is on the disk, as part of Raft's log at least. An error has been told as one that ends the node.
func (r *Replica) Settle() error { return r.raftLog.Settle() }

func (r *Replica) settleLog() { _ = r.Settle() }

// writing tells whether a sync is under way beside apply, so that nothing can be written.
func (r *Replica) writing() bool {
	_, _, under := r.raftLog.Unsettled()
	return under
}

func (r *Replica) unsettled() bool {
	_, under := r.Unsettled()
	return under
}

package replica

import "github.com/lni/dragonboat/v4/raftio"

// systemListener hears what happens to this node beside elections, on one
// goroutine of dragonboat's.
type systemListener struct{ r *Replica }

var _ raftio.ISystemEventListener = systemListener{}

// MembershipChanged is told when a change was applied here.
func (l systemListener) MembershipChanged(raftio.NodeInfo) {
	if l.r.opts.OnMembers != nil {
		l.r.opts.OnMembers()
	}
}

// NodeDeleted is told when this node has applied its own removal.
func (l systemListener) NodeDeleted(raftio.NodeInfo) { l.r.MarkRemoved() }

// SendSnapshotStarted and the like tell of whole states on their way to members that were away for too long.
func (l systemListener) SendSnapshotStarted(s raftio.SnapshotInfo) {
	l.r.log.Info("Sending a snapshot to a member that lacks more than the log holds", "to", s.ReplicaID, "index", s.Index)
}

// SendSnapshotCompleted: see SendSnapshotStarted.
func (l systemListener) SendSnapshotCompleted(s raftio.SnapshotInfo) {
	l.r.log.Info("The snapshot was sent", "to", s.ReplicaID, "index", s.Index)
}

// SendSnapshotAborted: see SendSnapshotStarted. Raft tries again by itself.
func (l systemListener) SendSnapshotAborted(s raftio.SnapshotInfo) {
	l.r.log.Warn("The snapshot could not be sent; it is tried again", "to", s.ReplicaID, "index", s.Index)
}

// SnapshotReceived is told when a snapshot from another member is on disk.
func (l systemListener) SnapshotReceived(s raftio.SnapshotInfo) {
	l.r.log.Info("Received a snapshot", "from", s.From, "index", s.Index)
}

// The rest is nobody's concern.

func (systemListener) NodeHostShuttingDown()                       {}
func (systemListener) NodeUnloaded(raftio.NodeInfo)                {}
func (systemListener) NodeReady(raftio.NodeInfo)                   {}
func (systemListener) ConnectionEstablished(raftio.ConnectionInfo) {}
func (systemListener) ConnectionFailed(raftio.ConnectionInfo)      {}
func (systemListener) SnapshotRecovered(raftio.SnapshotInfo)       {}
func (systemListener) SnapshotCreated(raftio.SnapshotInfo)         {}
func (systemListener) SnapshotCompacted(raftio.SnapshotInfo)       {}
func (systemListener) LogCompacted(raftio.EntryInfo)               {}
func (systemListener) LogDBCompacted(raftio.EntryInfo)             {}

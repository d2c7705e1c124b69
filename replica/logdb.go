package replica

import (
	"sync"
	_ "unsafe" // for go:linkname

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

// dragonboat saves the commit index with an fsync of its own whenever it moves: two for each batch, where one would do.
// Raft does not need the commit index on disk (Ongaro's thesis, section 3.8: it is found again after a restart; etcd does
// not sync it either), only term, vote and entries. So a save of nothing but a commit index is held back until something
// else is saved.
//
// Two uses of it remain. What is stored may not be below what is cut off the log or lies in a snapshot, or the start says
// that the log is damaged: so before either it is saved. And it tells, after a start, which changes of the membership count: dragonboat goes by
// those that are committed. Entries are saved with the commit index of that moment, and nobody proposes a change before the last one is committed,
// so a start may miss the newest change and no other, which Raft bears; a commit index that passes a change is saved at once all the same, since a voter
// that was left alone by the removal of another would need that one's vote again.
type sparingLog struct {
	raftio.ILogDB

	mu     sync.Mutex // held over the save: nobody else has a reason to hurry
	saved  pb.State   // what is on disk, once something was saved
	held   pb.Update  // the newest state that is not; its ShardID is 0 when there is none
	change uint64     // index of the newest change of the membership; of the last entry, which may be one, after a start
	worker uint64     // who saves: dragonboat's own number for it
}

// SaveRaftState saves what has to be on disk before the next message.
func (l *sparingLog) SaveRaftState(updates []pb.Update, worker uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.worker = worker
	if len(updates) == 1 && l.spare(&updates[0]) {
		l.held = pb.Update{ShardID: updates[0].ShardID, ReplicaID: updates[0].ReplicaID, State: updates[0].State}
		return nil
	}
	for i := range updates {
		u := &updates[i]
		if l.held.ShardID == u.ShardID && pb.IsEmptyState(u.State) {
			u.State = l.held.State // dragonboat takes it for saved
		}
	}
	return l.save(updates)
}

// spare tells an update that moves the commit index, not over a change of the membership, and does nothing else.
func (l *sparingLog) spare(u *pb.Update) bool {
	return len(u.EntriesToSave) == 0 && pb.IsEmptySnapshot(u.Snapshot) && !pb.IsEmptyState(u.State) &&
		!pb.IsEmptyState(l.saved) && u.State.Term == l.saved.Term && u.State.Vote == l.saved.Vote &&
		(l.change <= l.saved.Commit || l.change > u.State.Commit)
}

func (l *sparingLog) save(updates []pb.Update) error {
	if err := l.ILogDB.SaveRaftState(updates, l.worker); err != nil {
		return err
	}
	for i := range updates {
		if !pb.IsEmptyState(updates[i].State) {
			l.saved, l.held = updates[i].State, pb.Update{}
		}
		for j := range updates[i].EntriesToSave {
			if e := &updates[i].EntriesToSave[j]; e.IsConfigChange() {
				l.change = e.Index
			}
		}
	}
	return nil
}

// ReadRaftState is what a start begins with.
func (l *sparingLog) ReadRaftState(shard, replica, snapshot uint64) (raftio.RaftState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	state, err := l.ILogDB.ReadRaftState(shard, replica, snapshot)
	if err == nil && state.EntryCount > 0 {
		l.change = state.FirstIndex + state.EntryCount - 1
	}
	return state, err
}

// settle saves what is held back.
func (l *sparingLog) settle() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held.ShardID == 0 {
		return nil
	}
	return l.save([]pb.Update{l.held})
}

// RemoveEntriesTo cuts the log off.
func (l *sparingLog) RemoveEntriesTo(shard, replica, index uint64) error {
	if err := l.settle(); err != nil {
		return err
	}
	return l.ILogDB.RemoveEntriesTo(shard, replica, index)
}

// SaveSnapshots notes snapshots.
func (l *sparingLog) SaveSnapshots(updates []pb.Update) error {
	if err := l.settle(); err != nil {
		return err
	}
	return l.ILogDB.SaveSnapshots(updates)
}

// Close closes the log.
func (l *sparingLog) Close() error {
	if err := l.settle(); err != nil {
		return err
	}
	return l.ILogDB.Close()
}

// sparingLogs makes dragonboat's default log, sparing of syncs.
type sparingLogs struct{}

// Name is the default log's, since what is on disk is.
func (sparingLogs) Name() string { return "sharded-pebble" }

// Create is called by dragonboat.
func (sparingLogs) Create(c config.NodeHostConfig, cb config.LogDBCallback, dirs, low []string) (raftio.ILogDB, error) {
	db, err := newDefaultLogDB(c, cb, dirs, low)
	if err != nil {
		return nil, err
	}
	return &sparingLog{ILogDB: db}, nil
}

// dragonboat's own factory is internal to it.
//
//go:linkname newDefaultLogDB github.com/lni/dragonboat/v4/internal/logdb.NewDefaultLogDB
func newDefaultLogDB(c config.NodeHostConfig, cb config.LogDBCallback, dirs, low []string) (raftio.ILogDB, error)

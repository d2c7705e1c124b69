package raftlog

import (
	"fmt"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

// SaveRaftState saves what has to be on disk before the next message, all of it in one record.
func (l *Log) SaveRaftState(updates []pb.Update, _ uint64) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.start(); err != nil {
		return err
	}
	ahead := uint64(0)
	for i := range updates {
		u := &updates[i]
		if len(updates) == 1 && l.group(u.ShardID, u.ReplicaID).plain(u) {
			ahead = u.EntriesToSave[0].Index
		}
		if err := l.stage(u); err != nil {
			return l.fail(err)
		}
	}
	return l.commitTo(ahead)
}

// stage puts an update into the record, or holds its state back.
func (l *Log) stage(u *pb.Update) error {
	g := l.group(u.ShardID, u.ReplicaID)
	if g.spares(u) {
		if !pb.IsEmptyState(u.State) {
			l.mu.Lock()
			g.held = u.State
			l.mu.Unlock()
		}
		return nil
	}
	state := u.State
	if pb.IsEmptyState(state) {
		state = g.held // dragonboat takes it for saved
	}
	l.out.replica(g.id)
	if !pb.IsEmptyState(state) && !pb.IsStateEqual(state, g.saved) {
		l.out.state(state)
	}
	if g.trimmed {
		l.out.words(kindRange, g.first, g.last)
	}
	first, last := g.first, g.last
	if !pb.IsEmptySnapshot(u.Snapshot) && u.Snapshot.Index > g.snapIndex {
		if err := l.stageSnapshot(&u.Snapshot); err != nil {
			return err
		}
		first, last = u.Snapshot.Index+1, u.Snapshot.Index
		l.out.words(kindRange, first, last)
	}
	return l.stageEntries(u.EntriesToSave, first, last)
}

// stageEntries puts entries into the record. They replace those from their first index on, and leave no gap.
func (l *Log) stageEntries(entries []pb.Entry, first, last uint64) error {
	size := 0
	for i := range entries {
		size += entries[i].SizeUpperLimit() + itemHeaderLen
	}
	l.out.grow(size)
	for i := range entries {
		e := &entries[i]
		if e.Index < first || e.Index > last+1 || i > 0 && e.Index != last+1 {
			return fmt.Errorf("raftlog: entry %d is saved in a log from %d to %d", e.Index, first, last)
		}
		l.out.entry(e)
		last = e.Index
	}
	return nil
}

func (l *Log) stageSnapshot(ss *pb.Snapshot) error {
	data, err := ss.Marshal()
	if err == nil {
		l.out.bytes(kindSnapshot, data)
	}
	return err
}

// stageHeld puts what of a replica waits for a record into this one, if there is any.
func (l *Log) stageHeld(g *group) {
	held := !pb.IsEmptyState(g.held) && !pb.IsStateEqual(g.held, g.saved)
	if !held && !g.trimmed {
		return
	}
	l.out.replica(g.id)
	if held {
		l.out.state(g.held)
	}
	if g.trimmed {
		l.out.words(kindRange, g.first, g.last)
	}
}

// SaveBootstrapInfo saves how a replica was started first.
func (l *Log) SaveBootstrapInfo(shard, replica uint64, bootstrap pb.Bootstrap) error {
	data, err := bootstrap.Marshal()
	if err != nil {
		return err
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.start(); err != nil {
		return err
	}
	l.out.replica(raftio.GetNodeInfo(shard, replica))
	l.out.bytes(kindBootstrap, data)
	return l.commit()
}

// SaveSnapshots notes snapshots that are newer than what is noted. A start refuses a snapshot above the commit index, so that goes
// with it. It is at least the snapshot's: what was applied is committed, though dragonboat may be about to say so.
func (l *Log) SaveSnapshots(updates []pb.Update) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.start(); err != nil {
		return err
	}
	for i := range updates {
		u := &updates[i]
		g := l.group(u.ShardID, u.ReplicaID)
		if pb.IsEmptySnapshot(u.Snapshot) || u.Snapshot.Index <= g.snapIndex {
			continue
		}
		if s := g.newest(); !pb.IsEmptyState(s) && s.Commit < u.Snapshot.Index {
			s.Commit = u.Snapshot.Index
			l.mu.Lock()
			g.held = s
			l.mu.Unlock()
		}
		l.stageHeld(g)
		l.out.replica(g.id)
		if err := l.stageSnapshot(&u.Snapshot); err != nil {
			return l.fail(err)
		}
	}
	return l.commit()
}

// RemoveEntriesTo cuts off the log up to an index, and removes the segments that hold nothing else. If there are none the next
// record says where the log begins; should it be lost, the entries are back, which does no harm.
func (l *Log) RemoveEntriesTo(shard, replica, index uint64) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.start(); err != nil {
		return err
	}
	g := l.groups[raftio.GetNodeInfo(shard, replica)]
	if g == nil {
		return nil
	}
	if first := min(index, g.last) + 1; first > g.first {
		l.mu.Lock()
		g.limit(first, g.last)
		g.trimmed = true
		l.mu.Unlock()
	}
	return l.reclaim()
}

// reclaim removes the segments in front that nothing needs. Before, what makes them needless is saved.
func (l *Log) reclaim() error {
	if l.droppable() == 0 {
		return nil
	}
	for _, g := range l.sorted() {
		l.stageHeld(g)
	}
	if err := l.commit(); err != nil {
		return err
	}
	if err := l.drop(); err != nil {
		return l.fail(err)
	}
	return nil
}

// CompactEntriesTo has nothing left to do: the space was given back when the entries were removed.
func (l *Log) CompactEntriesTo(uint64, uint64, uint64) (<-chan struct{}, error) {
	done := make(chan struct{})
	close(done)
	return done, nil
}

// RemoveNodeData forgets a replica.
func (l *Log) RemoveNodeData(shard, replica uint64) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.start(); err != nil {
		return err
	}
	id := raftio.GetNodeInfo(shard, replica)
	if l.groups[id] == nil {
		return nil
	}
	l.out.replica(id)
	l.out.words(kindGone)
	if err := l.commit(); err != nil {
		return err
	}
	return l.reclaim()
}

// ImportSnapshot makes a replica one that begins with a snapshot and knows nothing else.
func (l *Log) ImportSnapshot(ss pb.Snapshot, replica uint64) error {
	bootstrap, err := (&pb.Bootstrap{Join: true, Type: ss.Type}).Marshal()
	if err != nil {
		return err
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.start(); err != nil {
		return err
	}
	id := raftio.GetNodeInfo(ss.ShardID, replica)
	l.out.replica(id)
	l.out.words(kindGone)
	l.out.replica(id)
	l.out.bytes(kindBootstrap, bootstrap)
	l.out.state(pb.State{Term: ss.Term, Commit: ss.Index})
	if err := l.stageSnapshot(&ss); err != nil {
		return l.fail(err)
	}
	l.out.words(kindRange, ss.Index+1, ss.Index)
	if err := l.commit(); err != nil {
		return err
	}
	return l.reclaim()
}

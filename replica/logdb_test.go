package replica

import (
	"fmt"
	"testing"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

// synced is a log that keeps what was saved last, and holds 9 entries at a start.
type synced struct {
	raftio.ILogDB
	state   pb.State
	entries uint64
	saves   int
}

func (s *synced) SaveRaftState(updates []pb.Update, _ uint64) error {
	s.saves++
	for _, u := range updates {
		if !pb.IsEmptyState(u.State) {
			s.state = u.State
		}
		for _, e := range u.EntriesToSave {
			s.entries = e.Index
		}
	}
	return nil
}

func (s *synced) ReadRaftState(uint64, uint64, uint64) (raftio.RaftState, error) {
	s.entries = 9
	return raftio.RaftState{State: pb.State{Term: 1, Vote: 1, Commit: 7}, FirstIndex: 1, EntryCount: s.entries}, nil
}

// TestCommitIndexIsSaved: with entries, with a term and a vote, and when it passes a change of the membership.
func TestCommitIndexIsSaved(t *testing.T) {
	disk := &synced{}
	log := &sparingLog{ILogDB: disk}
	if _, err := log.ReadRaftState(shardID, 1, 0); err != nil {
		t.Fatal(err)
	}
	entry := func(index uint64, kind pb.EntryType) []pb.Entry {
		return []pb.Entry{{Term: 1, Index: index, Type: kind}}
	}
	commit := func(index uint64) pb.State { return pb.State{Term: 1, Vote: 1, Commit: index} }
	for _, step := range []struct {
		what    string
		entries []pb.Entry
		state   pb.State
		want    uint64 // commit index on disk
		saves   int
	}{
		{"the first of a process", nil, commit(8), 8, 1},
		{"it passes the last entry of the start, which may be a change", nil, commit(9), 9, 2},
		{"an entry", entry(10, pb.ApplicationEntry), pb.State{}, 9, 3},
		{"its commit", nil, commit(10), 9, 3},
		{"a change is saved with the commit that was held back", entry(11, pb.ConfigChangeEntry), pb.State{}, 10, 4},
		{"its commit", nil, commit(11), 11, 5},
		{"an entry", entry(12, pb.ApplicationEntry), pb.State{}, 11, 6},
		{"its commit", nil, commit(12), 11, 6},
		{"a new term", nil, pb.State{Term: 2, Vote: 1, Commit: 12}, 12, 7},
	} {
		update := pb.Update{ShardID: shardID, ReplicaID: 1, EntriesToSave: step.entries, State: step.state}
		if err := log.SaveRaftState([]pb.Update{update}, 1); err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(disk.state.Commit, disk.saves), fmt.Sprint(step.want, step.saves); got != want {
			t.Errorf("%s: commit index and saves %s, want %s", step.what, got, want)
		}
	}
}

package replica

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lni/dragonboat/v4/raftpb"
	"github.com/lni/vfs"
)

func TestAlone(t *testing.T) {
	const self = 7
	for _, test := range []struct {
		what          string
		applied, last uint64
		members       Membership
		want          bool
	}{
		{"one voter, all applied", 9, 9, Membership{Voters: []uint64{self}}, true},
		{"in the middle of a replay", 1, 9, Membership{Voters: []uint64{self}}, false},
		{"others were removed", 9, 9, Membership{Voters: []uint64{self}, Removed: []uint64{1, 8}}, true},
		{"another voter", 9, 9, Membership{Voters: []uint64{self, 8}}, false},
		{"a learner, which may vote soon", 9, 9, Membership{Voters: []uint64{self}, Learners: []uint64{8}}, false},
		{"a learner itself", 9, 9, Membership{Learners: []uint64{self}}, false},
		{"not a member", 9, 9, Membership{Voters: []uint64{8}}, false},
		{"nothing applied", 0, 0, Membership{}, false},
	} {
		if got := alone(self, test.applied, test.last, test.members); got != test.want {
			t.Errorf("%s: alone = %v", test.what, got)
		}
	}
}

// TestOneOfThreeDoesNotLead starts the first node of a group of three without the others, from every commit index that a start may find:
// the one of the newest change of the membership may be missing.
func TestOneOfThreeDoesNotLead(t *testing.T) {
	g := newGroup(t)
	proposeAll(t, g.replicas[0], []string{"a"})
	for range 2 {
		r := g.join(len(g.replicas) - 1)
		if err := r.Promote(soon(t), r.ID()); err != nil {
			t.Fatal(err)
		}
		g.role(r, Voter)
	}
	proposeAll(t, g.replicas[0], []string{"b"})
	for _, r := range g.replicas {
		mustClose(t, r)
	}
	o := g.options[0]
	for _, put := range []struct {
		what  string
		index func(newest uint64) uint64
	}{
		{"as it is", nil},
		{"as of the newest change of the membership", func(newest uint64) uint64 { return newest }},
		{"from before the newest change", func(newest uint64) uint64 { return newest - 1 }},
	} {
		if put.index != nil {
			setCommit(t, o.Dir, g.replicas[0].ID(), put.index)
		}
		r, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Duration(o.ElectionTicks)*o.Tick)
		if err := r.AwaitLeader(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the commit index %s: one of three leads: %v, %+v", put.what, err, r.Leader())
		}
		cancel()
		mustClose(t, r)
	}
}

// setCommit changes the commit index that is stored in a directory.
func setCommit(t *testing.T, dir string, node uint64, index func(newest uint64) uint64) {
	t.Helper()
	log, err := openLog(vfs.Default, logDir(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	rs, err := log.ReadRaftState(shardID, node, 0)
	if err != nil {
		t.Fatal(err)
	}
	entries, _, err := log.IterateEntries(nil, 0, shardID, node, rs.FirstIndex, rs.FirstIndex+rs.EntryCount, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var newest uint64
	for i := range entries {
		if entries[i].IsConfigChange() {
			newest = entries[i].Index
		}
	}
	if newest == 0 {
		t.Fatal("no change of the membership in the log")
	}
	rs.State.Commit = index(newest)
	if err := log.SaveRaftState([]raftpb.Update{{ShardID: shardID, ReplicaID: node, State: rs.State}}, 1); err != nil {
		t.Fatal(err)
	}
}

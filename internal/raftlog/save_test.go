package raftlog

import (
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

func entries(from, to, term uint64) (all []pb.Entry) {
	for i := from; i <= to; i++ {
		all = append(all, pb.Entry{Index: i, Term: term, Cmd: []byte("cmd")})
	}
	return all
}

func update(term, vote, commit uint64, all ...pb.Entry) pb.Update {
	return pb.Update{ShardID: 1, ReplicaID: 2, State: pb.State{Term: term, Vote: vote, Commit: commit}, EntriesToSave: all}
}

func mustSave(t *testing.T, l *Log, u pb.Update) {
	t.Helper()
	if err := l.SaveRaftState([]pb.Update{u}, 1); err != nil {
		t.Fatal(err)
	}
}

func stateOf(t *testing.T, l *Log) pb.State {
	t.Helper()
	rs, err := l.ReadRaftState(1, 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	return rs.State
}

// TestSyncs counts the syncs of each save: one for what the next message relies on, none for a commit index, unless it moves over a change
// of the membership.
func TestSyncs(t *testing.T) {
	d := newDisk()
	l := openOn(t, d)
	change := entries(6, 6, 2)
	change[0].Type = pb.ConfigChangeEntry
	for _, step := range []struct {
		what   string
		u      pb.Update
		syncs  int
		commit uint64 // that a killed node finds
	}{
		{"first entries", update(1, 1, 0, entries(1, 3, 1)...), 1, 0},
		{"commit", update(1, 1, 2), 0, 0},
		{"commit again", update(1, 1, 3), 0, 0},
		{"entries take it with them, unsaid", update(0, 0, 0, entries(4, 4, 1)...), 1, 3},
		{"nothing", update(0, 0, 0), 0, 3},
		{"the same", update(1, 1, 3), 0, 3},
		{"vote", update(2, 1, 3), 1, 3},
		{"another entry", update(2, 1, 3, entries(5, 5, 2)...), 1, 3},
		{"change of the membership", update(2, 1, 3, change...), 1, 3},
		{"commit below it", update(2, 1, 5), 0, 3},
		{"commit over it", update(2, 1, 6), 1, 6},
		{"entries behind it", update(2, 1, 6, entries(7, 9, 2)...), 1, 6},
		{"commit behind it", update(2, 1, 8), 0, 6},
	} {
		before := d.syncs
		mustSave(t, l, step.u)
		if got := d.syncs - before; got != step.syncs {
			t.Errorf("%s: %d syncs, want %d", step.what, got, step.syncs)
		}
		killed := openOn(t, d.copied("", nil))
		if got := stateOf(t, killed).Commit; got != step.commit {
			t.Errorf("%s: a killed node finds commit %d, want %d", step.what, got, step.commit)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := stateOf(t, openOn(t, d)); got != (pb.State{Term: 2, Vote: 1, Commit: 8}) {
		t.Errorf("state after Close %+v, want commit 8", got)
	}
}

// TestReplacedChange: a change of the membership that a new leader replaced needs no sync, nor one that is on disk when the log is opened
// again and below the commit index.
func TestReplacedChange(t *testing.T) {
	d := newDisk()
	l := openOn(t, d)
	change := entries(2, 2, 1)
	change[0].Type = pb.ConfigChangeEntry
	mustSave(t, l, update(1, 0, 1, append(entries(1, 1, 1), change...)...))
	mustSave(t, l, update(2, 0, 1, entries(2, 2, 2)...))
	syncs := d.syncs
	if mustSave(t, l, update(2, 0, 2)); d.syncs != syncs {
		t.Error("a commit over a replaced change was synced")
	}
	change[0].Index = 3
	mustSave(t, l, update(2, 0, 2, change...))
	l = openOn(t, d)
	syncs = d.syncs
	if mustSave(t, l, update(2, 0, 3)); d.syncs != syncs+1 {
		t.Error("a commit over a change was not synced after a restart")
	}
}

// TestSnapshotTakesCommitWithIt: a note of a snapshot above the commit index would be refused at the next start, and so would a log that
// begins above it.
func TestSnapshotTakesCommitWithIt(t *testing.T) {
	d := newDisk()
	l := openOn(t, d)
	mustSave(t, l, update(1, 1, 0, entries(1, 10, 1)...))
	mustSave(t, l, update(1, 1, 10))
	if err := l.SaveSnapshots([]pb.Update{{ShardID: 1, ReplicaID: 2, Snapshot: snapshotOf(9, 1)}}); err != nil {
		t.Fatal(err)
	}
	if got := stateOf(t, openOn(t, d.copied("", nil))).Commit; got != 10 {
		t.Errorf("commit %d beside a snapshot of 9, want 10", got)
	}
}

// TestSnapshotProvesCommit: dragonboat applies committed entries before it saves the commit index, and may note a snapshot of them in
// between. A start would refuse the note.
func TestSnapshotProvesCommit(t *testing.T) {
	d := newDisk()
	l := openOn(t, d)
	mustSave(t, l, update(3, 1, 4, entries(1, 10, 3)...))
	if err := l.SaveSnapshots([]pb.Update{{ShardID: 1, ReplicaID: 2, Snapshot: snapshotOf(9, 3)}}); err != nil {
		t.Fatal(err)
	}
	if got := stateOf(t, openOn(t, d.copied("", nil))); got != (pb.State{Term: 3, Vote: 1, Commit: 9}) {
		t.Errorf("state %+v beside a snapshot of 9, want commit 9", got)
	}
	mustSave(t, l, update(3, 1, 9))
	mustSave(t, l, update(3, 1, 10))
	if got := stateOf(t, l).Commit; got != 10 {
		t.Errorf("commit %d after 10 was saved", got)
	}
}

// TestSpaceComesBack: segments go when nothing in them is live, and what was removed is not there after a restart either.
func TestSpaceComesBack(t *testing.T) {
	d := newDisk()
	l := openOn(t, d)
	mustSave(t, l, update(1, 1, 0, entries(1, 1, 1)...))
	for i := uint64(2); i <= 2000; i++ {
		mustSave(t, l, update(1, 1, i-1, pb.Entry{Index: i, Term: 1, Cmd: make([]byte, 200)}))
	}
	before := len(d.segments())
	if err := l.SaveSnapshots([]pb.Update{{ShardID: 1, ReplicaID: 2, Snapshot: snapshotOf(1990, 1)}}); err != nil {
		t.Fatal(err)
	}
	if err := l.RemoveEntriesTo(1, 2, 1900); err != nil {
		t.Fatal(err)
	}
	done, err := l.CompactEntriesTo(1, 2, 1900)
	if err != nil {
		t.Fatal(err)
	}
	<-done
	if after := len(d.segments()); before < 10 || after > 3 {
		t.Errorf("%d segments of %d are left", after, before)
	}
	l = openOn(t, d)
	got, _, err := l.IterateEntries(nil, 0, 1, 2, 1901, 2001, math.MaxUint64)
	if err != nil || len(got) != 100 || got[0].Index != 1901 {
		t.Errorf("%d entries are left, want 100: %v", len(got), err)
	}
	if got, _, err := l.IterateEntries(nil, 0, 1, 2, 5, 2001, math.MaxUint64); err != nil || len(got) > 0 {
		t.Errorf("%d entries from 5 on, which was removed: %v", len(got), err)
	}
}

// TestRefusesGaps: entries that Raft cannot have sent are a fault of ours, and not written.
func TestRefusesGaps(t *testing.T) {
	for _, c := range []struct {
		name string
		u    pb.Update
	}{
		{"a gap", update(1, 1, 1, entries(7, 7, 1)...)},
		{"a gap within", update(1, 1, 1, append(entries(6, 6, 1), entries(8, 8, 1)...)...)},
		{"below the first", update(1, 1, 1, entries(2, 3, 1)...)},
	} {
		d := newDisk()
		l := openOn(t, d)
		mustSave(t, l, update(1, 1, 5, entries(1, 5, 1)...))
		if err := l.RemoveEntriesTo(1, 2, 3); err != nil {
			t.Fatal(err)
		}
		if err := l.SaveRaftState([]pb.Update{c.u}, 1); err == nil || !strings.Contains(err.Error(), "entry") {
			t.Errorf("%s: SaveRaftState = %v", c.name, err)
		}
	}
}

// TestNoGarbage: a save allocates nothing once the log is warm.
func TestNoGarbage(t *testing.T) {
	l, err := Open(Options{Dir: t.TempDir() + "/log"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	index := uint64(0)
	u := []pb.Update{update(1, 1, 0, pb.Entry{Term: 1, Cmd: make([]byte, 300)})}
	save := func() {
		index++
		u[0].EntriesToSave[0].Index, u[0].State.Commit = index, index-1
		if err := l.SaveRaftState(u, 1); err != nil {
			t.Fatal(err)
		}
		l.groups[raftio.GetNodeInfo(1, 2)].spans[0].offsets = slices.Grow(l.groups[raftio.GetNodeInfo(1, 2)].spans[0].offsets, 1)
	}
	for range 600 {
		save()
	}
	if n := testing.AllocsPerRun(300, save); n > 0 {
		t.Errorf("%v allocations for a save", n)
	}
}

// TestReadBesideWrites reads while the log is written, cut and rotated.
func TestReadBesideWrites(t *testing.T) {
	l := openOn(t, newDisk())
	mustSave(t, l, update(1, 1, 0, entries(1, 50, 1)...))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				l.mu.RLock()
				g := l.groups[raftio.GetNodeInfo(1, 2)]
				first, last := g.first, g.last
				l.mu.RUnlock()
				all, _, err := l.IterateEntries(nil, 0, 1, 2, first, last+1, math.MaxUint64)
				if err != nil {
					t.Error(err)
					return
				}
				for i, e := range all {
					if e.Index != first+uint64(i) {
						t.Errorf("entry %d where %d was to be", e.Index, first+uint64(i))
						return
					}
				}
			}
		})
	}
	for i := uint64(51); i < 700; i++ {
		mustSave(t, l, update(1, 1, i-1, pb.Entry{Index: i, Term: 1, Cmd: make([]byte, i)}))
		if i%40 == 0 {
			if err := l.RemoveEntriesTo(1, 2, i-30); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stop)
	readers.Wait()
}

// TestFormat holds what a log looks like on disk, which is for ever: the example of the package comment.
func TestFormat(t *testing.T) {
	got := segmentHeader{number: 2, salt: 0x1122334455667788, previous: link{salt: 0x99, end: 4096, seq: 40}}.encode()
	want := "5244425452414654" + "01000000" + "3a14cbd3" + "0200000000000000" + "8877665544332211" +
		"9900000000000000" + "0010000000000000" + "2800000000000000" + "0000000000000000"
	checkHex(t, "header of a segment", got, want)
	b := newBuilder()
	b.replica(raftio.GetNodeInfo(1, 7))
	b.state(pb.State{Term: 3, Vote: 7, Commit: 41})
	b.entry(&pb.Entry{Type: pb.EncodedEntry, Term: 3, Index: 42, Key: 300, Cmd: []byte("hello")})
	rec, err := b.seal(0x1122334455667788, 41, 64)
	if err != nil {
		t.Fatal(err)
	}
	want = "8877665544332211" + "2900000000000000" + "59000000" + "00000000" + "00000000" + "efe4509c" +
		"10000000" + "01000000" + "d217463e" + "0100000000000000" + "0700000000000000" +
		"18000000" + "02000000" + "26d012ef" + "0300000000000000" + "0700000000000000" + "2900000000000000" +
		"0d000000" + "03000000" + "cad39c42" + "02032aac02000000" + "68656c6c6f" + "000000" + "5e0b80c0"
	checkHex(t, "record", rec, want)
}

func checkHex(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if digits := hex.EncodeToString(got); digits != want {
		t.Errorf("%s:\n%s, want\n%s", what, digits, want)
	}
}

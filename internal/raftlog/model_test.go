package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

// model is the dumb log.
type model map[raftio.NodeInfo]*modelGroup

type modelGroup struct {
	bootstrap *pb.Bootstrap
	state     pb.State // the newest
	durable   uint64   // commit index that a loss of power may not take
	snapshot  pb.Snapshot
	first     uint64
	entries   []pb.Entry // from first on
}

func (g *modelGroup) last() uint64 { return g.first + uint64(len(g.entries)) - 1 }

func (m model) clone() model {
	c := model{}
	for id, g := range m {
		copied := *g
		copied.entries = slices.Clone(g.entries)
		c[id] = &copied
	}
	return c
}

func (m model) at(id raftio.NodeInfo) *modelGroup {
	if m[id] == nil {
		m[id] = &modelGroup{first: 1}
	}
	return m[id]
}

// save is SaveRaftState.
func (m model) save(u pb.Update) {
	g := m.at(raftio.GetNodeInfo(u.ShardID, u.ReplicaID))
	before := g.state
	if !pb.IsEmptyState(u.State) {
		g.state = u.State
	}
	moved := len(u.EntriesToSave) > 0 || !pb.IsEmptySnapshot(u.Snapshot) || before.Term != g.state.Term || before.Vote != g.state.Vote
	for _, e := range g.entries {
		moved = moved || e.Type == pb.ConfigChangeEntry && e.Index > g.durable && e.Index <= g.state.Commit
	}
	if moved {
		g.durable = g.state.Commit
	}
	if u.Snapshot.Index > g.snapshot.Index {
		g.snapshot, g.first, g.entries = u.Snapshot, u.Snapshot.Index+1, nil
	}
	for _, e := range u.EntriesToSave {
		g.entries = append(g.entries[:e.Index-g.first], e)
	}
}

// check compares a log with the model. After a loss of power a commit index that was held back may be lost, and entries that were removed be
// back.
func (m model) check(l *Log, lossy bool) error {
	var listed []raftio.NodeInfo
	for id, g := range m {
		if g.bootstrap != nil {
			listed = append(listed, id)
		}
		if err := g.check(l, id, lossy); err != nil {
			return fmt.Errorf("%v: %w", id, err)
		}
	}
	slices.SortFunc(listed, func(a, b raftio.NodeInfo) int { return int(a.ShardID) - int(b.ShardID) })
	if got, err := l.ListNodeInfo(); err != nil || !slices.Equal(got, listed) {
		return fmt.Errorf("ListNodeInfo = %v, %v, want %v", got, err, listed)
	}
	return nil
}

func (g *modelGroup) check(l *Log, id raftio.NodeInfo, lossy bool) error {
	bootstrap, err := l.GetBootstrapInfo(id.ShardID, id.ReplicaID)
	if g.bootstrap == nil && !errors.Is(err, raftio.ErrNoBootstrapInfo) || g.bootstrap != nil && fmt.Sprint(*g.bootstrap) != fmt.Sprint(bootstrap) {
		return fmt.Errorf("GetBootstrapInfo = %v, %v, want %v", bootstrap, err, g.bootstrap)
	}
	if ss, err := l.GetSnapshot(id.ShardID, id.ReplicaID); err != nil || ss.Index != g.snapshot.Index || ss.Term != g.snapshot.Term {
		return fmt.Errorf("GetSnapshot = %v, %v, want %v", ss, err, g.snapshot)
	}
	rs, err := l.ReadRaftState(id.ShardID, id.ReplicaID, g.snapshot.Index)
	if pb.IsEmptyState(g.state) {
		if !errors.Is(err, raftio.ErrNoSavedLog) {
			return fmt.Errorf("ReadRaftState = %v, %v, want %v", rs, err, raftio.ErrNoSavedLog)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if lossy && rs.State.Commit >= g.durable && rs.State.Commit < g.state.Commit {
		rs.State.Commit = g.state.Commit
	}
	if rs.State != g.state {
		return fmt.Errorf("state %v, want %v (durable %d)", rs.State, g.state, g.durable)
	}
	want := raftio.RaftState{State: g.state, FirstIndex: g.snapshot.Index}
	if g.last() > g.snapshot.Index {
		want.FirstIndex = max(g.first, g.snapshot.Index)
		if lossy && rs.FirstIndex == g.snapshot.Index {
			want.FirstIndex = rs.FirstIndex // of entries that are back
		}
		want.EntryCount = g.last() - want.FirstIndex + 1
	}
	if rs != want {
		return fmt.Errorf("ReadRaftState(%d) = %+v, want %+v", g.snapshot.Index, rs, want)
	}
	return g.checkEntries(l, id, g.first, g.last()+1, math.MaxUint64)
}

// checkEntries reads entries from low to before high, which are there.
func (g *modelGroup) checkEntries(l *Log, id raftio.NodeInfo, low, high, maxSize uint64) error {
	var want []pb.Entry
	size := uint64(100)
	for _, e := range g.entries[low-g.first : high-g.first] {
		want, size = append(want, e), size+uint64(e.SizeUpperLimit())
		if size > maxSize {
			break
		}
	}
	got, gotSize, err := l.IterateEntries(nil, 100, id.ShardID, id.ReplicaID, low, high, maxSize)
	if err != nil || gotSize != size || !slices.EqualFunc(got, want, sameEntry) {
		return fmt.Errorf("IterateEntries from %d to %d up to %d bytes: %d entries of %d bytes, %v, want %d of %d",
			low, high, maxSize, len(got), gotSize, err, len(want), size)
	}
	return nil
}

func sameEntry(a, b pb.Entry) bool {
	same := bytes.Equal(a.Cmd, b.Cmd)
	a.Cmd, b.Cmd = nil, nil
	return same && reflect.DeepEqual(a, b)
}

// act is an operation on a log and what the model makes of it.
type act struct {
	name string
	run  func(l *Log) error
	note func(m model)
}

// random makes operations as Raft would.
type random struct {
	*rand.Rand
	ids []raftio.NodeInfo
}

func newRandom(seed uint64) *random {
	return &random{rand.New(rand.NewPCG(seed, 1)), []raftio.NodeInfo{{ShardID: 1, ReplicaID: 1 << 40}, {ShardID: 7, ReplicaID: 3}}}
}

func (r *random) next(m model) act {
	id := r.ids[max(0, r.IntN(10)-8)]
	g := m.at(id)
	switch n := r.IntN(100); {
	case pb.IsEmptyState(g.state) || n < 55:
		return r.saving(r.appending(id, g))
	case n < 70:
		return r.saving(pb.Update{State: r.committing(g)}, id)
	case n < 75:
		state := g.state
		state.Term, state.Vote = state.Term+1, r.Uint64N(3)
		return r.saving(pb.Update{State: state}, id)
	case n < 83:
		return r.noting(id, g)
	case n < 93:
		return r.removing(id, g)
	case n < 96:
		index := g.last() + 1 + r.Uint64N(5)
		state := g.state
		state.Commit = index
		return r.saving(pb.Update{State: state, Snapshot: snapshotOf(index, state.Term)}, id)
	case n < 98:
		b := pb.Bootstrap{Join: r.IntN(2) == 0, Type: pb.OnDiskStateMachine, Addresses: map[uint64]string{r.Uint64N(9): "somewhere"}}
		return act{"bootstrap", func(l *Log) error { return l.SaveBootstrapInfo(id.ShardID, id.ReplicaID, b) }, func(m model) { m.at(id).bootstrap = &b }}
	case n < 99:
		return act{"forget", func(l *Log) error { return l.RemoveNodeData(id.ShardID, id.ReplicaID) }, func(m model) { delete(m, id) }}
	}
	ss := snapshotOf(g.last()+r.Uint64N(9)+1, g.state.Term)
	ss.ShardID = id.ShardID
	return act{"import", func(l *Log) error { return l.ImportSnapshot(ss, id.ReplicaID) }, func(m model) {
		b := pb.Bootstrap{Join: true, Type: ss.Type, Addresses: map[uint64]string{}}
		m[id] = &modelGroup{bootstrap: &b, state: pb.State{Term: ss.Term, Commit: ss.Index}, durable: ss.Index, snapshot: ss, first: ss.Index + 1}
	}}
}

func snapshotOf(index, term uint64) pb.Snapshot {
	return pb.Snapshot{Index: index, Term: term, Type: pb.OnDiskStateMachine, Dummy: true,
		Membership: pb.Membership{Addresses: map[uint64]string{1: "a"}}}
}

func (r *random) saving(u pb.Update, ids ...raftio.NodeInfo) act {
	for _, id := range ids {
		u.ShardID, u.ReplicaID = id.ShardID, id.ReplicaID
	}
	return act{"save", func(l *Log) error { return l.SaveRaftState([]pb.Update{u}, 1) }, func(m model) { m.save(u) }}
}

// appending puts entries behind those of the log, or in place of some that are not committed.
func (r *random) appending(id raftio.NodeInfo, g *modelGroup) pb.Update {
	state := r.committing(g)
	from := g.last() + 1
	if uncommitted := g.last() - min(g.last(), max(state.Commit, g.first-1)); uncommitted > 0 && r.IntN(4) == 0 {
		from -= 1 + r.Uint64N(uncommitted)
		state.Term++
	}
	u := pb.Update{ShardID: id.ShardID, ReplicaID: id.ReplicaID, State: state}
	u.State.Term = max(1, u.State.Term)
	for i := range 1 + r.Uint64N(4) {
		u.EntriesToSave = append(u.EntriesToSave, r.entry(from+i, u.State.Term))
	}
	if g.state == u.State && r.IntN(2) == 0 {
		u.State = pb.State{}
	}
	return u
}

func (r *random) entry(index, term uint64) pb.Entry {
	e := pb.Entry{Index: index, Term: term, Key: r.Uint64(), ClientID: r.Uint64N(3), SeriesID: r.Uint64N(2), RespondedTo: r.Uint64N(2)}
	switch r.IntN(12) {
	case 0:
		e.Type = pb.ConfigChangeEntry
	case 1:
		e.Type = pb.EncodedEntry
	}
	e.Cmd = make([]byte, []int{0, 10, 100, 100, 100, 600, 3000, 20000}[r.IntN(8)])
	for i := range e.Cmd {
		if i/700%2 == 0 { // some sectors are zero, and mean it
			e.Cmd[i] = byte(r.Uint32())
		}
	}
	return e
}

func (r *random) committing(g *modelGroup) pb.State {
	state := g.state
	state.Term = max(1, state.Term)
	if room := g.last() - min(g.last(), state.Commit); room > 0 {
		state.Commit += r.Uint64N(room + 1)
	}
	return state
}

func (r *random) noting(id raftio.NodeInfo, g *modelGroup) act {
	index := g.snapshot.Index
	if top := min(g.state.Commit, g.last()); top > index {
		index += 1 + r.Uint64N(top-index)
	}
	u := pb.Update{ShardID: id.ShardID, ReplicaID: id.ReplicaID, Snapshot: snapshotOf(index, g.state.Term)}
	return act{"note", func(l *Log) error { return l.SaveSnapshots([]pb.Update{u}) }, func(m model) {
		if g := m.at(id); index > g.snapshot.Index {
			g.snapshot, g.durable = u.Snapshot, g.state.Commit
		}
	}}
}

func (r *random) removing(id raftio.NodeInfo, g *modelGroup) act {
	index := g.snapshot.Index - r.Uint64N(min(g.snapshot.Index, 5)+1)
	return act{"remove", func(l *Log) error { return l.RemoveEntriesTo(id.ShardID, id.ReplicaID, index) }, func(m model) {
		g := m.at(id)
		if n := min(index, g.last()) + 1; n > g.first {
			g.entries, g.first = g.entries[n-g.first:], n
		}
	}}
}

func openOn(t *testing.T, d *disk) *Log {
	t.Helper()
	l, err := Open(d.options())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestModel compares the log with the model, through restarts.
func TestModel(t *testing.T) {
	for seed := range uint64(6) {
		r, m, d := newRandom(seed), model{}, newDisk()
		d.cached, d.late = seed == 1, seed == 2
		if seed > 3 {
			d.writer = new(diskWriter)
		}
		l := openOn(t, d)
		for step := range 2500 {
			if r.IntN(60) == 0 {
				if r.IntN(2) == 0 {
					if err := l.Close(); err != nil {
						t.Fatal(err)
					}
					l = openOn(t, d)
				} else { // killed: what is held back is gone
					l = openOn(t, d)
					m.adopt(l)
				}
			}
			a := r.next(m)
			if err := a.run(l); err != nil {
				t.Fatalf("seed %d, step %d: %s: %v", seed, step, a.name, err)
			}
			a.note(m)
			if step%7 == 0 {
				if err := m.check(l, false); err != nil {
					t.Fatalf("seed %d, step %d: after %s: %v", seed, step, a.name, err)
				}
				r.read(t, l, m)
			}
		}
		if n := len(d.segments()); n > 60 {
			t.Errorf("seed %d: %d segments are left", seed, n)
		}
	}
}

// read reads some entries under some limit.
func (r *random) read(t *testing.T, l *Log, m model) {
	t.Helper()
	for id, g := range m {
		if len(g.entries) == 0 {
			continue
		}
		low := g.first + r.Uint64N(uint64(len(g.entries)))
		high := low + 1 + r.Uint64N(g.last()-low+1)
		if err := g.checkEntries(l, id, low, high, []uint64{0, 100, 1000, 5000, 50000, math.MaxUint64}[r.IntN(6)]); err != nil {
			t.Fatal(err)
		}
		if got, _, err := l.IterateEntries(nil, 0, id.ShardID, id.ReplicaID, g.last()+1, g.last()+9, 1000); len(got) > 0 || err != nil {
			t.Fatalf("entries behind the last: %v, %v", got, err)
		}
	}
}

// adopt takes over the commit index, and where logs begin, from a log that lost what it may lose.
func (m model) adopt(l *Log) {
	for id, g := range m {
		held := l.groups[id]
		if held == nil {
			continue
		}
		if !pb.IsEmptyState(held.saved) {
			g.state.Commit, g.durable = held.saved.Commit, held.saved.Commit
		}
		if held.first < g.first {
			back, _, err := l.IterateEntries(nil, 0, id.ShardID, id.ReplicaID, held.first, g.first, math.MaxUint64)
			if err == nil && uint64(len(back)) == g.first-held.first {
				g.first, g.entries = held.first, append(back, g.entries...)
			}
		}
	}
}

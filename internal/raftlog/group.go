package raftlog

import (
	"fmt"
	"slices"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

// group is what the log holds of one replica.
type group struct {
	id raftio.NodeInfo

	bootstrap []byte // encoded; nil if it was never saved
	snapshot  []byte // of the newest one; nil if there is none
	snapIndex uint64

	saved pb.State // what is on disk
	held  pb.State // a newer one that waits for the next record; empty if there is none

	// The live entries are those from first to last; none if last is below first.
	first, last uint64
	spans       []span // where they lie, ascending and without a gap
	missing     uint64 // entries up to here lie in segments that were dropped
	trimmed     bool   // first moved, and no record says so yet

	changes []uint64 // indexes of changes of the membership above saved.Commit, ascending
}

// span is entries in one segment: offsets[i] is where that of index first+i lies.
type span struct {
	seg     *segment
	first   uint64
	offsets []uint32
}

func (s span) last() uint64 { return s.first + uint64(len(s.offsets)) - 1 }

// clone returns a copy that shares nothing that changes.
func (g *group) clone() *group {
	c := *g
	c.changes = slices.Clone(g.changes)
	c.spans = slices.Clone(g.spans)
	for i := range c.spans {
		c.spans[i].offsets = slices.Clone(c.spans[i].offsets)
	}
	return &c
}

// newest is the newest state that the log was given.
func (g *group) newest() pb.State {
	if !pb.IsEmptyState(g.held) {
		return g.held
	}
	return g.saved
}

// append notes where an entry lies. It replaces the log from its index on.
func (g *group) append(seg *segment, index uint64, offset uint32, typ pb.EntryType) error {
	if index < g.first || index > g.last+1 || index == 0 {
		return fmt.Errorf("raftlog: entry %d is saved in a log from %d to %d", index, g.first, g.last)
	}
	if index <= g.last {
		g.truncate(index - 1)
	}
	if n := len(g.spans); n == 0 || g.spans[n-1].seg != seg {
		g.spans = append(g.spans, span{seg: seg, first: index})
	}
	s := &g.spans[len(g.spans)-1]
	s.offsets = append(s.offsets, offset)
	g.last = index
	if typ == pb.ConfigChangeEntry && index > g.saved.Commit {
		g.changes = append(g.changes, index)
	}
	return nil
}

// truncate makes last the last index.
func (g *group) truncate(last uint64) {
	for n := len(g.spans); n > 0 && g.spans[n-1].last() > last; n-- {
		s := &g.spans[n-1]
		if s.first <= last {
			s.offsets = s.offsets[:last-s.first+1]
			break
		}
		g.spans = g.spans[:n-1]
	}
	g.last, g.missing = last, min(g.missing, last)
	g.changes = slices.DeleteFunc(g.changes, func(i uint64) bool { return i > last })
}

// limit makes first and last the limits of the log. If they reach beyond what is there, what lacks is said to be missing.
func (g *group) limit(first, last uint64) {
	switch {
	case last < g.last:
		g.truncate(last)
	case last > g.last:
		g.spans, g.last, g.missing = nil, last, last
	}
	g.first = first
	keep := 0
	for keep < len(g.spans) && g.spans[keep].last() < first {
		keep++
	}
	g.spans = slices.Delete(g.spans, 0, keep)
	g.changes = slices.DeleteFunc(g.changes, func(i uint64) bool { return i < first })
}

// setSaved notes what state is on disk, which is the newest.
func (g *group) setSaved(s pb.State) {
	g.saved, g.held = s, pb.State{}
	g.changes = slices.DeleteFunc(g.changes, func(i uint64) bool { return i <= s.Commit })
}

// lacks tells whether live entries are not in any segment.
func (g *group) lacks() bool { return g.first <= g.last && g.missing >= g.first }

// oldest returns the first segment that holds a live entry, nil if none does.
func (g *group) oldest() *segment {
	if g.first > g.last || len(g.spans) == 0 {
		return nil
	}
	return g.spans[0].seg
}

// spares tells whether an update does not have to be on disk before the next message: it moves the commit index at most, over no change
// of the membership.
//
// Raft finds the commit index again after a restart (Ongaro's thesis, section 3.8). But which members there are is
// told by the entries that are known to be committed, and a node that sees a membership two changes old may find itself
// a quorum alone.
func (g *group) spares(u *pb.Update) bool {
	switch {
	case len(u.EntriesToSave) > 0 || !pb.IsEmptySnapshot(u.Snapshot):
		return false
	case pb.IsEmptyState(u.State) || pb.IsStateEqual(u.State, g.saved):
		return true
	case pb.IsEmptyState(g.saved) || u.State.Term != g.saved.Term || u.State.Vote != g.saved.Vote:
		return false
	}
	return len(g.changes) == 0 || g.changes[0] > u.State.Commit
}

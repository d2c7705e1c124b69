package server

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/redoubt-db/redoubt/mvcc"
)

// milestonesTold is how many milestones a hello carries. Members that apply side by side are a few hundred revisions apart.
const milestonesTold = 16

// finding is what a comparison of the members' state found.
type finding struct {
	revision uint64            // at which they were compared; 0 if they could not be
	hashes   map[uint64]uint64 // chain hash at revision by node
	differ   []uint64          // nodes that the majority of hashes is against; all, if there is none
}

// compareHashes looks for the newest revision that the most nodes told of, and at who differs there. Its milestones by
// node have ascending revisions.
func compareHashes(told map[uint64][]mvcc.Milestone) (f finding) {
	at := map[uint64]map[uint64]uint64{}
	for node, list := range told {
		for _, m := range list {
			if at[m.Revision] == nil {
				at[m.Revision] = map[uint64]uint64{}
			}
			at[m.Revision][node] = m.Chain
		}
	}
	for rev, hashes := range at {
		if c := cmp.Compare(len(hashes), len(f.hashes)); c > 0 || c == 0 && rev > f.revision {
			f.revision, f.hashes = rev, hashes
		}
	}
	if len(f.hashes) < 2 {
		return finding{}
	}
	votes := map[uint64]int{}
	for _, hash := range f.hashes {
		votes[hash]++
	}
	for _, node := range slices.Sorted(maps.Keys(f.hashes)) {
		if len(votes) > 1 && votes[f.hashes[node]] <= len(f.hashes)/2 {
			f.differ = append(f.differ, node)
		}
	}
	return f
}

// compare holds this node's state against what the others have told of theirs. Only those that the last round reached count,
// and nobody is judged before all of them can be, so that it is not two that differ without a third to decide.
func (p *peers) compare() {
	srv := p.srv
	own := srv.milestones(math.MaxInt)
	if len(own) == 0 {
		return
	}
	told := map[uint64][]mvcc.Milestone{srv.replica.ID(): own}
	membership := srv.replica.Membership()
	for _, node := range slices.Concat(membership.Voters, membership.Learners) {
		if h, ok := p.news(node); ok && len(h.hashes) > 0 && node != srv.replica.ID() {
			told[node] = h.hashes
		}
	}
	if f := compareHashes(told); len(f.hashes) == len(told) && len(f.differ) > 0 {
		srv.raiseCorrupt(f, &p.differed)
	}
}

// milestones are the newest of this node's.
func (srv *Server) milestones(max int) []mvcc.Milestone {
	defer srv.machine.RUnlock()
	if !srv.machine.RLock() {
		return nil
	}
	return srv.machine.Space().Store.Milestones(max)
}

// text is the hashes by node.
func (f finding) text() string {
	hashes := make([]string, 0, len(f.hashes))
	for _, node := range slices.Sorted(maps.Keys(f.hashes)) {
		hashes = append(hashes, formatID(node)+"="+formatID(f.hashes[node]))
	}
	return strings.Join(hashes, " ")
}

// corruptNodes are those that have the alarm.
func (srv *Server) corruptNodes() (list []uint64) {
	for _, a := range srv.machine.Alarms() {
		if a.Name == alarmCorrupt {
			list = append(list, a.Node)
		}
	}
	return list
}

func formatIDs(nodes []uint64) (list []string) {
	for _, node := range nodes {
		list = append(list, formatID(node))
	}
	return list
}

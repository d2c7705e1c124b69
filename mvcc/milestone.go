package mvcc

// Milestones let replicas find out that they differ: the chain hash right behind a revision is the same wherever that
// revision was made, so two of one revision can be compared whenever they are met. The present chain hash cannot: rows
// of leases go into it between revisions, and no two replicas are looked at in the same moment.
const (
	milestoneEvery = 1024 // revisions
	milestonesKept = 64   // two seconds at 32,768 writes a second
)

// Milestone is the chain hash right behind a revision.
type Milestone struct{ Revision, Chain uint64 }

// milestones are those of the revisions made since the store was opened.
type milestones struct {
	last Milestone
	ring [milestonesKept]Milestone // of multiples of milestoneEvery, at their number modulo its length
}

func (m *milestones) pass(rev, chain uint64) {
	m.last = Milestone{rev, chain}
	if rev%milestoneEvery == 0 {
		m.ring[rev/milestoneEvery%milestonesKept] = m.last
	}
}

// Milestones returns at most max of the newest milestones, oldest first: the last is of the newest revision, if that
// was made since the store was opened. It needs RLock.
func (s *Store) Milestones(max int) (list []Milestone) {
	m := &s.milestones
	newest := m.last.Revision / milestoneEvery
	for back := uint64(min(max-1, milestonesKept)); back > 0; back-- {
		number := newest - back + 1
		if at := m.ring[number%milestonesKept]; at.Revision == number*milestoneEvery && at.Revision > 0 && at != m.last {
			list = append(list, at)
		}
	}
	if m.last.Revision > 0 {
		list = append(list, m.last)
	}
	return list
}

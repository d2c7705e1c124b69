package replica

// Role is a member's part in the group.
type Role int

// The roles.
const (
	Voter   Role = iota + 1 // votes and counts towards the quorum
	Learner                 // receives the log and does neither
)

// Member is one node of the group, as this node's applied membership has it.
type Member struct {
	ID      uint64
	Role    Role
	Address string // "" if this node has not been told
}

// Info is a report on the replica, for INFO and RAFT.
type Info struct {
	Node, Cluster uint64
	Leader        Leader
	Term          uint64
	Applied       uint64 // dragonboat does not tell the commit index; it is not far from LogLast
	LogFirst      uint64 // the first and last index the log still holds
	LogLast       uint64
	Members       []Member // in order of their ids
}

// Info reports on the replica.
func (r *Replica) Info() Info {
	info := Info{Node: r.id.node, Cluster: r.id.cluster, Leader: r.Leader(), Applied: r.Applied()}
	info.Term = info.Leader.Term
	if log, err := r.nodeHost.GetLogReader(shardID); err == nil {
		info.LogFirst, info.LogLast = log.GetRange()
	}
	roles := r.members()
	for _, node := range sortedKeys(roles) {
		address, _ := r.peers.address(node)
		info.Members = append(info.Members, Member{ID: node, Role: roles[node], Address: address})
	}
	return info
}

// behind is how many entries of this node's log it has not applied yet. Those that are not committed count, as dragonboat does
// not tell them apart; they are few, since no node proposes more than its window.
func (r *Replica) behind() uint64 {
	r.calls.RLock()
	defer r.calls.RUnlock()
	if r.calls.closed {
		return 0
	}
	log, err := r.nodeHost.GetLogReader(shardID)
	if err != nil {
		return 0
	}
	_, last := log.GetRange()
	return last - min(last, r.Applied())
}

// members returns the members of the applied membership.
func (r *Replica) members() map[uint64]Role {
	roles := make(map[uint64]Role)
	m := r.Membership()
	for _, node := range m.Voters {
		roles[node] = Voter
	}
	for _, node := range m.Learners {
		roles[node] = Learner
	}
	return roles
}

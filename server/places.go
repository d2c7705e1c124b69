package server

import (
	"slices"

	"github.com/redoubt-db/redoubt/sm"
)

// Where the members are: what each says of itself, what the log says, and what this node was told at the start. All of it may be
// out of date when nodes move, so it is all asked.

// met is what a member said of itself when it last asked.
type met struct {
	introduction
	at int64 // monotonic nanoseconds
}

// meet takes note of a member that introduces itself, and has Raft take a new connection to it if the present one may be dead.
func (p *peers) meet(who introduction) {
	srv := p.srv
	if who.node == srv.replica.ID() {
		return
	}
	if who.raft != "" && srv.replica.Address(who.node) != who.raft {
		srv.replica.SetAddress(who.node, who.raft)
	}
	now := srv.mono()
	p.mu.Lock()
	last := p.met[who.node]
	p.met[who.node] = met{who, now}
	p.mu.Unlock()
	if last.mayBeCut(who, now) {
		srv.replica.Relink(who.node)
	}
}

// mayBeCut tells whether what connects Raft with a member may be dead: the member is a new process, or was not heard of for a while, or not
// at all before. The last is so where both were just started: this node has sent it messages since it started itself, and the process that
// got them may have ended before it said hello. An election between two followers needs that connection, and a vote that is lost on it
// cost half a second and more.
func (m *met) mayBeCut(who introduction, now int64) bool {
	return m.node == 0 || m.run != who.run || now-m.at > int64(peerFresh)
}

// said is where a member said itself that it is, if it did so lately. That counts for more than what the log says: a node that
// starts again replays what was true once, and one that has moved cannot write its new place into the log before it is found there.
func (p *peers) said(node uint64) (place introduction, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.srv.mono() - int64(peerFresh)
	if m, known := p.met[node]; known && m.at > at && m.raft != "" && m.client != "" {
		place, at, ok = m.introduction, m.at, true
	}
	if h, known := p.heard[node]; known && h.at > at {
		for _, m := range h.members {
			if m.Node == node && m.Raft != "" && m.Client != "" {
				place, ok = introduction{node: node, raft: m.Raft, client: m.Client}, true
			}
		}
	}
	return place, ok
}

// targets are the client addresses of the others: those of the log, those that they named themselves, and those told at
// the start, unless each member that this node knows of was heard of lately. That a leader is known is no reason to leave
// the last out: its messages arrive here, but the answers may go to where it was before.
func (p *peers) targets() (list []string) {
	own := p.srv.replica.ID()
	membership := p.srv.replica.Membership()
	lost := false
	for _, m := range p.srv.machine.Members() {
		if _, ok := membership.Role(m.Node); !ok || m.Node == own {
			continue
		}
		if m.Client != "" {
			list = append(list, m.Client)
		}
		place, ok := p.said(m.Node)
		if ok {
			list = append(list, place.client)
		}
		lost = lost || !ok
	}
	if lost || len(list) == 0 || !p.srv.replica.Leader().Known {
		list = append(list, p.hearsay()...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// hearsay is where members may be by what was told at the start, and by what others say now: when all have moved, one
// that both know brings two together.
func (p *peers) hearsay() []string {
	list := slices.Clone(p.origin.contacts)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.heard {
		for _, m := range h.members {
			if m.Node != p.srv.replica.ID() && m.Client != "" {
				list = append(list, m.Client)
			}
		}
	}
	return list
}

// placeMembers takes over where the log says that the members are. The goroutine that applies calls it.
func (srv *Server) placeMembers(list []sm.Member) {
	if srv.ready.Load() == nil {
		return // openReplica calls again
	}
	srv.place(list)
	srv.lookAtPeers()
}

// place tells Raft where members are: where they say so themselves, else where the log says so.
func (srv *Server) place(list []sm.Member) {
	p := srv.acquaintance.Load()
	for _, m := range list {
		if m.Node == srv.replica.ID() {
			continue
		}
		if p != nil {
			if at, ok := p.said(m.Node); ok {
				m.Raft = at.raft
			}
		}
		srv.replica.SetAddress(m.Node, m.Raft)
	}
}

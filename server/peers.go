package server

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/sm"
)

const (
	peerEvery     = time.Second            // between two rounds of hellos
	peerEverySoon = 100 * time.Millisecond // while this node is not yet what it is to be
	peerFresh     = 3 * time.Second        // news older than this are none
	changeMax     = 5 * time.Second        // for one change of the membership
	removedGrace  = 300 * time.Millisecond // from a node's removal to its end
)

// peers keeps this node and the other members acquainted. Raft alone cannot: it delivers nothing to a node whose
// address nobody knows. Once a second each member asks each other one, on its client port, who it is, and says who
// and where it is itself; what is new of that goes into the log. A new node is added and promoted from here.
type peers struct {
	srv    *Server
	dir    string
	origin origin
	kick   chan struct{}
	life   context.Context // whatever peers waits for ends with it
	end    context.CancelFunc
	done   sync.WaitGroup

	announcing, promoting atomic.Bool

	mu      sync.Mutex
	heard   map[uint64]heard
	met     map[uint64]met
	fresh   int64 // when this node had last applied all that the leader had, by monotonic nanoseconds
	catchUp struct {
		applied uint64 // what the leader had ...
		at      int64  // ... when it was asked; 0: nothing to wait for
	}

	// What follows is run's alone.
	conns    map[string]*peerConn
	written  []sm.Member // in MEMBERS
	differed []uint64    // nodes that compare named last
}

// heard is the last answer of a member.
type heard struct {
	greeting
	at int64 // monotonic nanoseconds
}

func startPeers(srv *Server, dir string, o origin) *peers {
	p := &peers{srv: srv, dir: dir, origin: o, kick: make(chan struct{}, 1), heard: map[uint64]heard{}, met: map[uint64]met{}, conns: map[string]*peerConn{}}
	p.life, p.end = context.WithCancel(context.Background())
	srv.acquaintance.Store(p)
	p.done.Go(p.run)
	return p
}

func (p *peers) stop() {
	p.end()
	p.done.Wait()
}

// look asks for a round now. It may be called by any goroutine.
func (p *peers) look() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

func (p *peers) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-p.kick:
		case <-p.life.Done():
			for _, c := range p.conns {
				c.close()
			}
			return
		}
		p.round()
		p.srv.place(p.srv.machine.Members())
		p.compare()
		p.staleness()
		if p.settle() {
			timer.Reset(peerEvery)
		} else {
			timer.Reset(peerEverySoon)
		}
	}
}

// round says hello to everybody at once.
func (p *peers) round() {
	targets := p.targets()
	for address, c := range p.conns {
		if !slices.Contains(targets, address) {
			c.close()
			delete(p.conns, address)
		}
	}
	after := make([]*peerConn, len(targets))
	var all sync.WaitGroup
	for i, address := range targets {
		c := p.conns[address]
		all.Go(func() { after[i] = p.greet(address, c) })
	}
	all.Wait()
	for i, address := range targets {
		if delete(p.conns, address); after[i] != nil {
			p.conns[address] = after[i]
		}
	}
}

// greet exchanges hellos over c, or a connection made now, and returns it if it is still good.
func (p *peers) greet(address string, c *peerConn) *peerConn {
	if c == nil {
		var err error
		if c, err = dialPeer(p.life, p.srv.conf.View(), address); err != nil {
			return nil
		}
	}
	defer context.AfterFunc(p.life, c.close)()
	self, asked := p.srv.self(), p.srv.mono()
	r, err := c.do(peerDialMax, introduction{p.srv.replica.Cluster(), self.Node, self.Raft, self.Client, p.srv.runID}.args()...)
	var h *greeting
	if err == nil {
		h, err = parseGreeting(r)
	}
	if err != nil {
		c.close()
		return nil
	}
	if h.cluster == p.srv.replica.Cluster() {
		p.hear(h, asked)
		p.askToBeAdded(c, h, self)
	}
	return c
}

// hear takes over what another member says.
func (p *peers) hear(h *greeting, asked int64) {
	p.mu.Lock()
	p.heard[h.node] = heard{*h, p.srv.mono()}
	if leader := p.srv.replica.Leader(); leader.Known && leader.ID == h.node && p.catchUp.at == 0 {
		p.catchUp.applied, p.catchUp.at = h.applied, asked
	}
	p.mu.Unlock()
	if h.you == youRemoved {
		p.srv.replica.MarkRemoved()
	}
	for _, m := range h.members {
		known := p.srv.replica.Address(m.Node)
		if m.Raft != "" && m.Node != p.srv.replica.ID() && (known == "" || m.Node == h.node && known != m.Raft) {
			p.srv.replica.SetAddress(m.Node, m.Raft)
		}
	}
}

// askToBeAdded is what a node does that has joined no group yet.
func (p *peers) askToBeAdded(c *peerConn, h *greeting, self sm.Member) {
	if h.you != youUnknown || h.state != nodeMember || p.role() != 0 {
		return
	}
	if _, err := c.do(2*changeMax, "RAFT", "ADD", formatID(self.Node), self.Raft, self.Client, self.Name); err != nil {
		p.srv.log.Warn("The cluster did not add this node yet; it asks again", "err", err)
	}
}

// role is this node's own, 0 if it is no member.
func (p *peers) role() replica.Role {
	m := p.srv.replica.Membership()
	role, _ := m.Role(p.srv.replica.ID())
	return role
}

// settle brings the log, the membership and the file up to date with what this node is, and tells whether all of
// it is.
func (p *peers) settle() bool {
	role := p.role()
	if role == 0 || !p.srv.isReady() {
		return false
	}
	p.writeFile()
	announced, promoted := p.announce(), role == replica.Voter || !p.origin.voter
	if !promoted && p.promoting.CompareAndSwap(false, true) {
		p.done.Go(func() {
			defer p.promoting.Store(false)
			p.promote()
		})
	}
	return announced && promoted
}

// announce puts this node's addresses into the log, unless they are there.
func (p *peers) announce() bool {
	self := p.srv.self()
	if slices.Contains(p.srv.machine.Members(), self) {
		return true
	}
	if p.announcing.CompareAndSwap(false, true) {
		p.srv.submit(0, memberRequest(self), func([]byte, bool) {
			p.announcing.Store(false)
			p.look()
		})
	}
	return false
}

func memberRequest(m sm.Member) [][]byte {
	return [][]byte{[]byte(" MEMBER"), strconv.AppendUint(nil, m.Node, 10), []byte(m.Raft), []byte(m.Client), []byte(m.Name)}
}

// promote makes this node a voter. It has caught up: an entry that it proposed came back to it through the log.
func (p *peers) promote() {
	ctx, cancel := context.WithTimeout(p.life, changeMax)
	defer cancel()
	if err := p.srv.replica.Promote(ctx, p.srv.replica.ID()); err != nil {
		p.srv.log.Warn("This node did not become a voter yet; it asks again", "err", err)
		return
	}
	p.srv.log.Info("This node has caught up and votes now")
	p.look()
}

// writeFile keeps MEMBERS up to date once there is more than one.
func (p *peers) writeFile() {
	list := p.srv.machine.Members()
	if len(list) < 2 || slices.Equal(list, p.written) {
		return
	}
	seed, ok := p.srv.machine.Seed()
	if !ok {
		return
	}
	f := membersFile{cluster: p.srv.replica.Cluster(), seed: seed, voter: p.origin.voter, members: list}
	if err := f.write(p.dir); err != nil {
		p.srv.log.Warn("where the members are could not be noted", "err", err)
		return
	}
	p.written = list
}

// news is the last that was heard of a member, if it is not old.
func (p *peers) news(node uint64) (heard, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, ok := p.heard[node]
	return h, ok && p.srv.mono()-h.at < int64(peerFresh)
}

func (srv *Server) lookAtPeers() {
	if p := srv.acquaintance.Load(); p != nil {
		p.look()
	}
}

// endWhenRemoved ends the process when this node has been removed from its cluster. A client that asked for it has
// its reply by then.
func (srv *Server) endWhenRemoved(fatal func(reason string)) {
	select {
	case <-srv.replica.Removed():
	case <-srv.peers.life.Done():
		return
	}
	srv.log.Error("This node was removed from its cluster and serves no more")
	time.Sleep(removedGrace)
	if fatal != nil {
		fatal(oneLine(replica.ErrRemoved.Error()))
	}
}

// last is the last that was heard of a member, however old.
func (p *peers) last(node uint64) (heard, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, ok := p.heard[node]
	return h, ok
}

// staleness is how old what a READONLY client reads here may be: since this node last had all that the leader had.
func (p *peers) staleness() time.Duration {
	if p.srv.leads() {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.catchUp.at > 0 && p.srv.replica.Applied() >= p.catchUp.applied {
		p.fresh, p.catchUp.at = p.catchUp.at, 0
	}
	return time.Duration(p.srv.mono() - p.fresh)
}

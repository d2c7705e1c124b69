package server

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/command"
)

// clientList knows every session of the node, for those that are not on its loop.
type clientList struct {
	mu    sync.Mutex
	byID  map[uint64]*session
	count atomic.Int64
}

func (c *clientList) add(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil {
		c.byID = map[uint64]*session{}
	}
	c.byID[s.info.id] = s
	c.count.Store(int64(len(c.byID)))
}

func (c *clientList) remove(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, s.info.id)
	c.count.Store(int64(len(c.byID)))
}

func (c *clientList) len() int { return int(c.count.Load()) }

// all are the sessions in order of their ids. Of another loop's session only info may be read; the rest
// by posting to its loop.
func (c *clientList) all() []*session {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*session, 0, len(c.byID))
	for _, s := range c.byID {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *session) int { return int(int64(a.info.id) - int64(b.info.id)) })
	return list
}

func (c *clientList) find(id uint64) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byID[id]
}

// pauseState is CLIENT PAUSE: sessions park before commands it stops, until its end.
type pauseState struct {
	on     atomic.Bool
	mu     sync.Mutex
	until  int64 // monotonic nanoseconds
	all    bool  // not only writes
	parked map[*session]struct{}
}

func (p *pauseState) active() bool { return p.on.Load() }

// stops tells whether a command must wait: any but CLIENT's own in mode ALL, those that may write otherwise.
func (p *pauseState) stops(s *session, e *entry) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.srv.mono() >= p.until {
		return false
	}
	if p.all {
		return true
	}
	return writes(e) || e.name == "exec" && s.multi != nil && slices.ContainsFunc(s.multi.ops, func(q queued) bool { return writes(q.entry) })
}

func writes(e *entry) bool {
	return e.Write != nil || e.Flags&(command.WriteFlag|command.MayReplicate) != 0
}

// hold notes a session that parked, so that the end of the pause wakes it.
func (p *pauseState) hold(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parked == nil {
		p.parked = map[*session]struct{}{}
	}
	p.parked[s] = struct{}{}
}

func (p *pauseState) holds(s *session) bool {
	if !p.on.Load() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, held := p.parked[s]
	return held
}

// waiting is how many sessions are parked.
func (p *pauseState) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.parked)
}

func (p *pauseState) forget(s *session) {
	if !p.on.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.parked, s)
}

// set begins or prolongs a pause until a monotonic time; a pause of all commands stays one of all. The
// caller sees to end being called then.
func (p *pauseState) set(until int64, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on.Load() {
		until, all = max(until, p.until), all || p.all
	}
	p.until, p.all = until, all
	p.on.Store(true)
}

// end lifts the pause if its time has come, or at once when forced, and returns the sessions to wake.
func (p *pauseState) end(now int64, force bool) (wake []*session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.on.Load() || now < p.until && !force {
		return nil
	}
	for s := range p.parked {
		wake = append(wake, s)
	}
	p.parked, p.all, p.until = nil, false, 0
	p.on.Store(false)
	return wake
}

// unpause ends a pause and lets the parked sessions go on, each on its loop.
func (srv *Server) unpause(force bool) {
	for _, s := range srv.pause.end(srv.mono(), force) {
		s.loop.post(func() {
			s.loop.touch(s)
			s.resume()
		})
	}
}

// expiredKeys are the keys that ended at their deadlines since the process started.
func (srv *Server) expiredKeys() uint64 {
	defer srv.machine.RUnlock()
	if !srv.machine.RLock() {
		return 0
	}
	return srv.machine.Space().Expired
}

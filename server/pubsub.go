package server

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/internal/glob"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// A message travels in the log with the writes of its connection. Apply hands what committed requests said to the
// hub of each node, in order; the hub gives it to the loops that have subscribers, as a posted function like any
// other, so apply waits for no client. Each loop then finds its own sessions:
//
//	PUBLISH -> entry -> apply -> hub.tell -> loop.hear -> session.out of every subscriber
//
// A subscriber that does not read is closed by client-output-buffer-limit, as in Redis.

// hearing is one of the three ways to be told of messages. They have names of their own.
type hearing uint8

const (
	byChannel hearing = iota // SUBSCRIBE
	byPattern                // PSUBSCRIBE
	byShard                  // SSUBSCRIBE
	hearings
)

// hub knows what anybody on this node listens to. Sessions tell it on their loops, apply asks it.
type hub struct {
	total atomic.Int64 // subscriptions of all sessions

	mu     sync.RWMutex // innermost
	counts [hearings]map[string]int
	loops  map[*loop]int // subscriptions of their sessions; none without
}

func (h *hub) add(l *loop, kind hearing, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counts[kind] == nil {
		h.counts[kind] = map[string]int{}
	}
	if h.loops == nil {
		h.loops = map[*loop]int{}
	}
	h.counts[kind][name]++
	h.loops[l]++
	h.total.Add(1)
}

func (h *hub) remove(l *loop, kind hearing, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counts[kind][name]--; h.counts[kind][name] == 0 {
		delete(h.counts[kind], name)
	}
	if h.loops[l]--; h.loops[l] == 0 {
		delete(h.loops, l)
	}
	h.total.Add(-1)
}

// listening tells whether there is anybody at all.
func (h *hub) listening() bool { return h.total.Load() > 0 }

// audience is how many subscriptions get a message of the channel.
func (h *hub) audience(channel []byte, sharded bool) int64 {
	if !h.listening() {
		return 0
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if sharded {
		return int64(h.counts[byShard][string(channel)])
	}
	n := h.counts[byChannel][string(channel)]
	for pattern, sessions := range h.counts[byPattern] {
		if glob.Match([]byte(pattern), channel) {
			n += sessions
		}
	}
	return int64(n)
}

// tell sends messages to the loops whose sessions may want them. It does not block. The list is kept.
func (h *hub) tell(list []keyspace.Message) {
	if len(list) > 0 { // each read comes here, and mostly with nothing: what follows puts list on the heap
		h.tellSome(list)
	}
}

func (h *hub) tellSome(list []keyspace.Message) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	list = slices.DeleteFunc(list, func(m keyspace.Message) bool {
		if m.Sharded {
			return h.counts[byShard][string(m.Channel)] == 0
		}
		return h.counts[byChannel][string(m.Channel)] == 0 && len(h.counts[byPattern]) == 0
	})
	if len(list) == 0 {
		return
	}
	for l := range h.loops {
		l.post(func() { l.hear(list) })
	}
}

// count is how many sessions subscribe by that name.
func (h *hub) count(kind hearing, name []byte) int64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return int64(h.counts[kind][string(name)])
}

// len is how many names are subscribed to.
func (h *hub) len(kind hearing) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.counts[kind])
}

// names are those subscribed to that match the pattern, in order.
func (h *hub) names(kind hearing, pattern []byte) []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var list []string
	for name := range h.counts[kind] {
		if glob.Match(pattern, []byte(name)) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// said takes what requests said from apply.
func (srv *Server) said(list []keyspace.Message, lost int) {
	if lost > 0 {
		srv.log.Warn("more messages at once than are kept for subscribers", "told", len(list), "lost", lost)
	}
	srv.hub.tell(list)
}

// ears are the subscribers among a loop's sessions. Only the loop's goroutine touches them.
type ears struct {
	groups [hearings]map[string]*group
	made   int // groups so far
}

// group is the sessions that subscribe by one name.
type group struct {
	name     string
	order    int // patterns are tried in the order in which they first came
	sessions map[*session]struct{}
}

func (e *ears) add(s *session, kind hearing, name string) {
	if e.groups[kind] == nil {
		e.groups[kind] = map[string]*group{}
	}
	g := e.groups[kind][name]
	if g == nil {
		e.made++
		g = &group{name: name, order: e.made, sessions: map[*session]struct{}{}}
		e.groups[kind][name] = g
	}
	g.sessions[s] = struct{}{}
}

func (e *ears) remove(s *session, kind hearing, name string) {
	g := e.groups[kind][name]
	if delete(g.sessions, s); len(g.sessions) == 0 {
		delete(e.groups[kind], name)
	}
}

// matching are the groups whose pattern matches, the oldest first.
func (e *ears) matching(channel []byte) []*group {
	var found []*group
	for pattern, g := range e.groups[byPattern] {
		if glob.Match([]byte(pattern), channel) {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, func(a, b *group) int { return cmp.Compare(a.order, b.order) })
	return found
}

// hear tells this loop's subscribers.
func (l *loop) hear(list []keyspace.Message) {
	for i := range list {
		m := &list[i]
		channel, payload := resp.Bulk(m.Channel), resp.Bulk(m.Payload)
		if m.Sharded {
			l.ears.groups[byShard][string(m.Channel)].tell(resp.Push(resp.BulkString("smessage"), channel, payload))
			continue
		}
		l.ears.groups[byChannel][string(m.Channel)].tell(resp.Push(resp.BulkString("message"), channel, payload))
		for _, g := range l.ears.matching(m.Channel) {
			g.tell(resp.Push(resp.BulkString("pmessage"), resp.BulkString(g.name), channel, payload))
		}
	}
}

// tell sends a message to every session of the group, encoded once for each protocol. No group is nobody.
func (g *group) tell(message resp.Value) {
	if g == nil {
		return
	}
	var encoded [resp.RESP3 + 1][]byte
	for s := range g.sessions {
		if encoded[s.proto] == nil {
			encoded[s.proto] = message.Append(nil, s.proto)
		}
		s.tell(encoded[s.proto])
	}
}

// tell sends one message. A session that has too many of them unread is closed, which takes it out of every group.
func (s *session) tell(message []byte) {
	s.out = append(s.room(), message...)
	s.loop.touch(s)
	if len(s.out) >= unsentCheck {
		s.checkOutput()
	}
}

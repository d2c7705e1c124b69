package server

import (
	"cmp"
	"maps"
	"slices"

	"github.com/redoubt-db/redoubt/resp"
)

// subscriptions are what one session listens to, and the order in which it came to.
type subscriptions struct {
	names [hearings]map[string]int
	made  int
	bytes int // that they take, here and in the loop and the hub
}

// subscribe makes the session listen, unless it does, and returns Redis' count for the reply: that of shard channels,
// or that of channels and patterns.
func (s *session) subscribe(kind hearing, name string) int {
	if s.subs.names[kind] == nil {
		s.subs.names[kind] = map[string]int{}
	}
	if _, already := s.subs.names[kind][name]; !already {
		s.subs.made++
		s.subs.bytes += subscriptionBytes + len(name)
		s.subs.names[kind][name] = s.subs.made
		s.loop.ears.add(s, kind, name)
		s.srv.hub.add(s.loop, kind, name)
		s.subscribed(kind)
	}
	return s.subscribedTo(kind)
}

// unsubscribe ends it, if there is anything to end.
func (s *session) unsubscribe(kind hearing, name string) int {
	if _, does := s.subs.names[kind][name]; does {
		delete(s.subs.names[kind], name)
		s.subs.bytes -= subscriptionBytes + len(name)
		s.loop.ears.remove(s, kind, name)
		s.srv.hub.remove(s.loop, kind, name)
		s.subscribed(kind)
	}
	return s.subscribedTo(kind)
}

// subscribed shows to others how many subscriptions there are now.
func (s *session) subscribed(kind hearing) {
	s.info.subs[kind].Store(int32(len(s.subs.names[kind])))
	s.setFlag(flagPubSub, s.listens())
}

func (s *session) subscribedTo(kind hearing) int {
	if kind == byShard {
		return len(s.subs.names[byShard])
	}
	return len(s.subs.names[byChannel]) + len(s.subs.names[byPattern])
}

// listens tells a session that is subscribed to anything.
func (s *session) listens() bool {
	return s.subscribedTo(byShard)+s.subscribedTo(byChannel) > 0
}

// subscriptionsOf are the names it listens by, the oldest first.
func (s *session) subscriptionsOf(kind hearing) []string {
	names := s.subs.names[kind]
	return slices.SortedFunc(maps.Keys(names), func(a, b string) int { return cmp.Compare(names[a], names[b]) })
}

// unsubscribeAll is what RESET and the end of the connection do.
func (s *session) unsubscribeAll() {
	for kind := range hearings {
		for name := range s.subs.names[kind] {
			s.unsubscribe(kind, name)
		}
		s.subs.names[kind] = nil
	}
}

// mayRun tells the commands that a subscriber may send in RESP2, where replies and messages cannot be told apart.
func (s *session) mayRun(e *entry) bool {
	if s.proto != resp.RESP2 || !s.listens() {
		return true
	}
	switch e.name {
	case "ping", "subscribe", "ssubscribe", "unsubscribe", "sunsubscribe", "psubscribe", "punsubscribe", "quit", "reset":
		return true
	}
	return false
}

// confirm answers by pushes, one for each name, which CLIENT REPLY does not hold back. In a transaction they stand in
// the place of the command's reply, as they do in Redis.
func (s *session) confirm(pushes []byte) resp.Value {
	if s.exec != nil {
		return resp.Raw(pushes)
	}
	if s.mode == replySkip {
		s.mode = replyOn
	}
	s.push(resp.Raw(pushes))
	return resp.None
}

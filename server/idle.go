package server

import (
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// idleSkipMost is how many commands of a session are not tried after ones that did change something.
const idleSkipMost = 32

// idler is what a loop needs to answer commands that change nothing; it is used again for each.
type idler struct {
	call command.ReadCall
	view keyspace.View
}

// idleHope is whether it is worth a look if a session's writes change anything. Each that does halves how often the next are looked at:
//
//	SADD of new members: tried, 1 not, tried, 2 not, tried, 4 not ... 32 not, tried
//	SADD of old members: tried, each of them
type idleHope struct{ skip, next uint8 }

func (h *idleHope) tries() bool {
	if h.skip > 0 {
		h.skip--
		return false
	}
	return true
}

func (h *idleHope) failed() {
	h.next = min(max(1, 2*h.next), idleSkipMost)
	h.skip = h.next
}

// answerIdle answers a command that would write but has nothing to change, from the local view: without an entry of the log or a sync
// of the disk. Such an answer is that of a read, so it needs what a read needs; only where that is there without asking anybody is it
// quicker than the log.
func (s *session) answerIdle(e *entry, args [][]byte) bool {
	if e.Idle == nil || s.pendingWrites+s.pendingReads > 0 || !s.idle.tries() || !s.srv.replica.ReadsAtOnce() {
		return false
	}
	m := s.srv.machine
	if !m.TryRLock() { // a batch is being applied: there is a chance to be part of the next one instead
		return false
	}
	defer m.RUnlock()
	start := s.srv.mono()
	v, ok := s.idleReply(e, args)
	if !ok {
		s.idle.failed()
		return false
	}
	s.idle = idleHope{}
	s.srv.account(s, e, args, s.srv.mono()-start, false)
	s.reply(v)
	return true
}

// idleReply needs the machine's read lock.
func (s *session) idleReply(e *entry, args [][]byte) (v resp.Value, ok bool) {
	i := &s.loop.idler
	_, broken := s.guardedElsewhere(func() resp.Value {
		i.view = s.srv.machine.View(s.db, s.srv.clock.estimate(), false)
		i.call.Reset(args, &i.view, s.proto)
		v, ok = e.Idle(&i.call)
		return v
	})
	return v, ok && !broken && i.view.Need() == 0
}

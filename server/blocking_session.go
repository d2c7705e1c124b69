package server

import (
	"bytes"
	"time"

	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// behindMax is how many tries one write may be followed by; more clients than that are tried when it has been applied.
const behindMax = 1024

// waiter is a blocked client's command. Nothing changes what stands first.
type waiter struct {
	s     *session
	e     *entry
	args  [][]byte
	proto resp.Protocol
	db    uint32
	keys  []string
	typ   mvcc.Type // of keys that can serve it
	most  int       // elements that it takes

	// What follows belongs to waiters.mu.
	listed   bool // is in the lines of its keys
	trying   bool // is in a batch, or on its way there
	doubtful bool // nobody knows whether it will find something
	leaving  bool // is to be answered as soon as it is not tried any more
	gone     bool // waits no longer
	on       lineKey
	seq      uint64
	places   []place

	// What follows is the loop's alone.
	timer   *time.Timer
	waits   bool // was tried, and found nothing: the client counts as blocked
	expired bool // time is up, or the client was unblocked, while it was tried
	done    bool
	instead []byte             // a reply that takes the place of null
	told    []func(ended bool) // those who unblocked it, to be told whether they did
}

// block runs a command that may wait. The session stops until it is answered.
func (s *session) block(e *entry, args [][]byte) {
	own := cloneArgs(args)
	b := &waiter{s: s, e: e, args: own, proto: s.proto, db: s.db, typ: waitTypes(e)[0], most: e.TakesMost(own)}
	for _, key := range e.WaitKeys(own) {
		b.keys = append(b.keys, string(key))
	}
	s.wait()
	s.blocked = b
	s.late = newLate(e, own, s.srv.mono())
	if ms, err := e.Timeout(own); err == nil && ms > 0 && ms < int64(time.Duration(1<<62)/time.Millisecond) {
		b.timer = time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { s.loop.post(func() { b.end(nil, nil) }) })
	}
	s.loop.stageTry(b, own, false)
	s.loop.stageBehind(e, own, s.db)
}

// stageTry puts a client's command into this loop's writes; the client may belong to another.
func (l *loop) stageTry(b *waiter, args [][]byte, again bool) {
	op := sm.LocalOp{Kind: sm.OpRequest, Owner: b, Proto: b.proto, Again: again}
	l.stageRequest(op, func(dst []byte) []byte { return sm.AppendCommand(dst, b.db, args) })
}

// stageTurns puts the tries of clients into this loop's writes, and behind them those of clients who wait for what they
// move.
func (l *loop) stageTurns(turns []turn) {
	w := &l.srv.waiters
	for i := 0; i < len(turns); i++ {
		t := turns[i]
		if w.isGone(t.b) {
			continue // who ended it has handed on its turn
		}
		l.stageTry(t.b, t.b.e.WaitFor(t.b.args, []byte(t.id.key)), true)
		certain := 1
		if t.b.doubtful {
			certain = 0
		}
		for _, key := range t.b.e.PutKeys(t.b.args) {
			turns = w.takeBehind(turns, lineKey{string(key), t.b.db, t.b.typ}, 1, certain)
		}
	}
}

func (w *waiters) isGone(b *waiter) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return b.gone
}

// stageBehind has those tried who wait for what a write of this node may bring: directly behind it.
func (l *loop) stageBehind(e *entry, args [][]byte, db uint32) {
	w := &l.srv.waiters
	if !w.any() || e.Write == nil {
		return
	}
	types := waitTypes(e)
	if len(types) == 0 {
		return
	}
	most, certain := e.Brings(args)
	var turns []turn
	for _, key := range e.PutKeys(args) {
		for _, t := range types {
			turns = w.takeBehind(turns, lineKey{string(key), db, t}, most, certain)
		}
	}
	l.stageTurns(turns)
}

// settled takes the outcome of a try; on the waiter's loop.
func (b *waiter) settled(op *sm.LocalOp, reply []byte, fault resp.Value) {
	switch {
	case b.done:
	case !fault.IsNone():
		b.finish(fault.Append(nil, b.proto), 0, false)
	case !op.Blocked:
		b.finish(append([]byte(nil), reply...), op.Rev, false)
	default:
		if !b.waits {
			b.waits = true
			b.s.setFlag(flagBlocked, true)
			b.s.srv.waiters.blocked.Add(1)
		}
		if op.Again && len(b.keys) > 1 {
			b.lookAtAll() // it could not be tried for the others meanwhile
		}
		if b.expired {
			b.end(nil, nil)
		}
	}
}

// lookAtAll has all the keys of a client that waits for several looked at.
func (b *waiter) lookAtAll() {
	ids := make([]lineKey, len(b.keys))
	for i, key := range b.keys {
		ids[i] = lineKey{key, b.db, b.typ}
	}
	b.s.srv.look(ids)
}

// end gives the waiter up: its answer is null, or instead. A try on its way is waited for, as what it takes is delivered.
// told, if any, hears whether it was so.
func (b *waiter) end(instead []byte, told func(ended bool)) {
	if b.done {
		if told != nil {
			told(false)
		}
		return
	}
	if told != nil {
		b.told = append(b.told, told)
	}
	if b.instead == nil {
		b.instead = instead
	}
	b.expired = true
	if !b.waits || !b.s.srv.waiters.giveUp(b) {
		return
	}
	reply := b.instead
	if reply == nil {
		reply = resp.NullArray().Append(nil, b.proto) // whatever the command answers where it may not wait
	}
	b.finish(reply, 0, true)
}

// finish answers the client, which goes on.
func (b *waiter) finish(reply []byte, rev uint64, ended bool) {
	s := b.s
	b.forget(ended)
	if s.closed {
		return
	}
	s.blocked = nil
	s.lastRev = max(s.lastRev, rev)
	s.info.lastUsed.Store(s.srv.mono())                  // or timeout would close it for having waited
	s.late.start = s.srv.mono() - s.srv.applyTime.Load() // waiting is no work
	v := resp.Raw(reply)
	if len(reply) > 0 && reply[0] == '-' { // so that it is counted as what it is
		v = resp.Error(string(bytes.TrimSuffix(reply[1:], []byte("\r\n"))))
	}
	s.finish(v)
	s.loop.touch(s)
}

// forget ends the waiting without an answer: the client has gone, or has its reply.
func (b *waiter) forget(ended bool) {
	b.done = true
	srv := b.s.srv
	if on, look := srv.waiters.drop(b); look {
		srv.look([]lineKey{on})
	}
	if b.waits {
		b.s.setFlag(flagBlocked, false)
		srv.waiters.blocked.Add(-1)
	}
	if b.timer != nil {
		b.timer.Stop()
	}
	for _, told := range b.told {
		told(ended)
	}
	b.told = nil
}

// errUnblocked is the reply of CLIENT UNBLOCK ERROR to the client unblocked.
var errUnblocked = resp.Error("UNBLOCKED client unblocked via CLIENT UNBLOCK")

// unblock ends the waiting of another session, as its time did or with an error, and answers 1; 0 if it does not wait, or
// was served before.
func (s *session) unblock(other *session, withError bool) resp.Value {
	s.wait()
	told := func(ended bool) {
		n := int64(0)
		if ended {
			n = 1
		}
		s.answer(resp.Int(n))
	}
	other.loop.post(func() {
		if other.blocked == nil {
			told(false)
			return
		}
		var instead []byte
		if withError {
			instead = errUnblocked.Append(nil, other.proto)
		}
		other.blocked.end(instead, told)
	})
	return resp.None
}

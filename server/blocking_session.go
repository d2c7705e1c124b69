package server

import (
	"time"

	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// behindMax is how many tries one write may be followed by; more waiters than that are woken by apply.
const behindMax = 1024

// block runs a command that may wait. The session stops until it is answered.
func (s *session) block(e *entry, args [][]byte) {
	own := cloneArgs(args)
	b := &waiter{s: s, e: e, args: own, db: s.db, typ: typeOf(e), start: s.srv.mono(), trying: true}
	for _, key := range e.WaitKeys(own) {
		b.keys = append(b.keys, string(key))
	}
	s.wait()
	s.blocked = b
	s.late = lateCommand{e, own, b.start}
	if ms, err := e.Timeout(own); err == nil && ms > 0 && ms < int64(time.Duration(1<<62)/time.Millisecond) {
		b.timer = time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { s.loop.post(func() { b.end(nil) }) })
	}
	b.stage()
}

// stage puts the command into the open batch.
func (b *waiter) stage() {
	b.s.loop.stageFor(b)
}

// stageFor puts a waiter's command into this loop's writes; the waiter may belong to another.
func (l *loop) stageFor(b *waiter) {
	op := sm.LocalOp{Kind: sm.OpRequest, Owner: b, Proto: b.s.proto, Again: b.waits.Load()}
	l.stageRequest(op, func(dst []byte) []byte { return sm.AppendCommand(dst, b.db, b.args) })
}

// try tries again; on the waiter's loop.
func (b *waiter) try() {
	if b.done {
		b.s.srv.waiters.drop(b)
		return
	}
	b.stage()
	b.s.loop.stageBehind(b.e, b.args)
}

// stageBehind puts the commands of those who wait for what a write may bring directly behind it.
func (l *loop) stageBehind(e *entry, args [][]byte) {
	w := &l.srv.waiters
	t := typeOf(e)
	if t == 0 || !w.any() || e.Write == nil {
		return
	}
	var behind []*waiter
	for _, p := range e.Keys.Positions(nil, args) {
		behind = w.take(behind, args[p], t, min(len(args), behindMax))
	}
	for _, b := range behind {
		l.stageFor(b)
		if len(b.keys) < len(b.e.Keys.Positions(nil, b.args)) { // it moves what it takes: somebody may wait for that
			l.stageBehind(b.e, b.args)
		}
	}
}

// settled takes the outcome of a try; on the waiter's loop.
func (b *waiter) settled(op *sm.LocalOp, reply []byte, fault resp.Value) {
	switch {
	case b.done:
		b.s.srv.waiters.drop(b)
	case !fault.IsNone():
		b.finish(fault.Append(nil, b.s.proto), 0)
	case !op.Blocked:
		b.finish(append([]byte(nil), reply...), op.Rev)
	default:
		if b.null == nil {
			b.null = resp.NullArray().Append(nil, b.s.proto) // whatever the command answers where it may not wait
			b.s.setFlag(flagBlocked, true)
			b.s.srv.waiters.blocked.Add(1)
		}
		if b.expired {
			b.end(b.instead)
		}
	}
}

// end gives the waiter up and answers null, or instead. A try on its way is waited for: what it takes is delivered.
func (b *waiter) end(instead []byte) bool {
	if b.done {
		return false
	}
	if b.instead == nil {
		b.instead = instead
	}
	if b.null == nil || !b.s.srv.waiters.giveUp(b) {
		b.expired = true
		return b.null != nil
	}
	if b.instead != nil {
		b.finish(b.instead, 0)
	} else {
		b.finish(b.null, 0)
	}
	return true
}

// finish answers the client, which goes on.
func (b *waiter) finish(reply []byte, rev uint64) {
	s := b.s
	b.forget()
	if s.closed {
		return
	}
	s.blocked = nil
	s.lastRev = max(s.lastRev, rev)
	if len(reply) > 0 && reply[0] == '-' {
		s.srv.stats.errorReply(reply[1:])
	}
	s.finish(resp.Raw(reply))
	s.loop.touch(s)
}

// forget ends the waiting without an answer: the client has gone, or has its reply.
func (b *waiter) forget() {
	b.done = true
	b.s.srv.waiters.drop(b)
	if b.null != nil {
		b.s.setFlag(flagBlocked, false)
		b.s.srv.waiters.blocked.Add(-1)
	}
	if b.timer != nil {
		b.timer.Stop()
	}
}

// errUnblocked is the reply of CLIENT UNBLOCK ERROR to the client unblocked.
var errUnblocked = resp.Error("UNBLOCKED client unblocked via CLIENT UNBLOCK")

// unblock ends the waiting of another session, as its time did or with an error; false if it does not wait.
func (s *session) unblock(other *session, withError bool) resp.Value {
	var instead []byte
	if withError {
		instead = errUnblocked.Append(nil, other.proto)
	}
	s.wait()
	other.loop.post(func() {
		done := other.blocked != nil && other.blocked.end(instead)
		v := resp.Int(0)
		if done {
			v = resp.Int(1)
		}
		s.answer(v)
	})
	return resp.None
}

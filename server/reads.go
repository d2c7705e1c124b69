package server

import (
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// readOp is one read that waits for its view.
type readOp struct {
	s     *session
	entry *entry
	args  [][]byte
	db    uint32
	proto resp.Protocol
	mute  bool
	past  bool // AT: run as of revision rev, always off the loop
	rev   uint64
	raw   []byte // with ready: a reply that only keeps its place
	ready bool
	// then takes the reply in place of the connection; it must copy what it keeps.
	then func(resp.Value)
	// run answers in place of a command's handler; it has the store's read lock.
	run func(view *keyspace.View) resp.Value
}

// readTurn is the reads that one ReadIndex serves: all that came in one turn of the loop. Their arguments
// are copied, as the input buffer is reused before the answer comes.
type readTurn struct {
	ops   []readOp
	bytes []byte
	argv  [][]byte
	call  command.ReadCall
	view  keyspace.View
	ahead mvcc.Prefetcher
	keys  [mvcc.PrefetchMax][]byte
	now   int64 // monotonic, when the last of the turn's reads ended

	estimate int64 // of log time, for all of the turn
}

// arenaKeepMax is the largest arena a turn keeps for the next.
const arenaKeepMax = 1 << 20

func (t *readTurn) reset() {
	clear(t.ops)
	t.ops = t.ops[:0]
	clear(t.argv)
	t.argv = t.argv[:0]
	if t.bytes = t.bytes[:0]; cap(t.bytes) > arenaKeepMax {
		t.bytes = nil
	}
}

// noState answers reads while the node ends or loads a snapshot.
var noState = resp.Error("LOADING Redoubt is loading a snapshot or shutting down")

// copyArgs copies a command into the turn's arena. Growing the arena leaves earlier arguments where
// they are, alive in the old one.
func (t *readTurn) copyArgs(args [][]byte) [][]byte {
	from := len(t.argv)
	for _, a := range args {
		start := len(t.bytes)
		t.bytes = append(t.bytes, a...)
		t.argv = append(t.argv, t.bytes[start:len(t.bytes):len(t.bytes)])
	}
	return t.argv[from:len(t.argv):len(t.argv)]
}

// queueRead adds a read to the loop's turn, or to that of the READONLY sessions. A session has reads in one of them only: what changes sides waits for
// the replies before it.
func (l *loop) queueRead(s *session, op readOp) {
	at := &l.turn
	if s.stale {
		at = &l.local
	}
	if *at == nil {
		if n := len(l.free); n > 0 {
			*at, l.free = l.free[n-1], l.free[:n-1]
		} else {
			*at = &readTurn{}
		}
	}
	t := *at
	op.s = s
	if op.args != nil {
		op.args = t.copyArgs(op.args)
	}
	t.ops = append(t.ops, op)
	s.pendingReads++
}

// askPatience is how long an answer takes when all is well, and far more. Reads do not wait any longer for one that others wait for: then the next
// that comes, or the loop's next chore, has them asked for too.
const askPatience = 50 * time.Millisecond

// mayAsk tells whether the turn's reads may be asked for. A loop asks one question at a time: what comes meanwhile is gathered for the next.
// With any number under way a question was for five reads of 50 clients, and cost each member of the group two messages all the same.
func (l *loop) mayAsk() bool {
	if l.turn == nil {
		return false
	}
	return len(l.questions.list) == 0 || l.srv.replica.ReadsAtOnce() || l.srv.mono()-l.askedAt > int64(askPatience)
}

// endTurn asks once for all reads of the turn whether this node may answer.
func (l *loop) endTurn() {
	t := l.turn
	l.turn = nil
	if l.srv.replica.ReadsAtOnce() {
		l.questions.all(l.runTurn)
		l.runTurn(t, nil)
		return
	}
	asked := l.questions.ask(t)
	l.askedAt = l.srv.mono()
	l.srv.replica.ReadIndex(func(err error) {
		l.post(func() { l.questions.answered(asked, err, l.runTurn) })
	})
}

// endLocal answers READONLY reads from what this node has applied. Nobody is asked, so they go on without a quorum.
func (l *loop) endLocal() {
	t := l.local
	l.local = nil
	l.runTurn(t, nil)
}

// turnBytes is how many bytes of replies a turn makes before it lets the clients have them: they are still in the
// processor's cache then, and the store's lock is not held for long.
const turnBytes = 128 << 10

// runTurn answers the turn's reads from the local view, many under one lock, encoding replies while it is held.
func (l *loop) runTurn(t *readTurn, err error) {
	if err != nil {
		for i := range t.ops {
			t.ops[i].s.readDone(&t.ops[i], noQuorum)
		}
	}
	for done := 0; err == nil && done < len(t.ops); {
		done += l.runSome(t, t.ops[done:])
		if done < len(t.ops) {
			l.flush()
		}
	}
	t.reset()
	l.free = append(l.free, t)
}

// runSome answers the first of some reads under one lock, and returns how many.
func (l *loop) runSome(t *readTurn, ops []readOp) int {
	m := l.srv.machine
	open := m.RLock()
	defer m.RUnlock()
	t.now, t.estimate = l.srv.mono(), l.srv.clock.estimate()
	made := 0
	for i := range ops {
		op := &ops[i]
		if !open {
			op.s.readDone(op, noState)
			continue
		}
		if i%mvcc.PrefetchMax == 0 {
			t.prefetch(m, ops[i:])
		}
		s, before := op.s, len(op.s.out)
		if s.again != nil || s.full() || !s.runRead(t, op) {
			s.again = append(s.again, detach(op))
			s.goOnReading()
		}
		if made += len(s.out) - before; made >= turnBytes {
			return i + 1
		}
	}
	return len(ops)
}

// prefetch has the keys that the next reads begin with brought near.
func (t *readTurn) prefetch(m *sm.Machine, ops []readOp) {
	n := 0
	for i := 0; i < len(ops) && n < len(t.keys); i++ {
		if op := &ops[i]; op.entry != nil && op.entry.Keys.First == 1 && len(op.args) > 1 && op.db == ops[0].db {
			t.keys[n] = op.args[1]
			n++
		}
	}
	if n > 1 {
		view := m.Space().Store.View()
		view.Prefetch(&t.ahead, view.Keyspace(ops[0].db), t.keys[:n])
	}
	clear(t.keys[:n])
}

// detach copies an op out of its turn's arena.
func detach(op *readOp) readOp {
	c := *op
	if op.args != nil {
		var own readTurn
		c.args = own.copyArgs(op.args)
	}
	return c
}

// runRead answers one read on the loop; false if it needs more than the loop may do.
func (s *session) runRead(t *readTurn, op *readOp) bool {
	if op.ready || s.closed {
		s.readDone(op, resp.Raw(op.raw))
		return true
	}
	srv := s.srv
	t.view = srv.machine.View(op.db, t.estimate, false)
	v, end := op.answer(srv, &t.call, &t.view, t.now)
	t.now = end
	if t.view.Need() != 0 {
		return false
	}
	s.readDone(op, v)
	return true
}

// answer runs the read's handler. The clock is looked at once for each read: start is when the one before ended,
// and end is when this one did.
func (op *readOp) answer(srv *Server, call *command.ReadCall, view *keyspace.View, start int64) (v resp.Value, end int64) {
	view.Seed = srv.seed()
	if op.run != nil {
		v, broken := op.s.guardedElsewhere(func() resp.Value { return op.run(view) })
		if broken {
			op.s.loop.post(op.s.endBehindReplies) // runs behind the reply, whose read is still pending
		}
		return v, start
	}
	call.Reset(op.args, view, op.proto)
	view.TellMisses(srv.hub.listening(), false)
	v = srv.machine.RunRead(call, op.entry.Spec)
	end = srv.mono()
	if view.Need() == 0 {
		srv.account(op.s, op.entry, op.args, end-start, v.IsError())
		srv.hub.tell(view.Misses())
	}
	return v, end
}

// readDone writes a read's reply; the value may alias the store, whose lock is held.
func (s *session) readDone(op *readOp, v resp.Value) {
	s.pendingReads--
	if s.closed {
		return
	}
	if op.then != nil {
		op.then(v)
		return
	}
	if !op.mute {
		if v.IsError() {
			s.srv.stats.errorReply(v.Text())
		}
		before := len(s.out)
		s.out = v.Append(s.room(), s.protoOf(op))
		s.replied(len(s.out) - before)
	}
	s.loop.touch(s)
}

func (s *session) protoOf(op *readOp) resp.Protocol {
	if op.proto != 0 {
		return op.proto
	}
	return s.proto
}

// runAgain takes the reads a session could not answer on the loop to the pool: values on disk, keys that
// only a tick can judge, walks over many keys. Their order is kept: all of the session's later reads go
// the same way until these are done.
func (srv *Server) runAgain(s *session) {
	srv.pool.run(func() {
		for {
			op, ok := srv.nextAgain(s)
			if !ok {
				return
			}
			srv.answerSlowly(s, &op)
		}
	})
}

// nextAgain asks the session's loop for its next read; the loop owns the list.
func (srv *Server) nextAgain(s *session) (op readOp, ok bool) {
	next := make(chan struct{})
	s.loop.post(func() {
		defer close(next)
		if s.closed {
			s.pendingReads -= len(s.again)
			s.again = nil
		}
		if len(s.again) == 0 {
			s.again = nil
		}
		if s.again == nil || s.full() {
			s.catching = false
			s.loop.touch(s)
			return
		}
		op, ok = s.again[0], true
	})
	<-next
	return op, ok
}

// answerSlowly runs one read on a pool goroutine, which may read the disk, and hands its encoded reply to
// the loop.
func (srv *Server) answerSlowly(s *session, op *readOp) {
	reply := op.raw
	if !op.ready {
		reply = srv.readSlowly(op, s.protoOf(op))
	}
	s.loop.post(func() {
		if len(s.again) > 0 {
			s.again = s.again[1:]
		}
		s.readDone(op, resp.Raw(reply))
	})
}

func (srv *Server) readSlowly(op *readOp, p resp.Protocol) []byte {
	var call command.ReadCall
	if op.past {
		return srv.readPast(op, &call, p)
	}
	for {
		if !srv.machine.RLock() {
			srv.machine.RUnlock()
			return noState.Append(nil, p)
		}
		view := srv.machine.View(op.db, srv.clock.estimate(), true)
		view.Pauses = true
		v, _ := op.answer(srv, &call, &view, srv.mono())
		need := view.Need()
		var reply []byte
		if need&keyspace.NeedTick == 0 {
			view.Apart(func() { reply = v.Encode(p) })
		}
		view.Release()
		srv.machine.RUnlock()
		if need&keyspace.NeedTick == 0 {
			return reply
		}
		if err := srv.tick(); err != nil {
			return noQuorum.Append(nil, p)
		}
	}
}

// readPast runs a read as of its revision.
func (srv *Server) readPast(op *readOp, call *command.ReadCall, p resp.Protocol) []byte {
	open := srv.machine.RLock()
	defer srv.machine.RUnlock()
	if !open {
		return noState.Append(nil, p)
	}
	view, err := srv.machine.At(op.db, op.rev)
	if err != nil {
		return command.ErrorReply(err).Append(nil, p)
	}
	view.CountFrom(srv.clock.estimate())
	view.Pauses = true
	v, _ := op.answer(srv, call, &view, srv.mono())
	var reply []byte
	view.Apart(func() { reply = v.Encode(p) })
	view.Release()
	return reply
}

package server

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// Limits of one connection.
const (
	// backlogMax bounds what is received and not yet parsed while the session waits for replies.
	backlogMax = 1 << 30
	// bufferKeepMax is the largest buffer an idle session keeps.
	bufferKeepMax = 64 << 10
)

// transport is where a session's replies go. Its methods are called on the session's loop.
type transport interface {
	Write(b []byte) (int, error) // takes all of b, buffering what the socket does not; does not keep b
	Buffered() int               // bytes written and not yet taken by the socket
	Close()                      // what was written before is still sent, if the socket takes it at once
	Remote() string
	Local() string
	Kind() transportKind
}

type transportKind uint8

const (
	overTCP transportKind = iota + 1
	overTLS
	overUnix
)

// replyMode is CLIENT REPLY's.
type replyMode uint8

const (
	replyOn replyMode = iota
	replyOff
	replySkip // the next command's reply is dropped, then on
)

// session is one client connection: what it sent and is not parsed yet, what waits for replies, and the
// state that commands such as SELECT and MULTI leave on it.
//
// Replies leave in the order of the commands. Invariant: pendingReads > 0 and pendingWrites > 0 are never
// true at once. A read behind pending writes rides in their batch; a write behind pending reads parks the
// session until they are answered.
type session struct {
	srv  *Server
	loop *loop
	conn transport
	info clientInfo

	in     []byte // received; from head on not yet parsed
	head   int
	reader resp.Reader
	out    []byte // replies to be written when the event ends
	left   int64  // bytes of replies written so far
	dirty  bool   // is in loop.dirty
	window window
	idle   idleHope
	unsent unsent

	proto         resp.Protocol
	db            uint32
	authenticated bool
	user          string
	mode          replyMode
	stale         bool // READONLY: reads are local
	noTouch       bool
	noRoom        bool // the present command may not grow the data: see room

	pendingWrites int // ops in batches, riders included
	pendingReads  int // reads that wait for their view
	parked        bool
	waiting       bool        // a command's answer comes later by finish
	late          lateCommand // what waits
	executed      []executed  // transactions on their way, oldest first
	executing     int         // bytes of their commands
	closing       bool        // closes once all replies are written; nothing more is parsed
	ended         bool        // the client sends no more; closes once what it sent is answered
	closed        bool
	again         []readOp // reads that must run again off the loop, and those behind them
	catching      bool     // a goroutine of the pool is at work on again

	blocked *waiter // the command that waits
	multi   *multi
	exec    *execution // an EXEC whose session commands are being run
	watched []watch
	subs    subscriptions
	replica replicaSays
	export  *export // SYNC at work
	mutedMe muted
	lastRev uint64 // main revision of the last write, for WAIT

	watchedBytes int // of the keys in watched
	footprint    footprint
}

// muted is the owner of an op whose reply is dropped.
type muted struct{ s *session }

// clientInfo is what other goroutines may read of a session, for CLIENT LIST.
type clientInfo struct {
	id       uint64
	remote   string
	local    string
	kind     transportKind
	fd       int
	created  time.Time
	db       atomic.Uint32
	lastUsed atomic.Int64 // monotonic nanoseconds
	command  atomic.Pointer[entry]
	name     atomic.Pointer[string]
	user     atomic.Pointer[string]
	multi    atomic.Int32 // queued commands, -1 outside MULTI
	watch    atomic.Int32
	query    atomic.Int64 // bytes not yet parsed
	output   atomic.Int64 // bytes not yet sent
	queued   atomic.Int64 // bytes of commands queued in MULTI
	memory   atomic.Int64 // bytes in all
	proto    atomic.Int32
	flags    atomic.Uint32
	subs     [hearings]atomic.Int32
	libName  atomic.Pointer[string]
	libVer   atomic.Pointer[string]
}

func (l *loop) newSession(conn transport) *session {
	s := &session{srv: l.srv, loop: l, conn: conn, proto: resp.RESP2, user: "default"}
	s.mutedMe.s = s
	s.info.id = l.srv.nextClient.Add(1)
	s.info.remote, s.info.local, s.info.kind = conn.Remote(), conn.Local(), conn.Kind()
	s.info.fd = fdOf(conn)
	s.info.created = time.Now()
	s.info.lastUsed.Store(l.srv.mono())
	s.info.multi.Store(-1)
	s.info.proto.Store(int32(resp.RESP2))
	s.authenticated = l.srv.conf.View().String("requirepass") == ""
	s.stale = l.srv.conf.View().String("read-consistency") == "stale"
	l.sessions[s.info.id] = s
	l.srv.clients.add(s)
	s.measure()
	return s
}

// feed takes bytes from the socket and runs the commands they complete. The bytes are not kept.
func (s *session) feed(b []byte) {
	if s.closed || s.closing || s.info.flags.Load()&flagKilled != 0 {
		return
	}
	s.loop.enter()
	defer s.loop.leave()
	s.srv.stats.reads.Add(1)
	s.info.lastUsed.Store(s.srv.mono())
	if len(s.in) == 0 && !s.stuck() {
		n := s.parse(b)
		s.in = append(s.in, b[n:]...)
	} else {
		s.in = append(s.in, b...)
		s.measure() // a command that takes too much does not run
		s.resume()
	}
	s.checkQuery()
}

// checkQuery closes a client whose command is too long, or that is too far ahead of its replies.
func (s *session) checkQuery() {
	n := int64(len(s.in) - s.head)
	s.info.query.Store(n)
	limit := s.srv.limits.Load().Query
	if s.stuck() {
		limit = max(limit, backlogMax)
	}
	if limit > 0 && n > limit {
		s.srv.log.Warn("closing client that reached max query buffer length", "client", s.info.id, "bytes", n)
		s.close()
	}
	s.measure()
}

// stuck tells that the next command must wait for something that will call resume.
func (s *session) stuck() bool {
	return s.parked || s.waiting || s.closing || s.closed || s.unsent.held || s.loop.ending
}

// resume parses on after what the session waited for has come.
func (s *session) resume() {
	if s.parked && s.pendingReads == 0 && s.window.open(s.pendingWrites) && !s.srv.pause.holds(s) {
		s.parked = false
	}
	if s.stuck() || len(s.in) == s.head {
		return
	}
	s.head += s.parse(s.in[s.head:])
	switch rest := len(s.in) - s.head; {
	case s.closed: // by the command itself
	case rest == 0:
		if s.in, s.head = s.in[:0], 0; cap(s.in) > bufferKeepMax {
			s.in = nil
		}
	case s.head > rest: // each byte is moved once at most, however often the session waits
		copy(s.in, s.in[s.head:])
		s.in, s.head = s.in[:rest], 0
	}
	s.info.query.Store(int64(len(s.in) - s.head))
}

// parse runs the commands in b until one is incomplete or the session is stuck, and returns how many
// bytes are done with.
func (s *session) parse(b []byte) int {
	done := 0
	for done < len(b) && !s.stuck() {
		args, n, err := s.reader.Next(b[done:], &s.srv.limits.Load().Limits, s.authenticated)
		if err != nil {
			s.protocolError(err)
			return len(b)
		}
		if n == 0 {
			break
		}
		if len(args) > 0 && !s.dispatch(args) {
			break // parked before this command; it is parsed again
		}
		done += n
	}
	return done
}

// protocolError answers what cannot be read on, in the order of replies, and closes.
func (s *session) protocolError(err error) {
	if errors.Is(err, resp.ErrQuery) { // without a word, as in Redis
		s.srv.log.Warn("closing client that reached max query buffer length", "client", s.info.id)
	} else {
		s.srv.stats.protocolErrors.Add(1)
		s.reply(resp.Error(err.Error()))
	}
	s.closing = true
	s.loop.touch(s)
}

// reply answers a command that has run. It takes its turn behind pending replies.
func (s *session) reply(v resp.Value) {
	if v.IsNone() {
		return
	}
	switch s.mode {
	case replyOff:
		return
	case replySkip:
		s.mode = replyOn
		return
	}
	if v.IsError() {
		s.srv.stats.errorReply(v.Text())
	}
	switch {
	case s.pendingWrites > 0:
		s.srv.rideReply(s, v)
	case s.pendingReads > 0:
		s.loop.queueRead(s, readOp{raw: v.Append(nil, s.proto), ready: true})
	default:
		s.out = v.Append(s.room(), s.proto)
		s.loop.touch(s)
	}
}

// push sends an out-of-band message or a reply that nobody waits for, at once.
func (s *session) push(v resp.Value) {
	s.out = v.Append(s.room(), s.proto)
	s.loop.touch(s)
}

// wait stops the session until finish. What runs meanwhile runs elsewhere and ends with loop.post.
func (s *session) wait() { s.waiting = true }

// finish ends wait with the command's reply and goes on.
func (s *session) finish(v resp.Value) {
	if !s.waiting {
		return
	}
	s.waiting = false
	s.accountLate(v)
	if s.exec != nil {
		s.slotDone(v)
	} else {
		s.reply(v)
	}
	s.resume()
}

// owner is who an op's reply goes to: the session, or nobody that listens.
func (s *session) owner() any {
	switch s.mode {
	case replyOff:
		return &s.mutedMe
	case replySkip:
		s.mode = replyOn
		return &s.mutedMe
	}
	return s
}

// settled takes one reply of a batch.
func (s *session) settled(reply []byte, rev uint64, mute bool) {
	s.pendingWrites--
	if rev > s.lastRev {
		s.lastRev = rev
	}
	if s.closed {
		return
	}
	if !mute {
		if len(reply) > 0 && reply[0] == '-' {
			s.srv.stats.errorReply(reply[1:])
		}
		s.out = append(s.room(), reply...)
		s.replied(len(reply))
	}
	s.loop.touch(s)
}

// room is where the next reply is appended.
func (s *session) room() []byte {
	if s.out == nil {
		s.out = s.loop.spares.get()
	}
	return s.out
}

// flush writes the replies, unless they have to wait (see withhold), goes on with what was parked, and closes what is done.
func (s *session) flush() {
	if s.closed {
		s.finishClosed()
		return
	}
	if s.parked || len(s.in) > s.head {
		s.resume()
	}
	if len(s.out) > 0 && s.loop.withhold(s) {
		return
	}
	s.write()
}

// write is what flush does of replies that may leave.
func (s *session) write() {
	if len(s.out) > 0 {
		s.send(s.out)
		if s.out = s.out[:0]; cap(s.out) > bufferKeepMax {
			s.loop.spares.put(s.out)
			s.out = nil
		}
		s.checkOutput()
	} else if s.info.output.Load() != 0 {
		s.checkOutput()
	}
	s.measure()
	if !s.closed {
		s.goOnReading()
	}
	if s.export != nil {
		s.exportTaken()
	}
	if !s.closed && (s.closing || s.ended) {
		s.finishClosing()
	}
}

func (s *session) send(replies []byte) {
	s.conn.Write(replies)
	s.left += int64(len(replies))
	s.srv.stats.outputBytes.Add(int64(len(replies)))
}

// close ends the connection from this side.
func (s *session) close() {
	if s.closed {
		return
	}
	conn := s.conn
	s.gone()
	conn.Close()
}

// gone forgets the session. Ops in flight still run; their replies are dropped.
func (s *session) gone() {
	if s.closed {
		return
	}
	s.closed, s.waiting = true, false
	s.in, s.head, s.multi, s.watched = nil, 0, nil, nil
	delete(s.loop.sessions, s.info.id)
	s.srv.clients.remove(s)
	s.srv.clientMemory.remove(s)
	s.srv.pause.forget(s)
	s.srv.monitors.remove(s)
	s.unsubscribeAll()
	if s.export != nil {
		s.export.end()
	}
	if s.blocked != nil {
		s.blocked.forget(false)
	}
}

// finishClosed is what is left to do for a session that is gone.
func (s *session) finishClosed() { s.out = nil }

// watch is one WATCHed key.
type watch = sm.Guard

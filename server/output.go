package server

import (
	"time"

	"github.com/redoubt-db/redoubt/conf"
)

// What a client may be ahead of its replies, and they of the client.
const (
	// pendingMax bounds the commands of one pipeline that wait for their replies; beyond it the connection is
	// not parsed on. A session starts with windowFirst and is given more as long as its replies are small.
	pendingMax  = 16 << 10
	windowFirst = 64
	// aheadMax bounds the bytes of replies that are made for one session at a time, by what its latest ones took.
	aheadMax = 16 << 20
	// unsentMax is how many bytes of replies may wait for a client without a limit of its own; beyond it the
	// client's commands wait too. Redis makes replies for as long as it has memory.
	unsentMax = 64 << 20
	// unsentCheck is how many bytes of replies are gathered before they are held against the limits.
	unsentCheck = 256 << 10

	lingerTick = 5 * time.Millisecond // between looks at a socket that has yet to take something
	lingerMax  = 10 * time.Second     // that a closing socket may take nothing
)

// window bounds the replies that one session waits for. It opens while the replies are small and shuts when
// they are large, since all that are asked for at once are in memory at once:
//
//	a pipeline of SETs: 64, 128, ... 16384 commands at a time
//	a pipeline of GETs of 1 MB: 64, then 16 commands at a time
type window struct {
	size  int
	heavy int  // bytes of the largest reply of late
	full  bool // the session parked because of it
}

// holds notes, if pending replies fill the window, that it was full.
func (w *window) holds(pending int) bool {
	if w.size == 0 {
		w.size = windowFirst
	}
	if pending < w.size {
		return false
	}
	w.full = true
	return true
}

// open tells whether a session that parked may go on with that many replies pending.
func (w *window) open(pending int) bool {
	if pending > w.size/2 {
		return false
	}
	if w.full {
		w.full = false
		w.size = max(1, min(2*w.size, pendingMax, aheadMax/max(1, w.heavy)))
	}
	return true
}

// replied takes note of the size of one reply.
func (w *window) replied(bytes int) { w.heavy = max(bytes, w.heavy-w.heavy/8) }

// unsent is what the client has yet to take of its replies.
type unsent struct {
	held      bool  // too much: nothing is parsed
	lingering bool  // a look at the socket is due
	softSince int64 // monotonic nanoseconds; when the soft limit was passed, 0 below it
	buffered  int   // bytes beside session.out, when they were last counted
	last      int   // bytes at the last look while closing
	moved     int64 // monotonic nanoseconds; when there were fewer than before
}

// replied accounts for one reply that has just been appended to out, and closes a client that does not read.
func (s *session) replied(bytes int) {
	s.window.replied(bytes)
	if len(s.out) >= unsentCheck {
		s.checkOutput()
		s.measure()
	}
}

// checkOutput holds what the client has not taken against client-output-buffer-limit and our own bound.
func (s *session) checkOutput() {
	s.unsent.buffered = s.conn.Buffered()
	n := int64(len(s.out) + s.unsent.buffered)
	s.info.output.Store(n)
	if n == 0 {
		s.unsent.softSince = 0
		s.hold(false)
		return
	}
	limit := s.srv.limits.Load().Output
	if s.listens() {
		limit = s.srv.limits.Load().PubSub
	}
	if s.export != nil { // is sent no more than it takes
		limit = conf.OutputLimit{}
	}
	now := s.srv.mono()
	if limit.Soft <= 0 || n <= limit.Soft {
		s.unsent.softSince = 0
	} else if s.unsent.softSince == 0 {
		s.unsent.softSince = now
	}
	soft := s.unsent.softSince != 0 && now-s.unsent.softSince >= int64(secondsOf(limit.SoftSeconds))
	if limit.Hard > 0 && n > limit.Hard || soft {
		s.srv.log.Warn("client closed for overcoming of output buffer limits", "client", s.info.id, "bytes", n)
		s.out = nil
		s.close()
		return
	}
	most := max(unsentMax, limit.Hard)
	s.hold(n > most || s.unsent.held && n > most/2)
}

// full tells that so many bytes of replies are made that the session's reads wait for the client to take some. A reply's size is
// known only when it is made, so the window cannot do it: a client that begins with a pipeline of GETs of 100 MB
// would be made 64 of them, and one that had small replies before, thousands. Where the client's own limit is
// to end the connection, nothing waits for that.
func (s *session) full() bool {
	return len(s.out)+s.unsent.buffered > aheadMax && s.srv.limits.Load().Output.Hard == 0
}

// goOnReading takes the reads that wait to the pool, or looks again soon if it is for the client that they wait.
func (s *session) goOnReading() {
	switch {
	case !s.readsWait():
	case s.full():
		s.linger()
	default:
		s.catching = true
		s.srv.runAgain(s)
	}
}

// readsWait tells that reads are put off and nobody is at work on them.
func (s *session) readsWait() bool { return len(s.again) > 0 && !s.catching }

// hold stops the session's parsing, with looks at the socket, or lets it go on: nothing else may come to wake it.
func (s *session) hold(held bool) {
	if s.unsent.held && !held {
		s.loop.touch(s)
	}
	if s.unsent.held = held; held {
		s.linger()
	}
}

// checkUnread has sessions look at clients that have replies to take, as their limits know a time as well.
func (srv *Server) checkUnread() {
	for _, s := range srv.clients.all() {
		if s.info.output.Load() > 0 {
			s.loop.post(func() { s.loop.touch(s) })
		}
	}
}

// tellsTaken tells that a transport has its session looked at whenever the socket has taken some of what waits.
func tellsTaken(t transport) bool {
	_, tells := t.(interface{ Taken() })
	return tells
}

// linger looks at the session again soon, since not every transport tells when a socket has taken its bytes.
func (s *session) linger() {
	if s.unsent.lingering || tellsTaken(s.conn) && s.conn.Buffered() > 0 {
		return
	}
	s.unsent.lingering = true
	time.AfterFunc(lingerTick, func() {
		s.loop.post(func() {
			s.unsent.lingering = false
			s.loop.touch(s)
		})
	})
}

// finishClosing closes a session that is to end, when it has nothing to answer any more and the client took its
// replies, or has taken none of them for long.
func (s *session) finishClosing() {
	wait := s.readsWait()
	if !wait && (s.pendingWrites+s.pendingReads > 0 || !s.closing && (!s.ended || s.stuck())) {
		return
	}
	n, now := s.conn.Buffered(), s.srv.mono()
	if n == 0 && wait {
		return
	}
	if n == 0 {
		s.close()
		return
	}
	if s.unsent.moved == 0 || n < s.unsent.last {
		s.unsent.moved = now
	}
	if s.unsent.last = n; now-s.unsent.moved > int64(lingerMax) {
		s.close()
		return
	}
	s.linger()
}

// sideEnded is the end of what a client sends; err is nil if it only stopped sending (as in `printf ... | nc`), and then all
// it sent is still carried out and answered.
func (s *session) sideEnded(err error) {
	if err == nil && !s.waiting && !s.closed {
		s.ended = true
		s.loop.touch(s)
		return
	}
	s.gone()
	s.conn.Close()
}

package server

import (
	"errors"
	"runtime"
	"slices"

	"github.com/redoubt-db/redoubt/internal/aio"
)

// A node that is alone has Raft's log synced while the machine applies what was written (replica.SyncBeside). What has been applied is
// then seen by reads before it is on the disk, so no reply leaves before the sync that was under way when it was made has ended, unless that
// is of what comes behind.
//
//	the loop reads 50 SETs; one batch is written, its sync begins; the machine applies it, the loop has 50 replies and withholds
//	them; the sync ends, which is an event of the first loop like any other; the replies leave

// besideLeast is how many requests are worth a sync beside. It ends some tens of microseconds later than one that is waited for, which is more than
// applying a few takes: a lone client would have its reply later by a quarter.
const besideLeast = 8

// withheld are the replies of a session up to a place, which wait for a sync.
type withheld struct {
	s    *session
	sync uint64
	end  int64 // as session.left counts
	at   int64 // monotonic nanoseconds; since when
}

// syncBeside has the log synced beside from now on; hear has a function called by the first loop when something comes to an
// eventfd. Where the system cannot, the log is synced as it always is.
func (srv *Server) syncBeside(hear func(fd int, fn func()) error) error {
	syncer, err := aio.New()
	if errors.Is(err, aio.ErrNone) {
		srv.log.Debug("the Raft log is not synced beside", "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	if err := hear(syncer.Event(), srv.synced); err != nil {
		syncer.Close()
		return err
	}
	srv.syncer = syncer
	srv.besides.Store(srv.replica)
	return srv.replica.SyncBeside(syncer, besideLeast)
}

// endBeside has the log synced before apply again, and replies leave that waited for what was under way.
func (srv *Server) endBeside() {
	if srv.syncer == nil {
		return
	}
	_ = srv.replica.SyncBeside(nil, 0) // an error has been told as one that ends the node
	srv.batcher.Synced()
	for _, l := range srv.loops {
		l.post(l.release)
	}
}

// settleLog returns when what was applied is on the disk as part of the log. The engine calls it before it writes: a store that is ahead
// of its log would take the next entries for some that it has applied.
func (srv *Server) settleLog() {
	if r := srv.besides.Load(); r != nil {
		_ = r.Settle() // likewise
	}
}

// synced is called on the first loop when a sync has ended.
func (srv *Server) synced() {
	srv.replica.Notice()
	srv.batcher.Synced()
	if runtime.GOMAXPROCS(0) == 1 {
		runtime.Gosched() // the next sync begins before this loop goes on, and not when it has nothing more to do
	}
	for i, l := range srv.loops {
		switch {
		case i == 0:
			l.release()
		case l.withholds.Swap(false):
			l.post(l.release)
		}
	}
}

// withhold tells that the replies of s have to wait, and sees to it that they leave when they may.
func (l *loop) withhold(s *session) bool {
	sync, under := l.srv.replica.Unsettled()
	if !under || l.settled(sync) {
		return false
	}
	l.held = append(l.held, withheld{s, sync, s.left + int64(len(s.out)), l.srv.mono()})
	return true
}

// giveUpWithheld closes the clients that have waited for the disk longer than write-timeout: what they asked for was done here, and nobody knows
// if it will outlive the node, which is what a lost connection says. It is called now and then.
func (srv *Server) giveUpWithheld() {
	before := srv.mono() - int64(writeTimeout(srv.conf.View()))
	for _, l := range srv.loops {
		l.post(func() { l.giveUpWithheld(before) })
	}
}

func (l *loop) giveUpWithheld(before int64) {
	if len(l.held) == 0 || l.held[0].at > before {
		return
	}
	l.srv.log.Warn("clients are closed, as the disk has not taken the Raft log for longer than write-timeout")
	for i := range l.held {
		if h := &l.held[i]; h.at <= before {
			h.s.close()
		}
	}
}

// settled tells whether a sync has ended. It asks the system once for each flush: one that it misses is an event soon.
func (l *loop) settled(sync uint64) bool {
	if l.asked {
		return false
	}
	l.asked = true
	return l.srv.replica.Settled(sync)
}

// awaitSync sees to it that release is called: the first loop hears of every sync, the others are told if they
// wait, unless what they wait for has ended before they said so.
func (l *loop) awaitSync() {
	if len(l.held) == 0 || l.index == 0 && !l.secure {
		return
	}
	l.withholds.Store(true)
	if _, under := l.srv.replica.Unsettled(); !under {
		l.post(l.release)
	}
}

// release has the replies leave whose sync has ended. What is left waits for a later one.
func (l *loop) release() {
	l.enter()
	n := 0
	for ; n < len(l.held) && l.srv.replica.Settled(l.held[n].sync); n++ {
		h := &l.held[n]
		h.s.leave(h.end)
		h.s = nil
	}
	l.held = slices.Delete(l.held, 0, n)
	l.awaitSync()
	l.leave()
}

// leave writes replies up to a place, and goes on as flush does if they are all.
func (s *session) leave(end int64) {
	n := int(end - s.left)
	if s.closed || n <= 0 {
		return
	}
	if n >= len(s.out) {
		s.write()
		return
	}
	s.send(s.out[:n])
	s.out = s.out[:copy(s.out, s.out[n:])]
}

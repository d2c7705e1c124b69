package server

import (
	"sync"
	"sync/atomic"
)

// loop is one event loop: every session belongs to one, and only the loop's goroutine touches it, so
// sessions need no lock. Others post.
type loop struct {
	srv     *Server
	index   int
	secure  bool          // for TLS connections
	wake    func()        // asks the loop's goroutine to call drain soon; any goroutine may call it
	stopped chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex // innermost; held for a few instructions
	posted []func()
	woken  bool

	withholds atomic.Bool // release is to be called when a sync ends

	// What follows is the loop's goroutine's alone.
	running   []func()
	sessions  map[uint64]*session
	dirty     []*session // have replies to be written when the present event ends
	turn      *readTurn  // reads gathered since the last ReadIndex was asked for
	local     *readTurn  // reads of READONLY sessions, gathered since the last turn ended
	questions questions  // turns of reads whose ReadIndex is under way
	askedAt   int64      // monotonic, when the last of them was asked for
	free      []*readTurn
	stage     stage
	spares    spares
	idler     idler
	ears      ears
	held      []withheld // replies that wait for a sync of the log, in the order of the syncs
	asked     bool       // whether that has ended, in this flush
	looks     int        // at the sockets, since the last turn ended
	depth     int        // of enter; replies leave when it falls to 0
	ending    bool       // the node is: no session parses on
}

func newLoop(srv *Server, index int) *loop {
	return &loop{srv: srv, index: index, sessions: map[uint64]*session{}, stopped: make(chan struct{})}
}

// post runs fn on the loop's goroutine, behind what was posted before.
func (l *loop) post(fn func()) {
	l.mu.Lock()
	l.posted = append(l.posted, fn)
	wake := !l.woken
	l.woken = true
	l.mu.Unlock()
	if wake {
		l.wake()
	}
}

// drain runs what was posted so far, if anything was. What these post runs in the next drain, so events come between.
func (l *loop) drain() bool {
	l.mu.Lock()
	if len(l.posted) == 0 {
		l.mu.Unlock()
		return false
	}
	l.running, l.posted = l.posted, l.running[:0]
	l.woken = false
	l.mu.Unlock()
	l.enter()
	for i, fn := range l.running {
		fn()
		l.running[i] = nil
	}
	l.leave()
	return true
}

// Posted tells whether something waits for drain.
func (l *loop) Posted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.posted) > 0
}

// Begin and End bracket the events of one look at the sockets.
func (l *loop) Begin() { l.enter() }

// End runs what was posted as well, so that replies leave together.
func (l *loop) End() {
	l.drain()
	if l.turn != nil && l.srv.replica.ReadsAtOnce() {
		l.endTurn()
	}
	l.leave()
	if l.looks++; l.looks >= looksMax {
		l.handOver()
	}
}

// Parks tells that requests wait for other goroutines.
func (l *loop) Parks() bool { return !l.srv.replica.ReadsAtOnce() }

// Idle ends the turn: no socket has anything to read.
func (l *loop) Idle() bool {
	busy := l.drain()
	return l.handOver() || busy
}

// looksMax is how often a turn looks at the sockets for more, if there was something each time.
const looksMax = 4

// pieceOps is how many writes are handed over before the turn ends: so many are worth a batch of their own, and while it is synced and
// applied the loop reads what comes behind. 50 clients with pipelines of 16 would go round as one batch else, for which the loop
// waits, and which then waits for the loop.
const pieceOps = 160

// handOver ends a turn: its writes go to the open batch, and its reads are sent for. What comes of that, with replies
// that let sessions parse on, is of the next turn.
func (l *loop) handOver() (busy bool) {
	l.looks = 0
	asks := l.mayAsk()
	if !l.stage.armed && !asks && l.local == nil {
		return false
	}
	l.enter()
	if l.stage.armed {
		l.commitStage()
	}
	if l.local != nil {
		l.endLocal()
	}
	if asks {
		l.endTurn()
	}
	l.leave()
	return true
}

// enter and leave bracket all work on sessions: with the last leave the replies are written and the reads
// gathered are sent for.
func (l *loop) enter() { l.depth++ }

func (l *loop) leave() {
	if l.depth > 1 {
		if l.depth == 2 && len(l.stage.ops) >= pieceOps {
			l.commitStage()
		}
		l.depth--
		return
	}
	l.flush()
	l.depth--
}

// flush writes the replies made so far.
func (l *loop) flush() {
	l.asked = false
	for i := 0; i < len(l.dirty); i++ { // a flush may make another session dirty
		s := l.dirty[i]
		s.dirty = false
		s.flush()
	}
	l.dirty = l.dirty[:0]
	l.awaitSync()
}

// touch notes that s has replies to write when the event ends.
func (l *loop) touch(s *session) {
	if !s.dirty {
		s.dirty = true
		l.dirty = append(l.dirty, s)
	}
}

// goroutine gives the loop a goroutine of its own, which ends when stop is closed. Connections that
// no event loop reads live on such a loop: see streams.go.
func (l *loop) goroutine(stop <-chan struct{}) {
	signal := make(chan struct{}, 1)
	l.wake = func() {
		select {
		case signal <- struct{}{}:
		default:
		}
	}
	go func() {
		defer close(l.stopped)
		for {
			select {
			case <-signal:
				for l.drain() || l.handOver() {
				}
			case <-stop:
				return
			}
		}
	}()
}

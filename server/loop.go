package server

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/panjf2000/gnet/v2"
)

// loop is one event loop: every session belongs to one, and only the loop's goroutine touches it, so
// sessions need no lock. Others post.
type loop struct {
	srv    *Server
	index  int
	secure bool                           // for TLS connections
	bound  atomic.Pointer[gnet.EventLoop] // known with the first connection of a gnet loop; before it nobody posts
	wake   func()                         // asks the loop's goroutine to call drain soon; any goroutine may call it

	mu     sync.Mutex // innermost; held for a few instructions
	posted []func()
	woken  bool

	// What follows is the loop's goroutine's alone.
	running  []func()
	sessions map[uint64]*session
	dirty    []*session // have replies to be written when the present event ends
	turn     *readTurn  // reads gathered since the last ReadIndex was asked for
	free     []*readTurn
	stage    stage
	spares   spares
	ears     ears
	depth    int  // of enter; replies leave when it falls to 0
	ending   bool // the node is: no session parses on
}

func newLoop(srv *Server, index int) *loop {
	return &loop{srv: srv, index: index, sessions: map[uint64]*session{}}
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

// drain runs what was posted so far. What these post runs in the next drain, so events come between.
func (l *loop) drain() {
	l.mu.Lock()
	l.running, l.posted = l.posted, l.running[:0]
	l.woken = false
	l.mu.Unlock()
	l.enter()
	for i, fn := range l.running {
		fn()
		l.running[i] = nil
	}
	l.leave()
}

// enter and leave bracket all work on sessions: with the last leave the replies are written and the reads
// gathered are sent for.
func (l *loop) enter() { l.depth++ }

func (l *loop) leave() {
	if l.depth > 1 {
		l.depth--
		return
	}
	l.flush()
	l.depth--
}

// flush writes the replies made so far.
func (l *loop) flush() {
	for i := 0; i < len(l.dirty); i++ { // a flush may make another session dirty
		s := l.dirty[i]
		s.dirty = false
		s.flush()
	}
	l.dirty = l.dirty[:0]
}

// touch notes that s has replies to write when the event ends.
func (l *loop) touch(s *session) {
	if !s.dirty {
		s.dirty = true
		l.dirty = append(l.dirty, s)
	}
}

// bindTo ties the loop to one of gnet's.
func (l *loop) bindTo(el gnet.EventLoop) {
	drain := gnet.RunnableFunc(func(context.Context) error {
		l.drain()
		return nil
	})
	l.wake = func() { el.Execute(context.Background(), drain) }
}

// goroutine gives the loop a goroutine of its own, which ends when stop is closed. TLS connections, which
// gnet does not know, live on such a loop.
func (l *loop) goroutine(stop <-chan struct{}) {
	signal := make(chan struct{}, 1)
	l.wake = func() {
		select {
		case signal <- struct{}{}:
		default:
		}
	}
	go func() {
		for {
			select {
			case <-signal:
				l.drain()
			case <-stop:
				return
			}
		}
	}()
}

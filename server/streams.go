package server

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/redoubt-db/redoubt/resp"
)

const (
	streamReadBytes = 32 << 10               // that one read takes at most
	acceptPause     = 100 * time.Millisecond // when there are no descriptors left, as there may be some later
)

// This file serves connections that no event loop reads: those of TLS, and all where there is no epoll. Each has a
// goroutine that reads and one that writes; their sessions live on a loop like the others.

// accept serves a listener's connections on l.
func (n *network) accept(l *loop, ln net.Listener, kind transportKind) {
	for {
		c, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			n.srv.log.Warn("accept a connection", "err", err)
			time.Sleep(acceptPause)
			continue
		}
		go n.serveStream(l, newStreamConn(c, kind, n.path))
	}
}

// serveStream reads one connection and feeds its session on the loop, waiting each time, so that a
// client can send no faster than it is served.
func (n *network) serveStream(l *loop, t *streamConn) {
	opened := make(chan *session)
	l.post(func() {
		l.enter()
		defer l.leave()
		if refusal := n.srv.admit(t); !refusal.IsNone() {
			t.Write(refusal.Append(nil, resp.RESP2))
			opened <- nil
			return
		}
		opened <- l.newSession(t)
	})
	s := <-opened
	if s == nil {
		t.Close()
		return
	}
	buf, fed := make([]byte, streamReadBytes), make(chan struct{})
	for {
		read, err := t.conn.Read(buf)
		if read > 0 {
			l.post(func() {
				n.srv.stats.inputBytes.Add(int64(read))
				s.feed(buf[:read])
				fed <- struct{}{}
			})
			<-fed
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			l.post(func() { s.sideEnded(err) })
			return
		}
	}
}

// streamConn writes to a connection from a goroutine of its own, so that the loop never waits for a client.
type streamConn struct {
	conn net.Conn
	kind transportKind
	path string // of a unix socket

	mu     sync.Mutex
	more   *sync.Cond
	buf    []byte
	spare  []byte
	closed bool
}

func newStreamConn(c net.Conn, kind transportKind, path string) *streamConn {
	t := &streamConn{conn: c, kind: kind, path: path}
	t.more = sync.NewCond(&t.mu)
	go t.pump()
	return t
}

func (t *streamConn) Write(b []byte) (int, error) {
	t.mu.Lock()
	t.buf = append(t.buf, b...)
	t.mu.Unlock()
	t.more.Signal()
	return len(b), nil
}

// pump sends what Write left until Close, then closes the connection.
func (t *streamConn) pump() {
	defer t.conn.Close()
	for {
		t.mu.Lock()
		for len(t.buf) == 0 && !t.closed {
			t.more.Wait()
		}
		if len(t.buf) == 0 {
			t.mu.Unlock()
			return
		}
		out := t.buf
		t.buf = t.spare[:0]
		t.mu.Unlock()
		_, err := t.conn.Write(out)
		if err != nil {
			return
		}
		t.spare = out[:0]
	}
}

func (t *streamConn) Buffered() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.buf)
}

func (t *streamConn) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.conn.SetWriteDeadline(time.Now().Add(lingerMax)) // a client that takes nothing must not keep pump
	t.more.Signal()
}

func (t *streamConn) Kind() transportKind { return t.kind }
func (t *streamConn) Remote() string      { return t.address(t.conn.RemoteAddr()) }
func (t *streamConn) Local() string       { return t.address(t.conn.LocalAddr()) }

func (t *streamConn) address(a net.Addr) string {
	if t.kind == overUnix {
		return t.path + ":0"
	}
	return addressText(a)
}

package server

import (
	"fmt"
	"net"
	"syscall"

	"github.com/redoubt-db/redoubt/internal/evloop"
	"github.com/redoubt-db/redoubt/resp"
	"golang.org/x/sys/unix"
)

// serve has an event loop for each of loops; the first accepts for all of them.
func (n *network) serve(loops []*loop) error {
	engines := make([]*evloop.Loop, len(loops))
	for i, l := range loops {
		engine, err := evloop.New()
		if err != nil {
			return fmt.Errorf("event loop: %w", err)
		}
		engines[i], l.wake = engine, engine.Wake
	}
	if err := n.srv.syncBeside(engines[0].Hear); err != nil {
		return err
	}
	next := 0
	for _, ln := range n.plain {
		kind := kindOf(ln)
		accept := func(fd int) {
			l, engine := loops[next], engines[next]
			next = (next + 1) % len(loops)
			l.post(func() { n.opened(l, engine, fd, kind) })
		}
		if err := onDescriptor(ln, func(fd int) error { return engines[0].Listen(fd, accept) }); err != nil {
			return err
		}
	}
	for i, l := range loops {
		go func() {
			defer close(l.stopped)
			engines[i].Run(l)
		}()
	}
	go func() {
		<-n.ended
		for _, engine := range engines {
			engine.Stop()
		}
	}()
	return nil
}

// onDescriptor calls fn with the listener's descriptor, which stays the listener's.
func onDescriptor(ln net.Listener, fn func(fd int) error) error {
	raw, err := ln.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	result := raw.Control(func(fd uintptr) { err = fn(int(fd)) })
	if result != nil {
		return result
	}
	return err
}

// opened makes a session of a new connection, or says why not.
func (n *network) opened(l *loop, engine *evloop.Loop, fd int, kind transportKind) {
	conn, err := engine.Add(fd)
	if err != nil {
		n.srv.log.Warn("accept a connection", "err", err)
		return
	}
	c := &plainConn{Conn: conn, kind: kind, remote: n.path + ":0", local: n.path + ":0"}
	if kind == overTCP {
		c.local, c.remote = endsOf(fd)
		n.setOptions(fd)
	}
	if refusal := n.srv.admit(c); !refusal.IsNone() {
		conn.Write(refusal.Append(nil, resp.RESP2))
		conn.Close()
		return
	}
	c.session = l.newSession(c)
	conn.Owner = c
}

// setOptions sets a TCP socket's options as Redis does. An error leaves the connection without, which is no reason to refuse it.
func (n *network) setOptions(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	period := int(n.srv.conf.Int("tcp-keepalive"))
	if period <= 0 {
		return
	}
	const probes = 3
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, period)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, max(1, period/probes))
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, probes)
}

// endsOf are the addresses of a connection; a client that has gone already has none.
func endsOf(fd int) (local, remote string) {
	if a, err := unix.Getsockname(fd); err == nil {
		local = socketAddress(a)
	}
	if a, err := unix.Getpeername(fd); err == nil {
		remote = socketAddress(a)
	}
	return local, remote
}

func socketAddress(a unix.Sockaddr) string {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return (&net.TCPAddr{IP: a.Addr[:], Port: a.Port}).String()
	case *unix.SockaddrInet6:
		zone := ""
		if a.ZoneId != 0 {
			if i, err := net.InterfaceByIndex(int(a.ZoneId)); err == nil {
				zone = i.Name
			}
		}
		return (&net.TCPAddr{IP: a.Addr[:], Port: a.Port, Zone: zone}).String()
	}
	return ""
}

// plainConn is a connection of an event loop.
type plainConn struct {
	*evloop.Conn
	session       *session
	kind          transportKind
	local, remote string
}

func (c *plainConn) Write(b []byte) (int, error) {
	c.Conn.Write(b)
	return len(b), nil
}

func (c *plainConn) Kind() transportKind { return c.kind }
func (c *plainConn) Remote() string      { return c.remote }
func (c *plainConn) Local() string       { return c.local }

// Received feeds the session.
func (c *plainConn) Received(b []byte) {
	c.session.srv.stats.inputBytes.Add(int64(len(b)))
	c.session.feed(b)
}

// Taken has the session look at what waits for its client.
func (c *plainConn) Taken() { c.session.loop.touch(c.session) }

// Ended is the end of the connection, or of what its client sends.
func (c *plainConn) Ended(err error) { c.session.sideEnded(err) }

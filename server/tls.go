package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/resp"
)

// tlsReadBytes is what one read of a TLS connection takes at most.
const tlsReadBytes = 32 << 10

// listenTLS opens tls-port, if there is one. Its connections live on a loop of their own.
func (n *network) listenTLS() error {
	view := n.srv.conf.View()
	port := view.Int("tls-port")
	if port == 0 {
		return nil
	}
	config, err := tlsConfig(view)
	if err != nil {
		return err
	}
	l := newLoop(n.srv, len(n.srv.loops))
	l.secure = true
	l.goroutine(n.ended)
	n.srv.loops = append(n.srv.loops, l)
	for _, host := range bindHosts(view.List("bind")) {
		addr := net.JoinHostPort(host.name, strconv.Itoa(int(port)))
		ln, err := net.Listen(family(host.name), addr)
		if err != nil && host.optional {
			continue
		}
		if err != nil {
			return fmt.Errorf("Could not create TLS listening socket %s: %w", addr, err)
		}
		n.tls = append(n.tls, tls.NewListener(ln, config))
	}
	for _, ln := range n.tls {
		go n.acceptTLS(l, ln)
	}
	return nil
}

// family keeps all of IPv6 from meaning all of IPv4 too, which is an address of its own in bind.
func family(host string) string {
	switch ip := net.ParseIP(host); {
	case ip == nil:
		return "tcp"
	case ip.To4() != nil:
		return "tcp4"
	}
	return "tcp6"
}

func tlsConfig(view *conf.View) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(view.String("tls-cert-file"), view.String("tls-key-file"))
	if err != nil {
		return nil, fmt.Errorf("Failed to configure TLS: tls-cert-file and tls-key-file: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if file := view.String("tls-ca-cert-file"); file != "" {
		if config.ClientCAs, err = readCA(file); err != nil {
			return nil, fmt.Errorf("Failed to configure TLS: %w", err)
		}
	}
	switch view.String("tls-auth-clients") {
	case "yes":
		config.ClientAuth = tls.RequireAndVerifyClientCert
	case "optional":
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return config, nil
}

func (n *network) acceptTLS(l *loop, ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			n.srv.log.Warn("accept TLS connection", "err", err)
			continue
		}
		go n.serveTLS(l, c)
	}
}

// serveTLS reads one TLS connection and feeds its session on the loop, waiting each time, so that a
// client can send no faster than it is served.
func (n *network) serveTLS(l *loop, c net.Conn) {
	t := newTLSConn(c)
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
	buf, fed := make([]byte, tlsReadBytes), make(chan struct{})
	for {
		read, err := c.Read(buf)
		if read > 0 {
			l.post(func() {
				n.srv.stats.inputBytes.Add(int64(read))
				s.feed(buf[:read])
				fed <- struct{}{}
			})
			<-fed
		}
		if err != nil {
			l.post(func() { s.tlsEnded(err) })
			return
		}
	}
}

// tlsEnded is the end of what a client sends. If it only ended its side it gets the replies that are on their way.
func (s *session) tlsEnded(err error) {
	if errors.Is(err, io.EOF) && !s.waiting && !s.closed {
		s.ended = true
		s.loop.touch(s)
		return
	}
	s.gone()
	s.conn.Close()
}

// tlsConn writes to a TLS connection from a goroutine of its own, so that the loop never waits for a client.
type tlsConn struct {
	conn net.Conn

	mu     sync.Mutex
	more   *sync.Cond
	buf    []byte
	spare  []byte
	closed bool
}

func newTLSConn(c net.Conn) *tlsConn {
	t := &tlsConn{conn: c}
	t.more = sync.NewCond(&t.mu)
	go t.pump()
	return t
}

func (t *tlsConn) Write(b []byte) (int, error) {
	t.mu.Lock()
	t.buf = append(t.buf, b...)
	t.mu.Unlock()
	t.more.Signal()
	return len(b), nil
}

// pump sends what Write left until Close, then closes the connection.
func (t *tlsConn) pump() {
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

func (t *tlsConn) Buffered() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.buf)
}

func (t *tlsConn) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.conn.SetWriteDeadline(time.Now().Add(lingerMax)) // a client that takes nothing must not keep pump
	t.more.Signal()
}

func (t *tlsConn) Kind() transportKind { return overTLS }
func (t *tlsConn) Remote() string      { return addressText(t.conn.RemoteAddr()) }
func (t *tlsConn) Local() string       { return addressText(t.conn.LocalAddr()) }

package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
	"github.com/redoubt-db/redoubt/resp"
)

// network is the listeners: gnet's event loops for plain TCP and unix sockets, goroutines for TLS.
type network struct {
	gnet.BuiltinEventEngine
	srv       *Server
	engine    gnet.Engine
	booted    chan struct{}
	stopped   chan error
	refusing  atomic.Bool
	tls       []net.Listener // one per address of bind
	addresses []string
	unix      *unixSocket   // nil without unixsocket
	ended     chan struct{} // closed by stop
}

// listen opens the sockets. A port that is taken is an error before anything is served.
func (srv *Server) listen() error {
	n := &network{srv: srv, booted: make(chan struct{}), stopped: make(chan error, 1), ended: make(chan struct{})}
	addrs, err := n.plainAddresses()
	if err != nil {
		return err
	}
	count := max(1, int(srv.conf.Int("io-threads")))
	for i := range count {
		srv.loops = append(srv.loops, newLoop(srv, i))
	}
	srv.net = n
	if len(addrs) > 0 {
		if err := n.start(addrs, count); err != nil {
			srv.net = nil
			return err
		}
	}
	if err := n.listenTLS(); err != nil {
		return err
	}
	srv.checkSpace() // before the first write, not a second later
	n.refusing.Store(false)
	return nil
}

func (n *network) start(addrs []string, count int) error {
	n.refusing.Store(true)
	go func() {
		n.stopped <- gnet.Rotate(n, addrs,
			gnet.WithNumEventLoop(count),
			gnet.WithReuseAddr(true),
			gnet.WithReadBufferCap(64<<10),
			gnet.WithLogger(gnetLogger{n.srv.log}),
			gnet.WithLogLevel(logging.WarnLevel))
	}()
	select {
	case <-n.booted:
		if n.unix != nil {
			return n.unix.place(n.srv.conf.Int("unixsocketperm"))
		}
		return nil
	case err := <-n.stopped:
		return fmt.Errorf("listen on %s: %w", strings.Join(addrs, ", "), err)
	}
}

// plainAddresses are the TCP and unix addresses to listen on, tried once so that the error names the culprit.
func (n *network) plainAddresses() (addrs []string, err error) {
	view := n.srv.conf.View()
	if port := view.Int("port"); port != 0 {
		for _, host := range bindHosts(view.List("bind")) {
			addr := net.JoinHostPort(host.name, strconv.Itoa(int(port)))
			probe, err := net.Listen("tcp", addr)
			if err != nil {
				if host.optional {
					continue
				}
				return nil, fmt.Errorf("Could not create server TCP listening socket %s: %w", addr, err)
			}
			probe.Close()
			addrs = append(addrs, "tcp://"+addr)
		}
	}
	if path := view.String("unixsocket"); path != "" {
		if n.unix, err = newUnixSocket(path); err != nil {
			return nil, err
		}
		n.addresses = append(slices.Clone(addrs), "unix://"+path)
		return append(addrs, "unix://"+n.unix.bind), nil
	}
	n.addresses = addrs
	return addrs, nil
}

type bindHost struct {
	name     string
	optional bool
}

// bindHosts reads bind's words: a leading dash means that a missing address is no error, * is all of
// IPv4, ::* all of IPv6.
func bindHosts(words []string) (hosts []bindHost) {
	for _, w := range words {
		h := bindHost{name: w}
		if strings.HasPrefix(w, "-") {
			h = bindHost{name: w[1:], optional: true}
		}
		switch h.name {
		case "*":
			h.name = "0.0.0.0"
		case "::*":
			h.name = "::"
		}
		hosts = append(hosts, h)
	}
	if len(hosts) == 0 {
		hosts = append(hosts, bindHost{name: "0.0.0.0"})
	}
	return hosts
}

// OnBoot keeps the engine.
func (n *network) OnBoot(eng gnet.Engine) gnet.Action {
	n.engine = eng
	close(n.booted)
	return gnet.None
}

// OnOpen makes a session of a new connection, or says why not.
func (n *network) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	l := n.loopOf(c)
	t := &gnetConn{conn: c, loop: c.EventLoop()}
	if n.unix != nil {
		t.path = n.unix.path
	}
	if refusal := n.srv.admit(t); !refusal.IsNone() {
		return refusal.Append(nil, resp.RESP2), gnet.Close
	}
	if period := n.srv.conf.Int("tcp-keepalive"); period > 0 && t.Kind() == overTCP {
		setKeepAlive(c, period)
	}
	c.SetContext(l.newSession(t))
	return nil, gnet.None
}

// OnTraffic feeds the session.
func (n *network) OnTraffic(c gnet.Conn) gnet.Action {
	s, _ := c.Context().(*session)
	if s == nil {
		return gnet.Close
	}
	b, err := c.Next(-1)
	if err != nil || len(b) == 0 {
		return gnet.None
	}
	n.srv.stats.inputBytes.Add(int64(len(b)))
	s.feed(b)
	return gnet.None
}

// OnClose forgets the session; replies on their way still get out if the client only closed its sending side.
func (n *network) OnClose(c gnet.Conn, err error) gnet.Action {
	if s, _ := c.Context().(*session); s != nil {
		s.hangUp(c, err)
	}
	return gnet.None
}

// loopOf is our loop for the connection's gnet loop; the first connection of each binds it.
func (n *network) loopOf(c gnet.Conn) *loop {
	el := c.EventLoop()
	for _, l := range n.srv.loops {
		if l.secure {
			continue
		}
		if l.bound.Load() == nil {
			bound := el
			if l.bound.CompareAndSwap(nil, &bound) {
				l.bindTo(el)
				return l
			}
		}
		if *l.bound.Load() == el {
			return l
		}
	}
	return n.srv.loops[0]
}

// stopAccepting answers new connections with an error from now on.
func (n *network) stopAccepting() { n.refusing.Store(true) }

// quiesce has every loop finish what it has been posted; from then on no session parses on. Without it clients that
// never pause would keep the node from ending.
func (n *network) quiesce(ctx context.Context) {
	for _, l := range n.srv.loops {
		if !l.secure && l.bound.Load() == nil {
			continue // has no connections
		}
		done := make(chan struct{})
		l.post(func() {
			l.ending = true
			close(done)
		})
		select {
		case <-done:
		case <-ctx.Done():
			return
		}
	}
}

// stop closes all connections and ends the loops.
func (n *network) stop(ctx context.Context) {
	close(n.ended)
	for _, ln := range n.tls {
		ln.Close()
	}
	if len(n.addresses) > 0 {
		go n.engine.Stop(ctx) // it looks only twice a second whether the loops have ended; Rotate's return tells at once
		select {
		case err := <-n.stopped:
			if err != nil {
				n.srv.log.Warn("stop listening", "err", err)
			}
		case <-ctx.Done():
		}
	}
	if path := n.srv.conf.String("unixsocket"); path != "" {
		os.Remove(path)
	}
}

// gnetConn is a plain connection.
type gnetConn struct {
	conn gnet.Conn
	loop gnet.EventLoop
	path string // of the unix socket, if there is one
}

// Write writes at once what the socket takes, unless earlier bytes wait; gnet has the rest, and errors.
func (t *gnetConn) Write(b []byte) (int, error) {
	done := 0
	if len(b) > 0 && t.conn.OutboundBuffered() == 0 {
		if done = writeNow(t.conn.Fd(), b); done == len(b) {
			return done, nil
		}
	}
	n, err := t.conn.Write(b[done:])
	return done + n, err
}

func (t *gnetConn) Buffered() int { return t.conn.OutboundBuffered() }
func (t *gnetConn) Close()        { t.loop.Close(t.conn) }

func (t *gnetConn) Kind() transportKind {
	if _, ok := t.conn.LocalAddr().(*net.UnixAddr); ok {
		return overUnix
	}
	return overTCP
}

func (t *gnetConn) Remote() string {
	if t.Kind() == overUnix {
		return t.path + ":0"
	}
	return addressText(t.conn.RemoteAddr())
}

func (t *gnetConn) Local() string {
	if t.Kind() == overUnix {
		return t.path + ":0"
	}
	return addressText(t.conn.LocalAddr())
}

func addressText(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// Addresses are the addresses clients are served on.
func (srv *Server) Addresses() []string { return srv.net.addresses }

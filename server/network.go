package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// network is the listeners: event loops for plain TCP and unix sockets where there is epoll, goroutines for the rest.
type network struct {
	srv       *Server
	refusing  atomic.Bool
	plain     []net.Listener // what serve serves
	tls       []net.Listener // one per address of bind
	addresses []string
	path      string        // of the unix socket; empty without one
	ended     chan struct{} // closed by stop
}

// listen opens the sockets. A port that is taken is an error before anything is served.
func (srv *Server) listen() error {
	n := &network{srv: srv, ended: make(chan struct{})}
	n.refusing.Store(true)
	if err := n.open(); err != nil {
		n.closeListeners()
		return err
	}
	for i := range max(1, int(srv.conf.Int("io-threads"))) {
		srv.loops = append(srv.loops, newLoop(srv, i))
	}
	srv.net = n
	if err := n.serve(srv.loops); err != nil {
		n.closeListeners()
		srv.net = nil
		return err
	}
	if err := n.listenTLS(); err != nil {
		return err
	}
	srv.checkSpace() // before the first write, not a second later
	n.refusing.Store(false)
	return nil
}

// open binds the TCP and unix addresses, one after the other, so that the error names the culprit.
func (n *network) open() error {
	view := n.srv.conf.View()
	if port := view.Int("port"); port != 0 {
		for _, host := range bindHosts(view.List("bind")) {
			addr := net.JoinHostPort(host.name, strconv.Itoa(int(port)))
			ln, err := net.Listen(family(host.name), addr)
			if err != nil {
				if host.optional {
					continue
				}
				return fmt.Errorf("Could not create server TCP listening socket %s: %w", addr, err)
			}
			n.plain = append(n.plain, ln)
			n.addresses = append(n.addresses, "tcp://"+addr)
		}
	}
	if path := view.String("unixsocket"); path != "" {
		ln, err := listenUnix(path, view.Int("unixsocketperm"))
		if err != nil {
			return err
		}
		n.path = path
		n.plain = append(n.plain, ln)
		n.addresses = append(n.addresses, "unix://"+path)
	}
	return nil
}

// listenUnix makes a unix socket: a leftover of the same name is removed, any other file is not. A perm of 0 leaves
// what the umask gives.
func listenUnix(path string, perm int64) (net.Listener, error) {
	info, err := os.Stat(path)
	if err == nil && info.Mode()&os.ModeSocket == 0 {
		return nil, fmt.Errorf("Could not create unix socket: %s is there and is no socket; move it away, or name another with --unixsocket", path)
	}
	if err == nil {
		os.Remove(path)
	}
	ln, err := net.Listen("unix", path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("Could not create unix socket: %w; make the directory, or name another with --unixsocket", err)
	}
	if err != nil {
		return nil, fmt.Errorf("Could not create unix socket: %w", err)
	}
	if perm == 0 {
		return ln, nil
	}
	if err := os.Chmod(path, os.FileMode(perm)); err != nil {
		ln.Close()
		return nil, fmt.Errorf("unixsocketperm: %w", err)
	}
	return ln, nil
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

// stopAccepting answers new connections with an error from now on.
func (n *network) stopAccepting() { n.refusing.Store(true) }

// quiesce has every loop finish what it has been posted; from then on no session parses on. Without it clients that
// never pause would keep the node from ending.
func (n *network) quiesce(ctx context.Context) {
	for _, l := range n.srv.loops {
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
	n.closeListeners()
	for _, l := range n.srv.loops {
		if l.secure {
			continue
		}
		select {
		case <-l.stopped:
		case <-ctx.Done():
		}
	}
}

func (n *network) closeListeners() {
	for _, ln := range n.plain {
		ln.Close() // which removes a unix socket's name
	}
	for _, ln := range n.tls {
		ln.Close()
	}
}

func kindOf(ln net.Listener) transportKind {
	if ln.Addr().Network() == "unix" {
		return overUnix
	}
	return overTCP
}

func addressText(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// Addresses are the addresses clients are served on.
func (srv *Server) Addresses() []string { return srv.net.addresses }

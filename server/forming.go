package server

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"sync"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/resp"
)

// antechamber serves the client port while a node waits for the others of its initial-cluster: it has no data and
// no Raft yet, and answers RAFT HELLO only.
type antechamber struct {
	view      *conf.View
	listeners []net.Listener
	done      sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // nil once it is closed
}

const formingReadBytes = 4 << 10

// openAntechamber listens where members ask each other.
func openAntechamber(view *conf.View) (*antechamber, error) {
	a := &antechamber{view: view, conns: map[net.Conn]bool{}}
	var secure *tls.Config
	if view.Bool("tls-cluster") {
		var err error
		if secure, err = tlsConfig(view); err != nil {
			return nil, err
		}
	}
	for _, host := range bindHosts(view.List("bind")) {
		l, err := net.Listen("tcp", net.JoinHostPort(host.name, strconv.FormatInt(membersPort(view), 10)))
		if err != nil {
			if host.optional {
				continue
			}
			a.close()
			return nil, err
		}
		if secure != nil {
			l = tls.NewListener(l, secure)
		}
		a.listeners = append(a.listeners, l)
		a.done.Go(func() { a.accept(l) })
	}
	return a, nil
}

func (a *antechamber) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && a.enter(c) {
			a.done.Go(func() { a.serve(c) })
		}
	}
}

func (a *antechamber) enter(c net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns == nil {
		c.Close()
		return false
	}
	a.conns[c] = true
	return true
}

func (a *antechamber) serve(c net.Conn) {
	defer func() {
		a.mu.Lock()
		delete(a.conns, c)
		a.mu.Unlock()
		c.Close()
	}()
	var in resp.Reader
	var limits resp.Limits
	var buf []byte
	known := a.view.String("requirepass") == ""
	piece := make([]byte, formingReadBytes)
	for {
		n, err := c.Read(piece)
		if err != nil || len(buf)+n > peerTextMax {
			return
		}
		buf = append(buf, piece[:n]...)
		for len(buf) > 0 {
			args, used, err := in.Next(buf, &limits, known)
			if err != nil || used == 0 {
				if err != nil {
					return
				}
				break
			}
			reply := a.answer(args, &known)
			buf = buf[used:]
			if _, err := c.Write(reply.Append(nil, resp.RESP2)); err != nil {
				return
			}
		}
	}
}

// answer knows AUTH of the default user, and RAFT HELLO.
func (a *antechamber) answer(args [][]byte, known *bool) resp.Value {
	switch {
	case len(args) >= 2 && is(args[0], "AUTH"):
		*known = *known || string(args[len(args)-1]) == a.view.String("requirepass")
		if !*known {
			return resp.Error("WRONGPASS invalid username-password pair or user is disabled.")
		}
		return resp.OK()
	case !*known:
		return resp.Error("NOAUTH Authentication required.")
	case len(args) >= 2 && is(args[0], "RAFT") && is(args[1], "HELLO"):
		return (&greeting{state: nodeForming, you: youUnknown}).value()
	}
	return loadingReply
}

// close ends it and frees the port.
func (a *antechamber) close() {
	for _, l := range a.listeners {
		l.Close()
	}
	a.mu.Lock()
	for c := range a.conns {
		c.Close()
	}
	a.conns = nil
	a.mu.Unlock()
	a.done.Wait()
}

package cluster

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	endMax  = 2 * time.Second // what an end is promised to take
	asksMax = 5               // nodes that TestEndsWhileAsking has ask
)

// deaf passes on what a node's clients say, and nothing of what it answers once somebody has said a word.
type deaf struct {
	net.Listener
	to    string
	word  []byte
	heard atomic.Bool
}

func (d *deaf) serve() {
	for {
		c, err := d.Accept()
		if err != nil {
			return
		}
		go d.pass(c)
	}
}

func (d *deaf) pass(c net.Conn) {
	defer c.Close()
	node, err := net.Dial("tcp", d.to)
	if err != nil {
		return
	}
	defer node.Close()
	go d.copy(c, node, func([]byte) bool { return !d.heard.Load() })
	d.copy(node, c, func(b []byte) bool {
		if bytes.Contains(b, d.word) {
			d.heard.Store(true)
		}
		return true
	})
}

func (d *deaf) copy(to io.Writer, from io.Reader, passes func([]byte) bool) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if passes(b[:n]) && n > 0 {
			to.Write(b[:n])
		}
		if err != nil {
			return
		}
	}
}

// TestEndsWhileAsking: a node whose question to be added is not answered, though it was added, does not wait for the answer when it ends.
func TestEndsWhileAsking(t *testing.T) {
	r := form(t, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	r.must(err)
	defer l.Close()
	d := &deaf{Listener: l, to: r.Nodes[0].Addr(), word: []byte("\r\nADD\r\n")}
	go d.serve()
	for range asksMax {
		n := r.add()
		r.must(n.Start("--join", l.Addr().String()))
		if d.heard.Load() {
			r.must(n.Stop(endMax))
			return
		}
		t.Logf("%s was told the member's own address, and asked there first", n.Name)
	}
	t.Error("no node asked there")
}

// TestEndsWithoutOthers ends a node that leads, or did, and waits for a quorum that is not there to do what a new leader does first. That
// takes a moment otherwise; here the nodes cannot ask each other for the time, so that it takes two seconds, in which the others are stopped.
func TestEndsWithoutOthers(t *testing.T) {
	r := form(t, 3)
	for _, n := range r.Nodes {
		n.Kill()
	}
	for _, n := range r.Nodes {
		r.must(n.Launch("--masterauth", "none-of-theirs", "--write-timeout", "60000"))
	}
	var leader *Node
	r.must(until(startMax, func() error {
		for _, n := range r.Nodes {
			if strings.Contains(n.Srv.Tail(), "asks the others for the time") {
				leader = n
				return nil
			}
		}
		return errors.New("no leader asks for the time")
	}))
	for _, n := range r.Nodes {
		if n != leader {
			n.Pause()
		}
	}
	r.must(leader.Srv.WaitReady(startMax)) // before that it would end without ado
	r.must(leader.Stop(endMax))
}

// TestShutdownWithoutQuorum: SHUTDOWN ends a node that is still waiting for the others, as a signal does.
func TestShutdownWithoutQuorum(t *testing.T) {
	r := form(t, 3)
	for _, n := range r.Nodes {
		n.Kill()
	}
	n := r.Nodes[1]
	r.must(n.Launch())
	r.must(until(startMax, func() error {
		_, err := n.Do("RAFT", "INFO")
		return err
	}))
	r.refused(n, "LOADING", "GET", "a")
	_, _ = n.Do("SHUTDOWN")
	select {
	case <-n.Srv.Done():
	case <-time.After(endMax):
		t.Errorf("still there %s after SHUTDOWN", endMax)
	}
	r.must(n.Stop(endMax))
}

package cluster

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

const endMax = 2 * time.Second // what an end is promised to take

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
	n := r.add()
	r.must(n.Start("--join", l.Addr().String()))
	if !d.heard.Load() {
		t.Error("the node did not ask there")
	}
	r.must(n.Stop(endMax))
}

package server

import (
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	groupPatience = 30 * time.Second
	offMax        = 5 * time.Second // TIME has whole seconds, and a machine may be busy
)

// groupNode is a member of a group in this process, with a wall clock of its own.
type groupNode struct {
	*Server
	port  int
	dir   string
	wrong time.Duration // how far its wall clock is off
}

// newGroupNode is one that is yet to be opened.
func newGroupNode(t *testing.T) *groupNode {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return &groupNode{port: port, dir: t.TempDir()}
}

func (n *groupNode) addr() string { return "127.0.0.1:" + strconv.Itoa(n.port) }

func (n *groupNode) open(t *testing.T, options ...string) {
	t.Helper()
	set, _, err := conf.Load(append([]string{"--port", strconv.Itoa(n.port), "--bind", "127.0.0.1", "--dir", n.dir}, options...), strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	n.Server, err = Open(Options{Conf: set, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Version: "test", Fatal: func(reason string) { t.Error(reason) },
		Wall: func() time.Time { return time.Now().Add(n.wrong) }})
	if err != nil {
		t.Error(err)
	}
}

func (n *groupNode) do(t *testing.T, line string) wire.Reply {
	t.Helper()
	c, err := wire.Dial(n.addr(), groupPatience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Deadline(time.Now().Add(groupPatience))
	r, _ := c.Do(strings.Fields(line)...)
	return r
}

// holds polls, as what nodes learn of each other has no moment to be waited for.
func holds(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(groupPatience); !is(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal(what + ": never")
		}
	}
}

// openAll opens nodes that need each other, at once.
func openAll(t *testing.T, nodes []*groupNode) {
	t.Helper()
	done := make(chan struct{})
	for _, n := range nodes {
		go func() {
			n.open(t)
			done <- struct{}{}
		}()
	}
	for range nodes {
		<-done
	}
	if t.Failed() {
		t.FailNow()
	}
}

// formGroup is three voters, of which each has its clock as wrong as said. They end with the test, or closeAll.
func formGroup(t *testing.T, wrong ...time.Duration) (nodes []*groupNode, closeAll func()) {
	t.Helper()
	closeAll = func() {
		for _, n := range nodes {
			if n.Server != nil {
				n.Close()
			}
			n.Server = nil
		}
	}
	for _, by := range wrong {
		n := newGroupNode(t)
		n.wrong = by
		nodes = append(nodes, n)
	}
	t.Cleanup(closeAll) // before the directories go
	for i, n := range nodes {
		if i == 0 {
			n.open(t)
		} else {
			n.open(t, "--join", nodes[0].addr())
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	holds(t, "all vote", func() bool { return len(nodes[0].replica.Membership().Voters) == len(nodes) })
	return nodes, closeAll
}

// TestClocksApart has a node whose wall clock is an hour fast lead, while the group works and after all of it was down:
// no key ends early.
func TestClocksApart(t *testing.T) {
	nodes, closeAll := formGroup(t, 0, time.Hour, 0)
	fast := nodes[1]
	nodes[0].do(t, "SET k v PX 60000")
	lead := func() {
		t.Helper()
		holds(t, "the fast one leads", func() bool {
			nodes[2].do(t, "RAFT TRANSFER "+fast.addr())
			return fast.leads() && fast.chores.tookTerm.Load() == fast.replica.Leader().Term
		})
		for i, n := range nodes {
			if got := n.do(t, "GET k").String(); got != `"v"` {
				t.Errorf("node %d: GET k = %s", i, got)
			}
			now := n.do(t, "TIME").Elems[0].Text
			at, err := strconv.ParseInt(now, 10, 64)
			if off := time.Since(time.Unix(at, 0)); err != nil || off > offMax || off < -offMax {
				t.Errorf("node %d: TIME is %s off (%v)", i, off, err)
			}
		}
	}
	lead()
	closeAll()
	openAll(t, nodes)
	lead()
}

// TestEstimatesStayTogether: a member whose oscillator is fast is not pulled back by the log, which only pushes forward; so it follows the
// leader's estimate, or log time would leap when it proposes something again.
func TestEstimatesStayTogether(t *testing.T) {
	nodes, _ := formGroup(t, 0, time.Hour, -time.Hour)
	var leader, follower *groupNode
	holds(t, "a leader that others hear", func() bool {
		for _, n := range nodes {
			switch {
			case n.leads():
				leader = n
			default:
				follower = n
			}
		}
		if leader == nil || leader == follower {
			return false
		}
		_, ok := follower.timeToFollow()
		return ok
	})
	const ahead, near = 100 * time.Millisecond, 30 * time.Millisecond
	follower.clock.push(leader.clock.nanos() + int64(ahead))
	for range 2 * ahead.Milliseconds() { // seconds
		follower.slewClock()
	}
	if off := time.Duration(follower.clock.nanos() - leader.clock.nanos()); off > near {
		t.Errorf("%s ahead of the leader, after so many seconds", off)
	}
}

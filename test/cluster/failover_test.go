package cluster

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

var (
	kills   = flag.Int("kills", 3, "how often TestFailover kills the leader")
	clients = flag.Int("clients", 50, "clients of TestFailover")
	pause   = flag.Duration("pause", 5*time.Second, "the longest that TestFailover lets a client wait; make failover says 2s, which other work on the machine may spoil")
)

const (
	counters   = 10
	warmWrites = 200 // between two kills
)

// load is clients that count, one request at a time, on one node or another, each on the connection it has.
type load struct {
	t     *testing.T
	rig   *rig
	stop  chan struct{}
	all   sync.WaitGroup
	acked [counters]atomic.Int64
	total atomic.Int64
	pause atomic.Int64 // the longest wait for one reply, in nanoseconds
}

// start runs so many clients on a node. They end with stop; any error fails the test.
func (l *load) start(n *Node, count int) {
	for i := range count {
		l.all.Go(func() { l.client(n, i) })
	}
}

func (l *load) client(n *Node, i int) {
	c, err := wire.Dial(n.Addr(), askMax)
	if err != nil {
		l.t.Errorf("%s: %v", n.Name, err)
		return
	}
	defer c.Close()
	for request := i; ; request++ {
		select {
		case <-l.stop:
			return
		default:
		}
		k := request % counters
		began := time.Now()
		c.Deadline(began.Add(askMax))
		if _, err := c.Do("INCR", fmt.Sprintf("counter:%d", k)); err != nil {
			l.t.Errorf("%s: client %d after %s: %v", n.Name, i, time.Since(began), err)
			return
		}
		l.acked[k].Add(1)
		l.total.Add(1)
		took := int64(time.Since(began))
		for old := l.pause.Load(); took > old && !l.pause.CompareAndSwap(old, took); old = l.pause.Load() {
		}
	}
}

// TestFailover kills the leader under clients of the other nodes, again and again: none of them gets an error, and
// each of their requests counts once.
func TestFailover(t *testing.T) {
	r := form(t, 3)
	l := &load{t: t, rig: r, stop: make(chan struct{})}
	var pauses []time.Duration
	var told [counters]int64
	for range *kills {
		leader, err := r.Leader()
		r.must(err)
		l.stop = make(chan struct{})
		var others []*Node
		for _, n := range r.Nodes {
			if n != leader {
				others = append(others, n)
			}
		}
		for _, n := range others {
			l.start(n, *clients/len(others))
		}
		l.await(warmWrites)
		l.pause.Store(0)
		leader.Kill()
		l.await(warmWrites)
		close(l.stop)
		l.all.Wait()
		if t.Failed() {
			return
		}
		pauses = append(pauses, time.Duration(l.pause.Load()))
		r.must(leader.Start())
		r.must(r.AwaitVoters(3))
	}
	for k := range told {
		told[k] = l.acked[k].Load()
		for _, n := range r.Nodes {
			r.expect(n, fmt.Sprintf("%q", fmt.Sprint(told[k])), "GET", fmt.Sprintf("counter:%d", k))
		}
	}
	r.must(r.SameState())
	slices.Sort(pauses)
	t.Logf("%d kills, %d clients, %d requests: pause p50 %s, max %s", *kills, *clients, l.total.Load(), pauses[len(pauses)/2], pauses[len(pauses)-1])
	if longest := pauses[len(pauses)-1]; longest > *pause {
		t.Errorf("the longest pause was %s, want at most %s", longest, *pause)
	}
}

// await returns when so many more requests were answered.
func (l *load) await(more int64) {
	l.t.Helper()
	from := l.total.Load()
	l.rig.must(until(startMax, func() error {
		if now := l.total.Load(); now < from+more && !l.t.Failed() {
			return fmt.Errorf("%d requests answered, want %d", now-from, more)
		}
		return nil
	}))
}

// TestRollingRestart ends and starts all nodes in turn under clients of the others; the leader hands over first.
func TestRollingRestart(t *testing.T) {
	r := form(t, 3)
	l := &load{t: t, rig: r}
	for _, n := range r.Nodes {
		l.stop = make(chan struct{})
		for _, other := range r.Nodes {
			if other != n {
				l.start(other, 5)
			}
		}
		l.await(warmWrites)
		l.pause.Store(0)
		r.must(n.Stop(3 * time.Second))
		l.await(warmWrites)
		t.Logf("%s ended, pause %s", n.Name, time.Duration(l.pause.Load()))
		r.must(n.Start())
		close(l.stop)
		l.all.Wait()
		r.must(r.AwaitVoters(3))
	}
	r.must(r.SameState())
}

// TestReadsWithoutQuorum: reads that come while others wait for an answer that never comes hear so when those do, and no later than they
// would alone. Those of a READONLY connection go on beside them.
func TestReadsWithoutQuorum(t *testing.T) {
	r := form(t, 3)
	n := r.Nodes[0]
	r.expect(n, "OK", "SET", "a", "1")
	const readers, apart, readMax = 20, 10 * time.Millisecond, 10 * time.Second
	conns := make([]*wire.Conn, readers)
	for i := range conns {
		c, err := wire.Dial(n.Addr(), askMax)
		r.must(err)
		defer c.Close()
		conns[i] = c
	}
	local, err := wire.Dial(n.Addr(), askMax)
	r.must(err)
	defer local.Close()
	_, err = local.Do("READONLY")
	r.must(err)
	r.Nodes[1].Kill()
	r.Nodes[2].Kill()
	var all sync.WaitGroup
	next := time.NewTicker(apart)
	defer next.Stop()
	for i, c := range conns {
		<-next.C
		all.Go(func() {
			began := time.Now()
			c.Deadline(began.Add(askMax))
			reply, _ := c.Do("GET", "a")
			if took := time.Since(began); !strings.HasPrefix(reply.Text, "NOQUORUM ") || took > readMax+3*time.Second {
				t.Errorf("read %d: %s, after %v", i, reply, took)
			}
		})
		for range 5 { // some of them in one turn of the loop with reads that wait
			began := time.Now()
			local.Deadline(began.Add(askMax))
			if reply, err := local.Do("GET", "a"); err != nil || reply.Text != "1" || time.Since(began) > readMax/2 {
				t.Fatalf("beside read %d, a READONLY one: %s (%v), after %v", i, reply, err, time.Since(began))
			}
		}
	}
	all.Wait()
	r.must(r.Nodes[1].Start())
	r.must(until(startMax, func() error {
		reply, err := n.Do("GET", "a")
		if err == nil && reply.Text != "1" {
			t.Errorf("GET a = %s when there is a quorum again", reply)
		}
		return err
	}))
}

// TestNoQuorum: without one, writes end with the truth after write-timeout, stale reads go on, and all is well when
// the others are back.
func TestNoQuorum(t *testing.T) {
	r := form(t, 3)
	r.expect(r.Nodes[0], "OK", "SET", "a", "1")
	n := r.Nodes[0]
	r.expect(n, "OK", "CONFIG", "SET", "write-timeout", "500")
	c, err := wire.Dial(n.Addr(), askMax)
	r.must(err)
	defer c.Close()
	r.Nodes[1].Kill()
	r.Nodes[2].Kill()
	began := time.Now()
	c.Deadline(began.Add(askMax))
	var answers []string
	for range 8 {
		reply, _ := c.Do("INCR", "n")
		answers = append(answers, reply.String())
	}
	for i, a := range answers {
		if !strings.HasPrefix(a, "(error) TIMEOUT outcome unknown") && !strings.HasPrefix(a, "(error) NOQUORUM ") {
			t.Errorf("write %d without a quorum: %s", i, a)
		}
	}
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("8 writes took %v with a write-timeout of 500 ms", took)
	}
	if last := answers[len(answers)-1]; !strings.HasPrefix(last, "(error) NOQUORUM ") {
		t.Errorf("a write that was never proposed: %s", last)
	}
	for _, step := range []struct{ command, want string }{{"READONLY", "OK"}, {"GET a", `"1"`}} {
		reply, err := c.Do(strings.Fields(step.command)...)
		if reply.String() != step.want {
			t.Errorf("%s = %s (%v), want %s", step.command, reply, err, step.want)
		}
	}
	unknown := 0
	for _, a := range answers {
		if strings.HasPrefix(a, "(error) TIMEOUT") {
			unknown++
		}
	}
	n.Kill() // and it is the same after a start without a quorum
	r.must(n.Launch())
	r.must(until(startMax, func() error { return staleRead(n) }))
	r.refused(n, "LOADING", "GET", "a")
	for _, n := range r.Nodes[1:] {
		r.must(n.Launch())
	}
	r.must(until(startMax, func() error {
		_, err := n.Do("SET", "b", "2")
		return err
	}))
	reply, err := n.Do("GET", "n")
	r.must(err)
	if count := len(reply.Text); !reply.Nil && (count != 1 || int(reply.Text[0]-'0') > unknown) {
		t.Errorf("of writes answered %q, %s took effect", answers, reply)
	}
	r.must(r.AwaitVoters(3))
	r.must(r.SameState())
}

// staleRead reads what the node has, whoever else is there.
func staleRead(n *Node) error {
	c, err := wire.Dial(n.Addr(), askMax)
	if err != nil {
		return err
	}
	defer c.Close()
	c.Deadline(time.Now().Add(askMax))
	if _, err := c.Do("READONLY"); err != nil {
		return err
	}
	reply, err := c.Do("GET", "a")
	if err == nil && reply.Text != "1" {
		err = fmt.Errorf("GET a = %s", reply)
	}
	return err
}

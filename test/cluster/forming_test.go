package cluster

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

const firstWriteMax = 10 * time.Second // from the start of three processes to the first replicated write

// TestInitialCluster starts three at once, all with the same words.
func TestInitialCluster(t *testing.T) {
	r := newRig(t)
	var all []string
	for range 3 {
		all = append(all, r.add().Addr())
	}
	began := time.Now()
	for _, n := range r.Nodes {
		r.must(n.Launch("--initial-cluster", strings.Join(all, ",")))
	}
	for _, n := range r.Nodes {
		r.must(n.Srv.WaitReady(startMax))
	}
	r.must(r.AwaitVoters(3))
	r.expect(r.Nodes[1], "OK", "SET", "a", "b")
	if took := time.Since(began); took > firstWriteMax {
		t.Errorf("the first replicated write was there after %s, want %s", took, firstWriteMax)
	} else {
		t.Logf("the first replicated write was there after %s", took)
	}
	for _, n := range r.Nodes {
		r.expect(n, `"b"`, "GET", "a")
	}
	r.must(r.SameState())
}

// TestRestart ends all nodes in every way and starts them with nothing but directory and port.
func TestRestart(t *testing.T) {
	r := form(t, 3)
	r.expect(r.Nodes[2], "(integer) 1", "INCR", "n")
	for round, end := range []func(n *Node){
		func(n *Node) { r.must(n.Stop(3 * time.Second)) },
		func(n *Node) { n.Kill() },
	} {
		for _, n := range r.Nodes {
			end(n)
		}
		for _, n := range r.Nodes {
			r.must(n.Launch())
		}
		for _, n := range r.Nodes {
			r.must(n.Srv.WaitReady(startMax))
		}
		r.expect(r.Nodes[round], "(integer) "+string(rune('2'+round)), "INCR", "n")
	}
	r.must(r.AwaitVoters(3))
	r.must(r.SameState())
}

// TestMoved starts nodes again at other ports: first one, which finds the others where they were, then all of them,
// which need one hint, as a clock needs one hand.
func TestMoved(t *testing.T) {
	r := form(t, 3)
	r.expect(r.Nodes[0], "OK", "SET", "a", "1")
	n := r.Nodes[1]
	n.Kill()
	r.move(n)
	r.must(n.Start())
	r.must(r.AwaitVoters(3))
	r.expect(n, `"1"`, "GET", "a")
	for _, n := range r.Nodes {
		n.Kill()
	}
	for _, n := range r.Nodes {
		r.move(n)
	}
	r.must(r.Nodes[0].Launch())
	for _, n := range r.Nodes[1:] {
		r.must(n.Launch("--join", r.Nodes[0].Addr()))
	}
	for _, n := range r.Nodes {
		r.must(n.Srv.WaitReady(startMax))
	}
	for _, n := range r.Nodes {
		r.expect(n, "OK", "SET", "a", "2")
	}
	r.must(r.AwaitVoters(3))
	r.must(r.SameState())
}

func (r *rig) move(n *Node) {
	r.t.Helper()
	port, err := r.freePort()
	r.must(err)
	n.Port = port
}

// TestWiped empties a voter's disk: it comes back as a new node, and the old one is forgotten.
func TestWiped(t *testing.T) {
	r := form(t, 3)
	r.expect(r.Nodes[0], "OK", "SET", "a", "1")
	n := r.Nodes[2]
	before, err := n.Info()
	r.must(err)
	n.Kill()
	r.must(os.RemoveAll(n.Dir))
	r.must(os.MkdirAll(n.Dir, 0o755))
	r.must(n.Start("--join", r.Nodes[0].Addr()))
	r.must(r.AwaitVoters(3))
	after, err := n.Info()
	r.must(err)
	if before["node"] == after["node"] || before["cluster"] != after["cluster"] {
		t.Errorf("the wiped node was %v and is %v", before, after)
	}
	r.expect(n, `"1"`, "GET", "a")
	r.must(r.SameState())
}

// TestRemoved removes a follower, the leader, and one that is not there.
func TestRemoved(t *testing.T) {
	r := form(t, 3)
	leader, err := r.Leader()
	r.must(err)
	r.expect(leader, "OK", "RAFT", "REMOVE", leader.Addr())
	r.ends(leader)
	leader.Srv = nil
	r.must(leader.Launch())
	if err := leader.Srv.WaitReady(startMax); err == nil || !strings.Contains(err.Error(), "was removed from its cluster") {
		t.Errorf("a removed node starts: %v", err)
	}
	leader.Srv = nil
	r.must(r.AwaitVoters(2))
	rest := r.Running()
	r.expect(rest[0], "OK", "SET", "a", "1")
	away := rest[1]
	away.Pause()
	r.must(until(startMax, func() error { // until the other has noticed
		reply, _ := rest[0].Do("RAFT", "REMOVE", away.Addr())
		if !strings.Contains(reply.Text, "FORCE") && !strings.Contains(reply.Text, "NOQUORUM") {
			return errors.New(reply.String())
		}
		return nil
	}))
	away.Resume()
	r.must(until(startMax, func() error {
		_, err := rest[0].Do("RAFT", "REMOVE", away.Addr())
		return err
	}))
	r.ends(away)
	away.Srv = nil
	r.must(r.AwaitVoters(1))
	r.refused(rest[0], "last voter", "RAFT", "REMOVE", rest[0].Addr(), "FORCE")
	r.expect(rest[0], `"1"`, "GET", "a")
}

// ends waits for a removed node to say so and end.
func (r *rig) ends(n *Node) {
	r.t.Helper()
	select {
	case <-n.Srv.Done():
	case <-time.After(startMax):
		r.t.Fatalf("%s does not end", n.Name)
	}
	if tail := n.Srv.Tail(); !strings.Contains(tail, "was removed from its cluster") {
		r.t.Errorf("%s ended without saying why:\n%s", n.Name, tail)
	}
}

// TestForeign keeps nodes of different clusters apart.
func TestForeign(t *testing.T) {
	a, b := form(t, 1), form(t, 1)
	n := b.Nodes[0]
	n.Kill()
	b.must(n.Launch("--join", a.Nodes[0].Addr()))
	if err := n.Srv.WaitReady(startMax); err == nil || !strings.Contains(err.Error(), "belongs to cluster") {
		t.Errorf("a node joins a second cluster: %v", err)
	}
	n.Srv = nil
}

// TestDisagreement refuses a node that is given another value of what all must have in common.
func TestDisagreement(t *testing.T) {
	r := form(t, 1)
	n := r.add()
	r.must(n.Launch("--join", r.Nodes[0].Addr(), "--databases", "32"))
	if err := n.Srv.WaitReady(startMax); err == nil || !strings.Contains(err.Error(), "databases") {
		t.Errorf("a node with other databases joins: %v", err)
	}
	n.Srv = nil
}

// TestPassword joins a cluster that asks for one.
func TestPassword(t *testing.T) {
	r := newRig(t)
	first, second := r.add(), r.add()
	r.must(first.Start("--requirepass", "secret", "--masterauth", "secret"))
	r.must(second.Launch("--join", first.Addr(), "--masterauth", "wrong"))
	if err := second.Srv.WaitReady(startMax); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("a node joins with a wrong password: %v", err)
	}
	r.must(second.Start("--join", first.Addr(), "--masterauth", "secret"))
	r.expect(second, "OK", "SET", "a", "b")
}

// TestLearner joins a node that is to stay one; it serves like any other, and counts for nothing.
func TestLearner(t *testing.T) {
	r := form(t, 1)
	n := r.add()
	r.must(n.Start("--join", r.Nodes[0].Addr(), "--join-as", "learner"))
	r.role(n, "learner")
	r.expect(n, "(integer) 1", "INCR", "n")
	n.Kill()
	r.expect(r.Nodes[0], "(integer) 2", "INCR", "n") // no quorum lost
	r.must(n.Start())
	r.role(n, "learner")
	r.expect(n, "(integer) 3", "INCR", "n")
	r.expect(r.Nodes[0], "OK", "RAFT", "PROMOTE", n.Addr())
	r.must(r.AwaitVoters(2))
	r.expect(r.Nodes[0], "OK", "RAFT", "TRANSFER", n.Addr())
	r.must(until(startMax, func() error { // the one that hands over may know first
		info, err := n.Info()
		if err == nil && info["leader"] != info["node"] {
			err = fmt.Errorf("leadership was handed over: %v", info)
		}
		return err
	}))
	r.expect(r.Nodes[0], "(integer) 4", "INCR", "n")
}

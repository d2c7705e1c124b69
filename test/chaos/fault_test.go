package chaos

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/test/cluster"
)

// fault is something that happens to the group and is over when do returns.
type fault struct {
	name string
	net  bool // needs network namespaces
	do   func(tr *trial) error
}

// faults in turn are chosen by chance. No fault needs more than the time between two.
func faults() []fault {
	return []fault{
		{"kill -9 the leader", false, func(tr *trial) error { return tr.kill(tr.leader()) }},
		{"kill -9 one", false, func(tr *trial) error { return tr.kill(tr.any()) }},
		{"kill -9 all", false, (*trial).killAll},
		{"stop the leader in order", false, func(tr *trial) error { return tr.restart(tr.leader()) }},
		{"SIGSTOP the leader", false, func(tr *trial) error { return tr.pause(tr.leader()) }},
		{"SIGSTOP one", false, func(tr *trial) error { return tr.pause(tr.any()) }},
		{"hand over the leadership", false, (*trial).handOver},
		{"add or remove a member", false, (*trial).changeMembers},
		{"snapshot everywhere", false, (*trial).snapshots},
		{"cut off the leader", true, func(tr *trial) error { return tr.isolate(tr.leader(), true, true) }},
		{"cut off one", true, func(tr *trial) error { return tr.isolate(tr.any(), true, true) }},
		{"the leader hears nothing", true, func(tr *trial) error { return tr.isolate(tr.leader(), false, true) }},
		{"the leader is not heard", true, func(tr *trial) error { return tr.isolate(tr.leader(), true, false) }},
		{"one is not heard", true, func(tr *trial) error { return tr.isolate(tr.any(), true, false) }},
		{"a ring with one gap", true, (*trial).gap},
	}
}

// leader is the node that leads, or any when that is not clear.
func (tr *trial) leader() *cluster.Node {
	for _, n := range tr.rig.Nodes[:voters] {
		if info, err := n.Info(); err == nil && info["leader"] == info["node"] {
			return n
		}
	}
	return tr.any()
}

func (tr *trial) any() *cluster.Node { return tr.rig.Nodes[tr.rng.IntN(voters)] }

// some waits for up to max, by chance.
func (tr *trial) some(max time.Duration) { tr.wait(time.Duration(tr.rng.Int64N(int64(max)))) }

func (tr *trial) kill(n *cluster.Node) error {
	n.Kill()
	tr.some(tr.faultMax)
	return n.Start()
}

func (tr *trial) restart(n *cluster.Node) error {
	if err := n.Stop(4 * time.Second); err != nil {
		return fmt.Errorf("%s: SIGTERM: %w", n.Name, err)
	}
	tr.some(tr.faultMax)
	return n.Start()
}

func (tr *trial) killAll() error {
	running := tr.rig.Running()
	for _, n := range running {
		n.Kill()
	}
	for _, n := range running {
		if err := n.Launch(); err != nil {
			return err
		}
	}
	for _, n := range running {
		if err := n.Srv.WaitReady(startMax); err != nil {
			return err
		}
	}
	return nil
}

func (tr *trial) pause(n *cluster.Node) error {
	n.Pause()
	tr.some(tr.faultMax)
	n.Resume()
	return nil
}

func (tr *trial) handOver() error {
	_, _ = tr.any().Do("RAFT", "TRANSFER") // it may be refused, as when the others have not been heard of
	return nil
}

// changeMembers adds the fourth node, or removes it for ever.
func (tr *trial) changeMembers() error {
	extra := tr.rig.Nodes[voters]
	if extra.Srv == nil {
		if err := os.RemoveAll(extra.Dir); err != nil {
			return err
		}
		if err := os.MkdirAll(extra.Dir, 0o755); err != nil {
			return err
		}
		return extra.Start("--join", tr.any().Addr())
	}
	return tr.removeExtra()
}

func (tr *trial) removeExtra() error {
	extra := tr.rig.Nodes[voters]
	if extra.Srv == nil {
		return nil
	}
	deadline := time.Now().Add(startMax)
	for {
		r, err := tr.any().Do("RAFT", "REMOVE", extra.Addr())
		if err == nil || strings.Contains(r.Text, "no member") {
			break
		}
		if time.Now().After(deadline) {
			return err
		}
		tr.some(200 * time.Millisecond)
	}
	select {
	case <-extra.Srv.Done():
	case <-time.After(startMax):
		return fmt.Errorf("%s was removed and is still there\n%s", extra.Name, extra.Srv.Tail())
	}
	extra.Srv = nil
	return nil
}

func (tr *trial) snapshots() error {
	for _, n := range tr.rig.Running() {
		_, _ = n.Do("RAFT", "SNAPSHOT")
	}
	return nil
}

// isolate cuts what a node sends, what it hears, or both, for some time.
func (tr *trial) isolate(n *cluster.Node, sends, hears bool) error {
	i := tr.index(n)
	for other := range tr.net.size {
		if other == i {
			continue
		}
		if sends {
			if err := tr.net.cut(i, other); err != nil {
				return err
			}
		}
		if hears {
			if err := tr.net.cut(other, i); err != nil {
				return err
			}
		}
	}
	tr.some(2 * tr.faultMax)
	tr.net.heal()
	return nil
}

// gap cuts two nodes off from each other, while both reach the third.
func (tr *trial) gap() error {
	a := tr.rng.IntN(voters)
	b := (a + 1) % voters
	if err := tr.net.cut(a, b); err != nil {
		return err
	}
	if err := tr.net.cut(b, a); err != nil {
		return err
	}
	tr.some(2 * tr.faultMax)
	tr.net.heal()
	return nil
}

func (tr *trial) index(n *cluster.Node) int {
	for i, x := range tr.rig.Nodes {
		if x == n {
			return i
		}
	}
	panic("no such node")
}

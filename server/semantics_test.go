package server

import (
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/test/process"
)

// openAs is groupNode.open by a program that knows a semantics version.
func (n *groupNode) openAs(t *testing.T, knows uint64, options ...string) error {
	t.Helper()
	set, _, err := conf.Load(append([]string{"--port", strconv.Itoa(n.port), "--bind", "127.0.0.1", "--dir", n.dir}, options...), strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	n.Server, err = Open(Options{Conf: set, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Version: "test", Fatal: func(reason string) { t.Error(reason) }, Semantics: knows})
	return err
}

// later makes a command one that came with semantics version 2.
func (n *groupNode) later(name string) {
	spec := *n.entries[name].Spec
	spec.Needs = 2
	n.entries[name].Spec = &spec
}

// TestSemanticsRiseTogether replaces the members by a program that knows more, one after the other. What came with it is refused until the last has
// been replaced; entries are such that the old can apply them; and an old program cannot join then.
func TestSemanticsRiseTogether(t *testing.T) {
	nodes := openThree(t)
	for i, n := range nodes {
		nodes[0].do(t, "INCR n")
		n.Close()
		if err := n.openAs(t, 2); err != nil {
			t.Fatal(err)
		}
		n.later("APPEND")
		if i == len(nodes)-1 {
			break
		}
		nodes[1].do(t, "INCR n")
		leader := leading(t, nodes)
		holds(t, "the leader hears what the new program knows", func() bool {
			h, ok := leader.peers.news(n.replica.ID())
			return leader == n || ok && h.semantics == 2
		})
		leader.chores.raiseSemantics()
		if r := leader.do(t, "INCR m"); r.Err() != nil || leader.machine.Semantics() != 1 {
			t.Errorf("%v, at semantics version %d", r, leader.machine.Semantics())
		}
		if r := n.do(t, "APPEND k x"); r.Err() == nil || !strings.Contains(r.Text, "in force when all members") {
			t.Errorf("a command that not all members know: %v", r)
		}
	}
	holds(t, "the version rises", func() bool {
		for _, n := range nodes {
			if n.machine.Semantics() != 2 {
				return false
			}
		}
		return true
	})
	for _, n := range nodes {
		if r := n.do(t, "APPEND k x"); r.Err() != nil {
			t.Errorf("a command that all members know: %v", r)
		}
	}
	if r := nodes[2].do(t, "GET n"); r.Text != "5" {
		t.Errorf("GET n = %v, want 5", r)
	}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	old := &groupNode{port: port, dir: t.TempDir()}
	if err := old.openAs(t, 1, "--join", nodes[0].addr()); err == nil || !strings.Contains(err.Error(), "the cluster is at semantics version 2") {
		t.Errorf("an old program joins: %v", err)
	}
}

package server

import (
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/test/wire"
)

// openAs is groupNode.open by a program that knows a semantics version.
func (n *groupNode) openAs(t *testing.T, knows uint64, options ...string) error {
	t.Helper()
	set, _, err := conf.Load(append([]string{"--port", strconv.Itoa(n.port), "--bind", "127.0.0.1", "--dir", n.dir}, options...), strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	n.Server, err = Open(Options{Conf: set, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Version: "test", Fatal: func(reason string) { t.Error(reason) },
		Semantics: knows, Commands: append(command.Families(), changing(knows))})
	return err
}

// changing are the commands of a program in which MEAN does something else from semantics version 2 on, which brought LATER: both put the version that they act by
// behind the key's value.
func changing(knows uint64) []command.Spec {
	const second keyspace.Semantics = 2
	add := func(c *command.WriteCall) (resp.Value, error) {
		by := "1"
		if knows >= 2 && c.Tx.Since(second) {
			by = "2"
		}
		value := []byte{}
		if it, ok := c.Tx.Lookup(c.At(1)); ok {
			value = append(value, c.Tx.Value(it)...)
		}
		c.Tx.Put(c.At(1), mvcc.Attr{Type: mvcc.String}, append(value, by...))
		return resp.BulkString(by), nil
	}
	own := []command.Spec{{Name: "MEAN", Arity: command.Exactly(2), Keys: command.KeyAt(1), Write: add}}
	if knows >= 2 {
		own = append(own, command.Spec{Name: "LATER", Arity: command.Exactly(2), Keys: command.KeyAt(1), Write: add, Needs: second})
	}
	return own
}

// openThreeAs is openThree by a program that knows a semantics version.
func openThreeAs(t *testing.T, knows uint64) (nodes []*groupNode) {
	t.Helper()
	for i := range 3 {
		n := newGroupNode(t)
		nodes = append(nodes, n)
		var options []string
		if i > 0 {
			options = []string{"--join", nodes[0].addr()}
		}
		if err := n.openAs(t, knows, options...); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
	}
	holds(t, "three voters", func() bool { return len(nodes[0].replica.Membership().Voters) == 3 })
	return nodes
}

// equal waits until the nodes have come to the same revision, and compares all that they hold there.
func equal(t *testing.T, nodes []*groupNode) {
	t.Helper()
	nodes[0].do(t, "SET mark 1")
	rev := nodes[0].revision()
	hashes := map[string]bool{}
	for _, n := range nodes {
		holds(t, "the nodes come to the same revision", func() bool { return n.revision() >= rev })
		content, err := n.machine.Content(rev, nil)
		if err != nil {
			t.Fatal(err)
		}
		hashes[formatID(content)] = true
	}
	if len(hashes) != 1 {
		t.Errorf("the content at %d has the hashes %v", rev, hashes)
	}
}

// meaners have MEAN k done on every node until told to stop, whatever becomes of their connections.
func meaners(t *testing.T, nodes []*groupNode) (stop func()) {
	t.Helper()
	ended := make(chan struct{})
	var all sync.WaitGroup
	for i, n := range nodes {
		all.Go(func() {
			var c *wire.Conn
			for k := 0; ; k++ {
				select {
				case <-ended:
					if c != nil {
						c.Close()
					}
					return
				default:
				}
				if c == nil {
					if c, _ = wire.Dial(n.addr(), groupPatience); c == nil {
						continue
					}
				}
				c.Deadline(time.Now().Add(groupPatience))
				if _, err := c.Do("MEAN", "k"+strconv.Itoa(i)+"-"+strconv.Itoa(k%50)); err != nil {
					c.Close()
					c = nil
				}
			}
		})
	}
	return func() {
		close(ended)
		all.Wait()
	}
}

// TestSemanticsRiseTogether replaces the members by a program that knows more, one after the other, with clients at all of them. What came with it is refused, and
// what it changed does as before, until the last has been replaced; what they hold is the same all the while; and an old program cannot join then.
func TestSemanticsRiseTogether(t *testing.T) {
	nodes := openThreeAs(t, 1)
	stop := meaners(t, nodes)
	for i, n := range nodes {
		if r := nodes[0].do(t, "MEAN n"); r.Text != "1" {
			t.Errorf("MEAN by old members: %v", r)
		}
		n.Close()
		if err := n.openAs(t, 2); err != nil {
			t.Fatal(err)
		}
		if i == len(nodes)-1 {
			break
		}
		leader := leading(t, nodes)
		holds(t, "the leader hears what the new program knows", func() bool {
			h, ok := leader.peers.news(n.replica.ID())
			return leader == n || ok && h.semantics == 2
		})
		for _, at := range nodes {
			if r := at.do(t, "MEAN m"); r.Text != "1" || at.machine.Semantics() != 1 {
				t.Errorf("MEAN before all know more: %v, at semantics version %d", r, at.machine.Semantics())
			}
		}
		if r := n.do(t, "LATER k"); r.Err() == nil || !strings.Contains(r.Text, "in force when all members") {
			t.Errorf("a command that not all members know: %v", r)
		}
		equal(t, nodes)
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
		for _, line := range []string{"MEAN m", "LATER m"} {
			if r := n.do(t, line); r.Text != "2" {
				t.Errorf("%s when all members know it: %v", line, r)
			}
		}
	}
	stop()
	equal(t, nodes)
	if r := nodes[2].do(t, "GET n"); r.Text != "111" {
		t.Errorf("GET n = %v, want 111", r)
	}
	if r := nodes[1].do(t, "GET m"); r.Text != "111111222222" {
		t.Errorf("GET m = %v, want 111111222222", r)
	}
	if err := newGroupNode(t).openAs(t, 1, "--join", nodes[0].addr()); err == nil || !strings.Contains(err.Error(), "the cluster is at semantics version 2") {
		t.Errorf("an old program joins: %v", err)
	}
}

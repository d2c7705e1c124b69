package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

// blocked is a client of a node that waits.
type blocked struct {
	*wire.Conn
	r *rig
}

// block has clients send a command, one after the other, so that they wait on the node in this order.
func (r *rig) block(n *Node, count int, command ...string) (list []blocked) {
	r.t.Helper()
	before := r.blockedClients(n)
	for i := range count {
		c, err := wire.Dial(n.Addr(), askMax)
		r.must(err)
		r.t.Cleanup(func() { c.Close() })
		c.Append(command...)
		r.must(c.Flush())
		r.must(until(startMax, func() error {
			if got := r.blockedClients(n); got != before+i+1 {
				return fmt.Errorf("%d clients of %s are blocked, want %d", got, n.Name, before+i+1)
			}
			return nil
		}))
		list = append(list, blocked{c, r})
	}
	return list
}

func (r *rig) blockedClients(n *Node) (count int) {
	r.t.Helper()
	reply, err := n.Do("INFO", "clients")
	r.must(err)
	_, rest, _ := strings.Cut(reply.Text, "\r\nblocked_clients:")
	fmt.Sscan(rest, &count)
	return count
}

// gets fails unless the client is answered so.
func (b blocked) gets(want string) {
	b.r.t.Helper()
	b.Deadline(time.Now().Add(askMax))
	reply, err := b.Read()
	b.r.must(err)
	if got := reply.String(); got != want {
		b.r.t.Errorf("the client got %s, want %s", got, want)
	}
}

// TestBlockedAcrossNodes pushes on one node what clients of another wait for: each element goes to one of them, in the order in
// which they began to wait.
func TestBlockedAcrossNodes(t *testing.T) {
	r := form(t, 3)
	leader, err := r.Leader()
	r.must(err)
	const clients = 8
	for _, n := range r.Nodes {
		from := r.Nodes[0]
		if n == from {
			from = r.Nodes[1]
		}
		list := r.block(n, clients, "BLPOP", "jobs", "0")
		push, err := wire.Dial(from.Addr(), askMax)
		r.must(err)
		for i := range clients - 2 {
			push.Append("RPUSH", "jobs", fmt.Sprint(i))
		}
		push.Append("RPUSH", "jobs", "6", "7")
		r.must(push.Flush())
		for i, c := range list {
			c.gets(fmt.Sprintf(`["jobs" "%d"]`, i))
		}
		push.Close()
		r.expect(n, "(integer) 0", "EXISTS", "jobs")
	}
	var all []blocked
	for _, n := range r.Nodes {
		all = append(all, r.block(n, 3, "BZPOPMIN", "queue", "0")...)
	}
	words := []string{"ZADD", "queue"}
	for i := range len(all) {
		words = append(words, fmt.Sprint(i), fmt.Sprint("m", i))
	}
	r.expect(leader, fmt.Sprintf("(integer) %d", len(all)), words...)
	seen := map[string]bool{}
	for _, c := range all {
		c.Deadline(time.Now().Add(askMax))
		reply, err := c.Read()
		r.must(err)
		if len(reply.Elems) != 3 || seen[reply.Elems[1].Text] {
			t.Errorf("a client got %s, of %v", reply, seen)
			continue
		}
		seen[reply.Elems[1].Text] = true
	}
}

// TestBlockedBySnapshot serves a client of a node that receives a push inside a snapshot. Where the machine is slow, the log is compacted again
// before that has come, and the pop comes inside another snapshot: then the client is told that it popped something.
func TestBlockedBySnapshot(t *testing.T) {
	r := form(t, 3)
	leader, err := r.Leader()
	r.must(err)
	away := r.Nodes[2]
	if away == leader {
		away = r.Nodes[1]
	}
	c := r.block(away, 1, "BLPOP", "none", "jobs", "0")[0]
	away.Pause()
	r.expect(leader, "(integer) 1", "RPUSH", "jobs", "x")
	r.fill(leader)
	for _, n := range r.Nodes {
		if n != away {
			r.expect(n, "OK", "RAFT", "SNAPSHOT")
		}
	}
	away.Resume()
	c.Deadline(time.Now().Add(askMax))
	reply, err := c.Read()
	r.must(err)
	switch got := reply.String(); {
	case got == `["jobs" "x"]`:
	case strings.HasPrefix(got, "(error) APPLIED reply lost") && strings.Count(leader.Srv.Tail(), "Sending a snapshot") > 1:
	default:
		t.Errorf("the client got %s", got)
	}
	r.expect(leader, "(integer) 0", "LLEN", "jobs")
	if tail := away.Srv.Tail(); !strings.Contains(tail, "Received a snapshot") {
		t.Logf("it was caught up without a snapshot:\n%s", tail)
	}
}

// TestBlockedWithoutQuorum: who waited before waits on, until its time is up; who comes then is told.
func TestBlockedWithoutQuorum(t *testing.T) {
	r := form(t, 3, "--write-timeout", "500")
	n := r.Nodes[0]
	short := r.block(n, 1, "BLPOP", "jobs", "3")[0]
	long := r.block(n, 1, "BLPOP", "jobs", "0")[0]
	r.Nodes[1].Pause()
	r.Nodes[2].Pause()
	reply, err := n.Do("BLPOP", "jobs", "0")
	if text := reply.Text; err == nil || !strings.HasPrefix(text, "NOQUORUM") && !strings.HasPrefix(text, "TIMEOUT") {
		t.Errorf("BLPOP without a quorum = %s, %v", reply, err)
	}
	short.gets("(nil)")
	r.Nodes[1].Resume()
	r.Nodes[2].Resume()
	r.must(until(startMax, func() error {
		_, err := r.Nodes[1].Do("RPUSH", "jobs", "x")
		return err
	}))
	long.gets(`["jobs" "x"]`)
}

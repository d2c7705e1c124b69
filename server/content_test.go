package server

import (
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/mvcc"
)

// leading is the node that leads.
func leading(t *testing.T, nodes []*groupNode) (leader *groupNode) {
	t.Helper()
	holds(t, "somebody leads", func() bool {
		for _, n := range nodes {
			if n.leads() {
				leader = n
			}
		}
		return leader != nil
	})
	return leader
}

// fillAll writes keys of all kinds.
func fillAll(t *testing.T, n *groupNode) {
	t.Helper()
	for i := range 30 {
		k := strconv.Itoa(i)
		for _, line := range []string{
			"SET s" + k + " " + k, "SET long" + k + " " + strings.Repeat(k, 400), "SETRANGE huge" + k + " 3000 x", "HSET h" + k + " f " + k + " g 1", "RPUSH l" + k + " a b c",
			"SADD t" + k + " a b", "ZADD z" + k + " 1 a 2 b", "SET due" + k + " v PX 10000000", "SET gone" + k + " v PX 50",
		} {
			if r := n.do(t, line); r.Err() != nil {
				t.Fatalf("%s: %s", line, r.Text)
			}
		}
	}
	n.do(t, "DEBUG POPULATE 3000 many")
}

// awaitPasses returns when the leader has compared everything some times more.
func awaitPasses(t *testing.T, n *groupNode, more uint64, meanwhile func()) {
	t.Helper()
	before := n.chores.content.passes.Load()
	holds(t, "the content is compared", func() bool {
		meanwhile()
		return n.chores.content.passes.Load() >= before+more
	})
}

// TestEqualContentIsNoNews: nobody is named while clients write, a member is away, or another leads.
func TestEqualContentIsNoNews(t *testing.T) {
	nodes := openThree(t, "--content-check-period", "500")
	fillAll(t, nodes[0])
	i := 0
	write := func() {
		i++
		nodes[i%3].do(t, "HSET h1 f "+strconv.Itoa(i))
		nodes[i%3].do(t, "SET s"+strconv.Itoa(i%30)+" "+strconv.Itoa(i)+" PX 20")
	}
	awaitPasses(t, leading(t, nodes), 1, write)
	if r := nodes[0].do(t, "RAFT TRANSFER"); r.Err() != nil {
		t.Fatal(r.Text)
	}
	awaitPasses(t, leading(t, nodes), 1, write)
	for _, n := range nodes {
		if alarms := n.machine.Alarms(); len(alarms) > 0 {
			t.Errorf("alarms %v", alarms)
		}
	}
}

// TestRotIsFound changes a byte that a node has in memory, behind its back. The chain hashes, of what was written, stay equal.
func TestRotIsFound(t *testing.T) {
	for _, c := range []struct {
		what string
		rot  func(s *mvcc.Store, ks mvcc.Keyspace)
	}{
		{"a value", func(s *mvcc.Store, ks mvcc.Keyspace) {
			it, _ := s.View().Lookup(ks, []byte("s7"))
			it.Value[0] ^= 1
		}},
		{"an element", func(s *mvcc.Store, ks mvcc.Keyspace) {
			it, _ := s.View().Lookup(ks, []byte("h7"))
			e, _ := s.View().Collection(it).Lookup([]byte("g"))
			e.Value[0] ^= 1
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			nodes := openThree(t, "--content-check-period", "500")
			fillAll(t, nodes[0])
			bad := nodes[2]
			bad.machine.RLock()
			store := bad.machine.Space().Store
			c.rot(store, store.View().Keyspace(0))
			bad.machine.RUnlock()
			holds(t, "every node names the one that differs", func() bool {
				for _, n := range nodes {
					info := n.do(t, "INFO replication").Text
					if !strings.Contains(info, "corrupt_nodes:"+formatID(bad.replica.ID())+"\r\n") {
						return false
					}
				}
				return true
			})
		})
	}
}

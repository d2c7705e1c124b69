package server

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

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

// TestRotIsFound changes a byte that a node has in memory or on disk, behind its back. The chain hashes, of what was written, stay equal.
func TestRotIsFound(t *testing.T) {
	for _, c := range []struct {
		what  string
		leads bool // the node whose byte it is
		rot   func(t *testing.T, n *groupNode)
	}{
		{"a value", false, inMemory(func(s *mvcc.Store, ks mvcc.Keyspace) []byte {
			it, _ := s.View().Lookup(ks, []byte("s7"))
			return it.Value
		})},
		{"an element", false, inMemory(func(s *mvcc.Store, ks mvcc.Keyspace) []byte {
			it, _ := s.View().Lookup(ks, []byte("h7"))
			e, _ := s.View().Collection(it).Lookup([]byte("g"))
			return e.Value
		})},
		{"an element of the leader's", true, inMemory(func(s *mvcc.Store, ks mvcc.Keyspace) []byte {
			it, _ := s.View().Lookup(ks, []byte("t7"))
			e, _ := s.View().Collection(it).Lookup([]byte("b"))
			return e.Name
		})},
		{"a value on disk, with a checksum that is right", false, onDisk},
	} {
		t.Run(c.what, func(t *testing.T) {
			nodes := openThree(t, "--content-check-period", "500")
			fillAll(t, nodes[0])
			leader := leading(t, nodes)
			bad := nodes[slices.IndexFunc(nodes, func(n *groupNode) bool { return (n == leader) == c.leads })]
			c.rot(t, bad)
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

// inMemory turns a bit of what it finds there.
func inMemory(find func(s *mvcc.Store, ks mvcc.Keyspace) []byte) func(t *testing.T, n *groupNode) {
	return func(_ *testing.T, n *groupNode) {
		n.machine.RLock()
		defer n.machine.RUnlock()
		store := n.machine.Space().Store
		find(store, store.View().Keyspace(0))[0] ^= 1
	}
}

// onDisk writes another value into a row of the store, as a bug of ours or of the engine's would.
func onDisk(t *testing.T, n *groupNode) {
	t.Helper()
	n.Close()
	db, err := pebble.Open(filepath.Join(n.dir, "data", "store-1"), &pebble.Options{FormatMajorVersion: pebble.FormatNewest})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte("v"), UpperBound: []byte("w")})
	if err != nil {
		t.Fatal(err)
	}
	if !rows.First() {
		t.Fatal("there is no long value")
	}
	key, value := bytes.Clone(rows.Key()), bytes.Clone(rows.Value())
	value[len(value)-1] ^= 1
	if err := errors.Join(rows.Close(), db.Set(key, value, pebble.Sync), db.Flush(), db.Close()); err != nil {
		t.Fatal(err)
	}
	n.open(t)
}

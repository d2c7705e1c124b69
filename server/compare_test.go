package server

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/mvcc"
)

func TestCompareHashes(t *testing.T) {
	type told = map[uint64][]mvcc.Milestone
	at := func(pairs ...uint64) (list []mvcc.Milestone) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, mvcc.Milestone{Revision: pairs[i], Chain: pairs[i+1]})
		}
		return list
	}
	for _, c := range []struct {
		what     string
		told     told
		revision uint64
		differ   []uint64
	}{
		{"alone", told{1: at(5, 50)}, 0, nil},
		{"no revision in common", told{1: at(5, 50), 2: at(6, 60)}, 0, nil},
		{"equal", told{1: at(4, 40, 5, 50), 2: at(5, 50, 6, 60), 3: at(5, 50)}, 5, nil},
		{"the newest counts", told{1: at(4, 40, 5, 50), 2: at(4, 40, 5, 50)}, 5, nil},
		{"that which more have counts", told{1: at(4, 40, 5, 50), 2: at(4, 40, 5, 51), 3: at(4, 41)}, 4, []uint64{3}},
		{"one of three", told{1: at(5, 51), 2: at(5, 50), 3: at(5, 50)}, 5, []uint64{1}},
		{"two of five", told{1: at(5, 51), 2: at(5, 50), 3: at(5, 50), 4: at(5, 50), 5: at(5, 52)}, 5, []uint64{1, 5}},
		{"two, and none to decide", told{7: at(5, 51), 2: at(5, 50)}, 5, []uint64{2, 7}},
		{"three opinions", told{1: at(5, 51), 2: at(5, 50), 3: at(5, 52)}, 5, []uint64{1, 2, 3}},
	} {
		if got := compareHashes(c.told); got.revision != c.revision || !slices.Equal(got.differ, c.differ) {
			t.Errorf("%s: at %d differ %v, want at %d %v", c.what, got.revision, got.differ, c.revision, c.differ)
		}
	}
}

// TestCorruptNodeIsNamed changes the state of one of three nodes while it is down: one written row more, at a revision
// that the others have made of something else.
func TestCorruptNodeIsNamed(t *testing.T) {
	nodes := openThree(t)
	for i := range 3 {
		nodes[0].do(t, "SET k "+strconv.Itoa(i))
	}
	bad := nodes[2]
	id := bad.replica.ID()
	bad.Close()
	changeBehind(t, filepath.Join(bad.dir, "data"))
	bad.open(t)
	next := 0
	holds(t, "every node names the one that differs", func() bool {
		next++
		nodes[0].do(t, "DEBUG POPULATE 1500 k"+strconv.Itoa(next))
		for _, n := range nodes {
			info := n.do(t, "INFO replication").Text
			if !strings.Contains(info, "corrupt_nodes:"+formatID(id)+"\r\n") {
				return false
			}
		}
		return true
	})
	if alarms := nodes[1].do(t, "RAFT ALARM LIST").String(); !strings.Contains(alarms, "CORRUPT") || !strings.Contains(alarms, formatID(id)) {
		t.Errorf("RAFT ALARM LIST = %s", alarms)
	}
}

// openThree is a group of three voters in this process.
func openThree(t *testing.T, options ...string) (nodes []*groupNode) {
	t.Helper()
	for i := range 3 {
		n := newGroupNode(t)
		nodes = append(nodes, n)
		own := slices.Clone(options)
		if i > 0 {
			own = append(own, "--join", nodes[0].addr())
		}
		n.open(t, append(own, "--enable-debug-command", "yes")...)
		if t.Failed() {
			t.FailNow()
		}
		t.Cleanup(func() { n.Close() })
	}
	holds(t, "three voters", func() bool { return len(nodes[0].replica.Membership().Voters) == 3 })
	return nodes
}

// changeBehind commits a change to a machine's store that is in no log.
func changeBehind(t *testing.T, dir string) {
	t.Helper()
	name, err := os.ReadFile(filepath.Join(dir, "CURRENT"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := mvcc.Open(mvcc.Options{Dir: filepath.Join(dir, strings.TrimSpace(string(name)))})
	if err != nil {
		t.Fatal(err)
	}
	b := store.Begin()
	store.Lock()
	tx := b.Tx()
	tx.Put(tx.Keyspace(0), []byte("k"), mvcc.Attr{Type: mvcc.String}, []byte("wrong"))
	tx.Commit()
	store.Unlock()
	if err := b.Commit(store.Applied()); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

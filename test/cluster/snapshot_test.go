package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	bigValue  = 1 << 20
	bigWrites = 100       // more than the log keeps for members that are away
	diskMax   = 600 << 20 // log and state of one node, after that
)

// TestAway catches a node up that was away while the log was cut, and another one that is killed while it receives
// the snapshot; the rest goes on meanwhile.
func TestAway(t *testing.T) {
	r := form(t, 3)
	away := r.Nodes[2]
	away.Kill()
	r.fill(r.Nodes[0])
	for _, n := range r.Nodes[:2] {
		r.expect(n, "OK", "RAFT", "SNAPSHOT")
	}
	info, err := r.Nodes[0].Info()
	r.must(err)
	if info["log-first"] == "1" {
		t.Fatalf("the log was not cut: %v", info)
	}
	for range 2 { // the first time it is killed at once
		r.must(away.Launch())
		<-time.After(300 * time.Millisecond) // into the transfer, or before or behind it: any moment must do
		away.Kill()
	}
	stop := make(chan struct{})
	slowest := make(chan time.Duration)
	go func() { slowest <- r.write(r.Nodes[0], stop) }()
	r.must(away.Start())
	r.must(r.AwaitVoters(3))
	close(stop)
	t.Logf("the slowest write meanwhile took %s", <-slowest)
	r.must(r.SameState())
	r.expect(away, fmt.Sprintf("(integer) %d", bigValue), "STRLEN", "big:7")
	if tail := away.Srv.Tail(); !strings.Contains(tail, "Received a snapshot") {
		t.Errorf("it was caught up without a snapshot:\n%s", tail)
	}
	for _, n := range r.Nodes {
		if size := diskUsed(t, n.Dir); size > diskMax {
			t.Errorf("%s uses %d MiB of disk", n.Name, size>>20)
		}
	}
	away.Kill() // and what it received is its own
	r.must(away.Start())
	r.must(r.SameState())
}

// TestJoinBySnapshot joins a cluster whose log does not go back to its beginning.
func TestJoinBySnapshot(t *testing.T) {
	r := form(t, 1)
	r.fill(r.Nodes[0])
	r.expect(r.Nodes[0], "OK", "RAFT", "SNAPSHOT")
	n := r.add()
	r.must(n.Start("--join", r.Nodes[0].Addr()))
	r.must(r.AwaitVoters(2))
	r.expect(n, fmt.Sprintf("(integer) %d", bigValue), "STRLEN", "big:7")
	r.must(r.SameState())
	n.Kill()
	r.must(n.Start())
	r.must(r.SameState())
}

func (r *rig) fill(n *Node) {
	r.t.Helper()
	c, err := wire.Dial(n.Addr(), askMax)
	r.must(err)
	defer c.Close()
	c.Deadline(time.Now().Add(startMax))
	value := strings.Repeat("x", bigValue)
	for i := range bigWrites {
		_, err := c.Do("SET", fmt.Sprintf("big:%d", i%10), value)
		r.must(err)
	}
}

// write writes until stop and returns what the slowest took.
func (r *rig) write(n *Node, stop <-chan struct{}) (slowest time.Duration) {
	c, err := wire.Dial(n.Addr(), askMax)
	if err != nil {
		r.t.Error(err)
		return 0
	}
	defer c.Close()
	for {
		select {
		case <-stop:
			return slowest
		default:
		}
		began := time.Now()
		c.Deadline(began.Add(askMax))
		if _, err := c.Do("INCR", "meanwhile"); err != nil {
			r.t.Error(err)
			return slowest
		}
		slowest = max(slowest, time.Since(began))
	}
}

func diskUsed(t *testing.T, dir string) (size int64) {
	_ = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() && info.Name() != "ballast" {
			size += info.Size()
		}
		return nil // a file may go while we look
	})
	return size
}

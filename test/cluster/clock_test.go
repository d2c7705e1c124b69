package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	earlyMax = 100 * time.Millisecond // of real time
	lives    = 1500 * time.Millisecond
)

// clocks are files that say by how much the nodes' wall clocks are wrong; see cmd/redoubt.
type clocks []string

func (c clocks) set(node int, wrong time.Duration) error {
	whole := c[node] + ".next"
	if err := os.WriteFile(whole, fmt.Append(nil, wrong.Milliseconds()), 0o600); err != nil {
		return err
	}
	return os.Rename(whole, c[node])
}

// TestWallClocksApart: three wall clocks with hours between them, which jump to and fro, end no key early, whoever leads, and keep none.
func TestWallClocksApart(t *testing.T) {
	r := newRig(t)
	var c clocks
	for i := range 3 {
		n := r.add()
		c = append(c, filepath.Join(t.TempDir(), "clock"))
		n.Prefix = "env REDOUBT_TEST_CLOCK=" + c[i]
		r.must(c.set(i, time.Duration(i-1)*time.Hour))
		if i == 0 {
			r.must(n.Start())
		} else {
			r.must(n.Start("--join", r.Nodes[0].Addr()))
		}
	}
	r.must(r.AwaitVoters(3))
	for round := range 3 {
		r.must(until(startMax, func() error {
			_, err := r.Nodes[2].Do("RAFT", "TRANSFER", r.Nodes[round].Addr())
			return err
		}))
		var all sync.WaitGroup
		for i, n := range r.Nodes {
			reader := r.Nodes[(i+1)%3]
			all.Go(func() {
				lived, err := lifetime(n, reader, fmt.Sprint("k:", round, ":", i))
				if err != nil || lived < lives-earlyMax {
					t.Errorf("round %d: a key of %s lived %s on %s, want %s (%v)", round, lives, lived, reader.Name, lives, err)
				}
			})
		}
		for i := range 10 { // strobes, while the keys live
			for node := range c {
				r.must(c.set(node, time.Duration((i+node)%3-1)*time.Duration(round+1)*time.Hour))
			}
			<-time.After(lives / 10)
		}
		all.Wait()
	}
}

// lifetime sets a key on one node and reads it on another until it is gone, and returns how long it was there for certain.
func lifetime(on, from *Node, key string) (lived time.Duration, err error) {
	c, err := wire.Dial(from.Addr(), askMax)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if _, err := on.Do("SET", key, "v", "PX", fmt.Sprint(lives.Milliseconds())); err != nil {
		return 0, err
	}
	begin := time.Now() // it was set before
	end := begin.Add(startMax)
	c.Deadline(end)
	for {
		reply, err := c.Do("GET", key)
		switch now := time.Now(); {
		case err != nil:
			return 0, err
		case reply.Nil:
			return now.Sub(begin), nil
		case now.After(end):
			return 0, fmt.Errorf("%s is there for ever", key)
		}
	}
}

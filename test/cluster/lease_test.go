package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

// TestLeaseOutlivesOutage: a lease that falls due while there is no leader is not lost, since its holder could not keep it alive; what reads its
// key meanwhile, as old as it may be, finds it there.
func TestLeaseOutlivesOutage(t *testing.T) {
	r := form(t, 3)
	n := r.Nodes[0]
	r.expect(n, "(integer) 7", "LEASE", "GRANT", "8000", "ID", "7")
	r.expect(n, "OK", "SET", "k", "v", "LEASE", "7")
	for _, other := range r.Nodes[1:] {
		other.Kill()
	}
	c, err := wire.Dial(n.Addr(), askMax)
	r.must(err)
	defer c.Close()
	c.Deadline(time.Now().Add(startMax))
	if _, err := c.Do("READONLY"); err != nil {
		t.Fatal(err)
	}
	r.must(until(startMax, func() error {
		left, err := c.Do("PTTL", "k")
		if err == nil && left.Int != 0 {
			err = fmt.Errorf("the lease has %s left", left)
		}
		return err
	}))
	if reply, err := c.Do("GET", "k"); err != nil || reply.Text != "v" {
		t.Errorf("GET k without a leader = %s, %v", reply, err)
	}
	for _, other := range r.Nodes[1:] {
		r.must(other.Launch())
	}
	r.must(until(startMax, func() error {
		_, err := n.Do("LEASE", "KEEPALIVE", "7")
		return err
	}))
	r.expect(n, `"v"`, "GET", "k")
	r.must(until(startMax, func() error { // and ends when nobody keeps it alive
		reply, err := n.Do("EXISTS", "k")
		if err == nil && reply.Int != 0 {
			err = fmt.Errorf("k is there")
		}
		return err
	}))
}

package cluster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/test/wire"
)

// TestRoles: INFO replication, ROLE, CLUSTER INFO and WAIT say who leads and who follows, on every node, also after
// the leadership has moved.
func TestRoles(t *testing.T) {
	r := form(t, 3)
	for range 2 {
		leader, err := r.Leader()
		r.must(err)
		for _, n := range r.Nodes {
			r.must(until(startMax, func() error { return rolesOf(n, leader) }))
		}
		r.waits()
		r.expect(leader, "OK", "RAFT", "TRANSFER")
	}
}

func rolesOf(n, leader *Node) error {
	info, err := n.Do("INFO", "replication")
	if err != nil {
		return err
	}
	want := []string{"role:slave\r\n", fmt.Sprintf("master_port:%d\r\n", leader.Port), "master_link_status:up\r\n"}
	kind := "slave"
	if n == leader {
		kind, want = "master", []string{"role:master\r\n", "connected_slaves:2\r\n", "slave0:ip=127.0.0.1,port=", "state=online"}
	}
	for _, field := range want {
		if !strings.Contains(info.Text, field) {
			return fmt.Errorf("INFO of %s lacks %q:\n%s", n.Name, field, info.Text)
		}
	}
	role, err := n.Do("ROLE")
	if err != nil || len(role.Elems) == 0 || role.Elems[0].Text != kind {
		return fmt.Errorf("ROLE of %s = %s, want a %s", n.Name, role, kind)
	}
	cluster, err := n.Do("CLUSTER", "INFO")
	if err != nil || !strings.Contains(cluster.Text, "cluster_state:ok") || !strings.Contains(cluster.Text, "cluster_known_nodes:3") {
		return fmt.Errorf("CLUSTER INFO of %s: %v\n%s", n.Name, err, cluster.Text)
	}
	return nil
}

// waits looks at WAIT right behind a write: a quorum of three is one other node.
func (r *rig) waits() {
	r.t.Helper()
	for _, n := range r.Nodes {
		c, err := wire.Dial(n.Addr(), askMax)
		r.must(err)
		_, err = c.Do("SET", "w", "1")
		r.must(err)
		reply, err := c.Do("WAIT", "2", "1000")
		r.must(err)
		if reply.Int < 1 || reply.Int > 2 {
			r.t.Errorf("%s: WAIT = %s", n.Name, reply)
		}
		c.Close()
	}
}

// TestConfigEverywhere changes a directive of the cluster on one node and finds it on all, after a restart too.
func TestConfigEverywhere(t *testing.T) {
	r := form(t, 3)
	r.expect(r.Nodes[1], "OK", "CONFIG", "SET", "history-max-age", "5s")
	for _, n := range r.Nodes {
		r.must(until(startMax, func() error {
			reply, err := n.Do("CONFIG", "GET", "history-max-age")
			if err == nil && (len(reply.Elems) != 2 || !strings.HasPrefix(reply.Elems[1].Text, "5")) {
				err = fmt.Errorf("%s has %s", n.Name, reply)
			}
			return err
		}))
	}
}

// TestScanOrder: cursors of one node are good on another, as all order names by the same key.
func TestScanOrder(t *testing.T) {
	r := form(t, 3)
	var load []string
	for i := range 100 {
		load = append(load, fmt.Sprintf("key:%d", i), "v")
	}
	r.expect(r.Nodes[0], "OK", append([]string{"MSET"}, load...)...)
	seen, cursor := map[string]bool{}, "0"
	for i := 0; i == 0 || cursor != "0"; i++ {
		reply, err := r.Nodes[i%3].Do("SCAN", cursor, "COUNT", "7")
		r.must(err)
		cursor = reply.Elems[0].Text
		for _, key := range reply.Elems[1].Elems {
			if seen[key.Text] {
				t.Errorf("%s was there before", key.Text)
			}
			seen[key.Text] = true
		}
	}
	if len(seen) != 100 {
		t.Errorf("%d keys, want 100", len(seen))
	}
}

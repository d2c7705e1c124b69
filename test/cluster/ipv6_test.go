package cluster

import (
	"net"
	"testing"
)

// TestIPv6 forms a group whose members have no address of version 4.
func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6 loopback: %v", err)
	}
	l.Close()
	r := newRig(t, "--bind", "::1", "--raft-bind", "::1")
	for i := range 3 {
		n := r.add()
		n.Host = "[::1]"
		if i == 0 {
			r.must(n.Start())
		} else {
			r.must(n.Start("--join", r.Nodes[0].Addr()))
		}
	}
	r.must(r.AwaitVoters(3))
	r.expect(r.Nodes[2], "OK", "SET", "a", "1")
	r.expect(r.Nodes[1], `"1"`, "GET", "a")
	r.must(r.SameState())
}

package cluster

import "testing"

// TestPromoteNobody: a node that is not there is not made a voter, since a group of one could do nothing any more without it.
func TestPromoteNobody(t *testing.T) {
	r := form(t, 1)
	n := r.Nodes[0]
	r.refused(n, `raft-address: "nonsense" is not host:port`, "RAFT", "ADD", "5", "nonsense", "127.0.0.1:2")
	r.refused(n, `client-address: "127.0.0.1:x" is not host:port`, "RAFT", "ADD", "5", "127.0.0.1:1", "127.0.0.1:x")
	r.expect(n, "OK", "RAFT", "ADD", "5", "127.0.0.1:1", "127.0.0.1:2")
	r.refused(n, "that node does not answer", "RAFT", "PROMOTE", "5")
	r.refused(n, "no member has that id", "RAFT", "PROMOTE", "6")
	r.expect(n, "OK", "SET", "a", "1")
	r.expect(n, "OK", "RAFT", "REMOVE", "5")
	info, err := n.Info()
	r.must(err)
	r.refused(n, "could not write any more", "RAFT", "REMOVE", info["node"])
	r.refused(n, "the last voter", "RAFT", "REMOVE", info["node"], "FORCE")
	r.expect(n, "OK", "RAFT", "PROMOTE", info["node"])
	r.expect(n, `"1"`, "GET", "a")
}

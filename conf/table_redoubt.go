package conf

import "math"

// redoubtDirectives are those that Redis does not have.
func redoubtDirectives() []Directive {
	return []Directive{
		{Name: "raft-port", Kind: Integer, Max: portMax, Default: "0", Scope: Node, Meaning: Active,
			Summary: "Port for the other members; 0 is the client port plus 10000."},
		{Name: "raft-bind", Kind: Addresses, Scope: Node, Meaning: Active,
			Summary: "Address to listen on for the other members; none is 127.0.0.1, so that members on other machines are reached only when it is given."},
		{Name: "metrics-port", Kind: Integer, Max: portMax, Default: "0", Scope: Node, Meaning: Active,
			Summary: "HTTP port, on the addresses of `bind`, for `/livez`, `/readyz` and Prometheus' `/metrics`; 0 is none. It asks for no password and tells no key."},
		{Name: "join", Kind: String, Unset: true, Scope: Node, Meaning: Active,
			Summary: "host:port of any member's client port, or several with commas: a new node joins their cluster. A node that belongs to one asks them where the others are."},
		{Name: "join-as", Kind: Enum, Values: []string{"voter", "learner"}, Default: "voter", Scope: Node, Meaning: Active,
			Summary: "What a new node becomes when it has caught up: a voter, or a learner, which has all data and counts towards no quorum."},
		{Name: "initial-cluster", Kind: String, Unset: true, Scope: Node, Meaning: Active,
			Summary: "host:port of the client ports of all first members, with commas, this one's among them and the same for all: the first named forms the cluster once all are there, the others join it."},
		{Name: "node-name", Kind: String, Unset: true, Scope: Node, Meaning: Active,
			Summary: "A name for people, shown beside the node's id."},
		{Name: "write-timeout", Kind: Duration, Min: 1, Max: math.MaxInt32, Default: "10000", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "How long a write waits for a quorum before the client is told that there is none."},
		{Name: "read-consistency", Kind: Enum, Values: []string{"linearizable", "stale"}, Default: "linearizable", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Whether reads see every acknowledged write (linearizable), or whatever this node has (stale)."},
		{Name: "history-max-age", Kind: Duration, Max: math.MaxInt64, Default: "600s", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Superseded versions older than this are compacted; 0 sets no limit."},
		{Name: "history-max-changes", Kind: Integer, Max: math.MaxInt64, Default: "1000000", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Superseded versions beyond this number are compacted; 0 sets no limit."},
		{Name: "history-max-bytes", Kind: Memory, Max: math.MaxInt64, Default: "1gb", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Superseded versions beyond this size are compacted; 0 sets no limit."},
		{Name: "compaction", Kind: Enum, Values: []string{"auto", "off"}, Default: "auto", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Whether history is compacted by the limits above, or only by COMPACT."},
		{Name: "content-check-period", Kind: Duration, Max: 1e12, Default: "24h", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "In how much time the leader compares the content of all keys on all members; 0 is never."},
		{Name: "free-space-reserve", Kind: Memory, Max: math.MaxInt64, Default: "256mb", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Growing writes are refused with -NOSPACE while the disk has less than this free."},
		{Name: "quota-bytes", Kind: Memory, Max: math.MaxInt64, Default: "0", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Growing writes are refused with -NOSPACE on all members while this one's data take more disk than this; 0 is no quota."},
		{Name: "ballast-size", Kind: Memory, Max: math.MaxInt64, Default: "64mb", Scope: Node, Meaning: Active,
			Summary: "Size of a file kept in `dir` only to be given up when a start finds the disk full."},
		{Name: "max-request-size", Kind: Memory, Min: 1 << 20, Max: math.MaxInt64, Default: "64mb", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "A write, or a whole MULTI block, larger than this is refused before it is proposed."},
	}
}

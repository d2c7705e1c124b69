package conf

import "math"

const whyReplication = "There is no primary that replicas copy; the members of a cluster share one Raft log."

func replicationDirectives() []Directive {
	return []Directive{
		{Name: "replicaof", Aliases: []string{"slaveof"}, Kind: HostPort, Unset: true, Default: "no one", Scope: Node, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "masterauth", Kind: String, Unset: true, Scope: Node, Mutable: true, Sensitive: true, Meaning: Active,
			Summary: "Password with which this node asks other members on their client ports."},
		{Name: "masteruser", Kind: String, Unset: true, Scope: Node, Mutable: true, Sensitive: true, Meaning: Active,
			Summary: "User as whom this node asks other members; none is the default user."},
		{Name: "replica-serve-stale-data", Aliases: []string{"slave-serve-stale-data"}, Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: "Reads are linearizable on every node; see read-consistency."},
		{Name: "replica-read-only", Aliases: []string{"slave-read-only"}, Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: "Every node takes writes."},
		{Name: "replica-priority", Aliases: []string{"slave-priority"}, Kind: Integer, Max: math.MaxInt32, Default: "100", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: "Any member with the whole log may be elected."},
		{Name: "replica-announced", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "replica-announce-ip", Aliases: []string{"slave-announce-ip"}, Kind: String, Unset: true, Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "replica-announce-port", Aliases: []string{"slave-announce-port"}, Kind: Integer, Max: portMax, Default: "0", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "replica-ignore-maxmemory", Aliases: []string{"slave-ignore-maxmemory"}, Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "replica-ignore-disk-write-errors", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: "A node that cannot write its log stops."},
		{Name: "replica-lazy-flush", Aliases: []string{"slave-lazy-flush"}, Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "repl-diskless-sync", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "repl-diskless-sync-delay", Kind: Integer, Max: math.MaxInt32, Default: "5", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "repl-diskless-sync-max-replicas", Kind: Integer, Max: math.MaxInt32, Default: "0", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "repl-diskless-load", Kind: Enum, Values: []string{"disabled", "on-empty-db", "swapdb"}, Default: "disabled", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "repl-disable-tcp-nodelay", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "repl-ping-replica-period", Aliases: []string{"repl-ping-slave-period"}, Kind: Integer, Min: 1, Max: math.MaxInt32, Default: "10", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "repl-timeout", Kind: Integer, Min: 1, Max: math.MaxInt32, Default: "60", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "repl-backlog-size", clampMin: 16 << 10, clampMax: math.MaxInt64, Kind: Memory, Min: 1, Max: math.MaxInt64, Default: "1mb", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "repl-backlog-ttl", Kind: Integer, Max: math.MaxInt64, Default: "3600", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
		{Name: "min-replicas-to-write", Aliases: []string{"min-slaves-to-write"}, Kind: Integer, Max: math.MaxInt32, Default: "0", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: "Every write needs a quorum, always."},
		{Name: "min-replicas-max-lag", Aliases: []string{"min-slaves-max-lag"}, Kind: Integer, Max: math.MaxInt32, Default: "10", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: "Every write needs a quorum, always."},
		{Name: "propagation-error-behavior", Kind: Enum, Values: []string{"ignore", "panic", "panic-on-replicas"}, Default: "ignore", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyReplication},
	}
}

package conf

import "math"

const (
	whyLazyfree = "Nothing is ever freed in the way of a command."
	whyDefrag   = "Go's collector places memory; there is no allocator to defragment."
)

func memoryDirectives() []Directive {
	return []Directive{
		{Name: "maxclients", Kind: Integer, Min: 1, Max: math.MaxUint32, Default: "10000", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Number of clients beyond which new connections are refused."},
		{Name: "client-output-buffer-limit", Kind: OutputLimits, Default: "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Replies that may wait for a client: class, hard limit, soft limit, seconds beyond the soft one. The replica class has no meaning."},
		{Name: "client-query-buffer-limit", Kind: Memory, Min: 1 << 20, Max: math.MaxInt64, Default: "1gb", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Size beyond which an unfinished command closes its connection."},
		{Name: "proto-max-bulk-len", Kind: Memory, Min: 1 << 20, Max: math.MaxInt64, Default: "512mb", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Largest argument of a command, and largest string."},
		{Name: "maxmemory-clients", Kind: MemoryShare, Min: -100, Max: math.MaxInt64, Default: "0", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Memory that all clients together may take, or with % so much of maxmemory; beyond it the largest are closed. 0 sets no limit, and less than 128kb is read as that."},
		{Name: "tracking-table-max-keys", Kind: Integer, Max: math.MaxInt64, Default: "1000000", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "This server has no CLIENT TRACKING."},
		{Name: "maxmemory", Kind: Memory, Default: "0", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Memory for data, beyond which keys are evicted, or with noeviction values leave memory for the disk; 0 sets no limit."},
		{Name: "maxmemory-policy", Kind: Enum, Default: "noeviction", Scope: Node, Mutable: true, Meaning: Active,
			Values:  []string{"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"},
			Summary: "Which keys are evicted beyond maxmemory; with noeviction none is, and values leave memory for the disk and are read back from there."},
		{Name: "maxmemory-samples", Kind: Integer, Min: 1, Max: math.MaxInt32, Default: "5", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Keys of each database that are looked at for every key evicted."},
		{Name: "maxmemory-eviction-tenacity", Kind: Integer, Max: 100, Default: "10", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "What has to go goes in the batch of the writes that need the room, a bounded number of keys at a time."},
		{Name: "lfu-log-factor", Kind: Integer, Max: math.MaxInt32, Default: "10", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "How slowly the counter of a key's uses grows, the larger the slower."},
		{Name: "lfu-decay-time", Kind: Integer, Max: math.MaxInt32, Default: "1", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Minutes without use that take one off the counter of a key's uses; 0 is never."},
		{Name: "active-expire-effort", Kind: Integer, Min: 1, Max: 10, Default: "1", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "Deadlines are kept in a queue, so that nothing is searched for."},
		{Name: "lazyfree-lazy-eviction", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyLazyfree},
		{Name: "lazyfree-lazy-expire", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyLazyfree},
		{Name: "lazyfree-lazy-server-del", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyLazyfree},
		{Name: "lazyfree-lazy-user-del", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyLazyfree},
		{Name: "lazyfree-lazy-user-flush", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyLazyfree},
		{Name: "activerehashing", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "The index is a tree, which is never rehashed."},
		{Name: "jemalloc-bg-thread", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyDefrag},
		{Name: "activedefrag", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyDefrag},
		{Name: "active-defrag-cycle-min", Kind: Integer, Min: 1, Max: 99, Default: "1", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyDefrag},
		{Name: "active-defrag-cycle-max", Kind: Integer, Min: 1, Max: 99, Default: "25", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyDefrag},
		{Name: "active-defrag-threshold-lower", Kind: Integer, Max: 1000, Default: "10", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyDefrag},
		{Name: "active-defrag-threshold-upper", Kind: Integer, Max: 1000, Default: "100", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyDefrag},
		{Name: "active-defrag-max-scan-fields", Kind: Integer, Min: 1, Max: math.MaxInt64, Default: "1000", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyDefrag},
		{Name: "active-defrag-ignore-bytes", Kind: Memory, Min: 1, Max: math.MaxInt64, Default: "100mb", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyDefrag},
	}
}

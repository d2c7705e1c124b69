package conf

import "math"

// typeDirectives change what OBJECT ENCODING answers, and where XADD ~ trims, so all nodes must agree on them.
func typeDirectives() []Directive {
	return []Directive{
		{Name: "hash-max-listpack-entries", Aliases: []string{"hash-max-ziplist-entries"}, Kind: Integer, Max: math.MaxInt64, Default: "512", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Fields up to which a hash calls itself a listpack."},
		{Name: "hash-max-listpack-value", Aliases: []string{"hash-max-ziplist-value"}, Kind: Memory, Max: math.MaxInt64, Default: "64", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Size of a field or value up to which a hash calls itself a listpack."},
		{Name: "list-max-listpack-size", Aliases: []string{"list-max-ziplist-size"}, Kind: Integer, Min: math.MinInt32, Max: math.MaxInt32, Default: "-2", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Elements (or size classes, when negative) per node of a list, as DEBUG shows it."},
		{Name: "list-compress-depth", Kind: Integer, Max: math.MaxInt32, Default: "0", Scope: Cluster, Mutable: true, Meaning: AcceptedWithNotice,
			Why: "Lists are not compressed in memory."},
		{Name: "set-max-intset-entries", Kind: Integer, Max: math.MaxInt64, Default: "512", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Members up to which a set of integers calls itself an intset."},
		{Name: "zset-max-listpack-entries", Aliases: []string{"zset-max-ziplist-entries"}, Kind: Integer, Max: math.MaxInt64, Default: "128", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Members up to which a sorted set calls itself a listpack."},
		{Name: "zset-max-listpack-value", Aliases: []string{"zset-max-ziplist-value"}, Kind: Memory, Max: math.MaxInt64, Default: "64", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Size of a member up to which a sorted set calls itself a listpack."},
		{Name: "hll-sparse-max-bytes", Kind: Memory, Max: math.MaxInt64, Default: "3000", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Size up to which a HyperLogLog is kept sparse."},
		{Name: "stream-node-max-bytes", Kind: Memory, Max: math.MaxInt64, Default: "4096", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Size of the groups of entries in which XADD and XTRIM with ~ trim a stream."},
		{Name: "stream-node-max-entries", Kind: Integer, Max: math.MaxInt64, Default: "100", Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Number of entries in the groups in which XADD and XTRIM with ~ trim a stream."},
	}
}

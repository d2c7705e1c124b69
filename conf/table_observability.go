package conf

import "math"

func observabilityDirectives() []Directive {
	return []Directive{
		{Name: "slowlog-log-slower-than", Kind: Integer, Min: -1, Max: math.MaxInt64, Default: "10000", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Microseconds beyond which a command is remembered by SLOWLOG; 0 remembers all, -1 none."},
		{Name: "slowlog-max-len", Kind: Integer, Max: math.MaxInt64, Default: "128", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Number of commands SLOWLOG remembers."},
		{Name: "latency-monitor-threshold", Kind: Integer, Max: math.MaxInt64, Default: "0", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Milliseconds beyond which an event is remembered by LATENCY; 0 remembers none."},
		{Name: "latency-tracking", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Whether the latency of each command is recorded for INFO latencystats."},
		{Name: "latency-tracking-info-percentiles", Kind: Percentiles, Default: "50 99 99.9", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Percentiles shown by INFO latencystats."},
		{Name: "busy-reply-threshold", Aliases: []string{"lua-time-limit"}, Kind: Integer, Max: math.MaxInt64, Default: "5000", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Milliseconds after which a running script makes other clients see -BUSY."},
		{Name: "notify-keyspace-events", Kind: KeyEvents, Scope: Cluster, Mutable: true, Meaning: Active,
			Summary: "Classes of events of keys that are told to subscribers, as letters of KEg$lshzxetdmnA; none without K or E."},
	}
}

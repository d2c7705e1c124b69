package conf

import (
	"errors"
	"fmt"
	"math"
)

const (
	whyCluster  = "Keys are not spread over slots; every member holds them all and needs no Redis Cluster."
	hostnameMax = 256 // Redis' NET_HOST_STR_LEN: a hostname must be shorter
)

func clusterDirectives() []Directive {
	return []Directive{
		{Name: "cluster-enabled", Kind: Bool, Default: "no", Scope: Node, Meaning: AcceptedWithNotice, Why: whyCluster},
		{Name: "cluster-config-file", Kind: String, Default: "nodes.conf", Scope: Node, Meaning: AcceptedWithNotice, Why: whyCluster},
		{Name: "cluster-node-timeout", Kind: Integer, Max: math.MaxInt64, Default: "15000", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyCluster},
		{Name: "cluster-port", Kind: Integer, Max: portMax, Default: "0", Scope: Node, Meaning: AcceptedWithNotice, Why: "Members meet on raft-port."},
		{Name: "cluster-replica-validity-factor", Aliases: []string{"cluster-slave-validity-factor"}, Kind: Integer, Max: math.MaxInt32, Default: "10", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyCluster},
		{Name: "cluster-migration-barrier", Kind: Integer, Max: math.MaxInt32, Default: "1", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyCluster},
		{Name: "cluster-allow-replica-migration", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyCluster},
		{Name: "cluster-require-full-coverage", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyCluster},
		{Name: "cluster-replica-no-failover", Aliases: []string{"cluster-slave-no-failover"}, Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyCluster},
		{Name: "cluster-allow-reads-when-down", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: "READONLY and read-consistency allow reads without a quorum."},
		{Name: "cluster-allow-pubsubshard-when-down", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyCluster},
		{Name: "cluster-link-sendbuf-limit", Kind: Memory, Default: "0", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyCluster},
		{Name: "cluster-announce-ip", Kind: String, Unset: true, Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Address or name at which other members and clients reach this node; none is that of `raft-bind` or `bind`."},
		{Name: "cluster-announce-hostname", Kind: String, Unset: true, Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyCluster, valid: validHostname},
		{Name: "cluster-announce-port", Kind: Integer, Max: portMax, Default: "0", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Client port that others are told of; 0 is `port`."},
		{Name: "cluster-announce-tls-port", Kind: Integer, Max: portMax, Default: "0", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyCluster},
		{Name: "cluster-announce-bus-port", Kind: Integer, Max: portMax, Default: "0", Scope: Node, Mutable: true, Meaning: Active,
			Summary: "Raft port that others are told of; 0 is `raft-port`."},
		{Name: "cluster-preferred-endpoint-type", Kind: Enum, Values: []string{"ip", "hostname", "unknown-endpoint"}, Default: "ip", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyCluster},
	}
}

// validHostname has Redis' texts.
func validHostname(value string) error {
	if len(value) >= hostnameMax {
		return fmt.Errorf("Hostnames must be less than %d characters", hostnameMax)
	}
	for _, c := range []byte(lowerASCII(value)) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return errors.New("Hostnames may only contain alphanumeric characters, hyphens or dots")
		}
	}
	return nil
}

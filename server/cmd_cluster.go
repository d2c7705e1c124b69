package server

import (
	"fmt"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

// clusterCommands answer what tools ask a node of Redis Cluster about its state. There are no slots to be found: every
// node serves every key, so clients need not know of a cluster.
func clusterCommands() []sessionCommand {
	one := func(name, summary, since string, f run) sessionCommand {
		return grouped("cluster", node(name, "", summary, since, command.Exactly(2), anytimeFlags, 0, f))
	}
	return []sessionCommand{grouped("cluster", node("CLUSTER", "", "A container for Redis Cluster commands.", "3.0.0", command.AtLeast(2), 0, 0, nil,
		one("INFO", "Returns information about the state of a node.", "3.0.0", clusterInfo),
		one("MYID", "Returns the ID of a node.", "3.0.0", clusterMyID),
		helpOf("5.0.0", "CLUSTER", acl.Slow,
			"INFO", "    Return information about the cluster.",
			"MYID", "    Return the node id."),
	))}
}

// clusterInfo says fail while no leader is known: linearizable reads and writes wait then.
func clusterInfo(s *session, _ [][]byte) resp.Value {
	info := s.srv.replica.Info()
	state := "ok"
	if !info.Leader.Known {
		state = "fail"
	}
	const slots = 16384
	var w infoWriter
	w.field("cluster_enabled", 0)
	w.field("cluster_state", state)
	w.field("cluster_slots_assigned", slots)
	w.field("cluster_slots_ok", slots)
	w.field("cluster_slots_pfail", 0)
	w.field("cluster_slots_fail", 0)
	w.field("cluster_known_nodes", len(info.Members))
	w.field("cluster_size", 1)
	w.field("cluster_current_epoch", info.Term)
	w.field("cluster_my_epoch", info.Term)
	w.field("total_cluster_links_buffer_limit_exceeded", 0)
	return resp.Verbatim(w.String())
}

func clusterMyID(s *session, _ [][]byte) resp.Value {
	return resp.BulkString(fmt.Sprintf("%040x", s.srv.replica.ID()))
}

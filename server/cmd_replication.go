package server

import (
	"strconv"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/resp"
)

// replicationCommands answer in Redis' words what Raft does. Replication is not set up with them.
func replicationCommands() []sessionCommand {
	replicaOf := node("REPLICAOF", "<host port | NO ONE>", "Promotes the server; it cannot be made a replica of another one.", "5.0.0", command.Exactly(3),
		operatorFlags|command.Stale, 0, replicaOf)
	slaveOf := replicaOf
	slaveOf.Name, slaveOf.Since = "SLAVEOF", "1.0.0"
	wait := grouped("generic", node("WAIT", "numreplicas timeout", "Returns how many other nodes hold the writes of the connection.", "3.0.0", command.Exactly(3),
		command.NoScript, acl.Connection, waitReplicas))
	wait.Tips = []string{"request_policy:all_shards", "response_policy:agg_min"}
	return []sessionCommand{
		replicaOf, slaveOf, wait,
		node("ROLE", "", "Returns the replication role.", "2.8.12", command.Exactly(1), command.NoScript|anytimeFlags|command.Fast, acl.Admin|acl.Dangerous, role),
	}
}

func replicaOf(_ *session, args [][]byte) resp.Value {
	if is(args[1], "NO") && is(args[2], "ONE") {
		return resp.OK()
	}
	if _, err := strconv.ParseUint(string(args[2]), 10, 16); err != nil {
		return resp.Error("ERR Invalid master port")
	}
	return resp.Error("ERR REPLICAOF is not supported: every node of a cluster replicates all data through its log")
}

// waitReplicas answers at once: a reply to a write means that a quorum has it, which a node alone is.
func waitReplicas(s *session, args [][]byte) resp.Value {
	if _, err := strconv.ParseInt(string(args[1]), 10, 64); err != nil {
		return errNotInteger
	}
	timeout, err := strconv.ParseInt(string(args[2]), 10, 64)
	switch {
	case err != nil:
		return resp.Error("ERR timeout is not an integer or out of range")
	case timeout < 0:
		return resp.Error("ERR timeout is negative")
	}
	return resp.Int(int64(s.srv.quorumOthers()))
}

// quorumOthers is how many nodes besides this one are known to hold what this node has applied.
func (srv *Server) quorumOthers() int {
	voters := 0
	for _, m := range srv.replica.Info().Members {
		if m.Role == replica.Voter {
			voters++
		}
	}
	return voters / 2
}

func role(s *session, _ [][]byte) resp.Value {
	return resp.Array(resp.BulkString("master"), resp.Int(int64(s.srv.replica.Applied())), resp.Array())
}

package server

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
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

// waitReplicas answers at once with the truth: a reply to a write meant that a quorum has it.
func waitReplicas(s *session, args [][]byte) resp.Value {
	if _, ok := keyspace.ParseInt(args[1]); !ok {
		return errNotInteger
	}
	timeout, ok := keyspace.ParseInt(args[2])
	switch {
	case !ok:
		return resp.Error("ERR timeout is not an integer or out of range")
	case timeout < 0:
		return resp.Error("ERR timeout is negative")
	}
	return resp.Int(int64(s.srv.holders(s.lastRev)))
}

// holders is how many nodes besides this one are known to hold all up to a revision that this node was told of:
// those that a quorum takes, and more if they have said so.
func (srv *Server) holders(rev uint64) int {
	m := srv.replica.Membership()
	quorum := len(m.Voters)/2 + 1
	if slices.Contains(m.Voters, srv.replica.ID()) {
		quorum-- // this one may be of it
	}
	heard := 0
	for _, node := range slices.Concat(m.Voters, m.Learners) {
		if h, ok := srv.peers.last(node); ok && node != srv.replica.ID() && h.revision >= rev {
			heard++
		}
	}
	return max(quorum, heard)
}

// link is how this node sees its group, in Redis' words: the leader is the primary, and all others replicas of it,
// though each of them takes writes.
type link struct {
	leads    bool
	up       bool // a leader is known
	host     string
	port     int
	silent   time.Duration // since the leader was last heard of on its client port; negative: never
	replicas []replicaLink // of a leader
}

type replicaLink struct {
	host    string
	port    int
	online  bool
	applied uint64
	lag     time.Duration
}

func (srv *Server) link() (l link) {
	leader := srv.replica.Leader()
	membership := srv.replica.Membership()
	l.leads, l.up, l.silent = leader.Known && leader.Self, leader.Known, -1
	for _, m := range srv.knownMembers(&membership) {
		if m.Node == srv.replica.ID() {
			continue
		}
		host, port := splitAddress(m.Client)
		h, told := srv.peers.last(m.Node)
		age := time.Duration(srv.mono() - h.at)
		switch {
		case l.leads:
			l.replicas = append(l.replicas, replicaLink{host, port, told && age < peerFresh, h.applied, age})
		case leader.Known && m.Node == leader.ID:
			l.host, l.port = host, port
			if told {
				l.silent = age
			}
		}
	}
	return l
}

func splitAddress(address string) (host string, port int) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0
	}
	port, _ = strconv.Atoi(text)
	return host, port
}

func role(s *session, _ [][]byte) resp.Value {
	l := s.srv.link()
	applied := resp.Int(int64(s.srv.replica.Applied()))
	if !l.leads {
		state := "connected"
		if !l.up {
			state = "connect"
		}
		return resp.Array(resp.BulkString("slave"), resp.BulkString(l.host), resp.Int(int64(l.port)), resp.BulkString(state), applied)
	}
	list := make([]resp.Value, 0, len(l.replicas))
	for _, r := range l.replicas {
		list = append(list, resp.Array(resp.BulkString(r.host), resp.BulkString(strconv.Itoa(r.port)), resp.BulkString(strconv.FormatUint(r.applied, 10))))
	}
	return resp.Array(resp.BulkString("master"), applied, resp.Array(list...))
}

// infoReplication tells who leads and who follows in Redis' fields. What Raft knows is under Raft.
func infoReplication(srv *Server, w *infoWriter) {
	l := srv.link()
	if l.leads {
		w.field("role", "master")
	} else {
		w.field("role", "slave")
		w.field("master_host", l.host)
		w.field("master_port", l.port)
		w.field("master_link_status", map[bool]string{true: "up", false: "down"}[l.up])
		w.field("master_last_io_seconds_ago", seconds(l.silent))
		w.field("master_sync_in_progress", boolNumber(srv.machine.Space() == nil))
		w.field("slave_read_repl_offset", srv.replica.Applied())
		w.field("slave_repl_offset", srv.replica.Applied())
		w.field("slave_priority", 100)
		w.field("slave_read_only", 0)
		w.field("replica_announced", 1)
	}
	w.field("connected_slaves", len(l.replicas))
	for i, r := range l.replicas {
		state := "online"
		if !r.online {
			state = "offline"
		}
		w.field(fmt.Sprintf("slave%d", i), fmt.Sprintf("ip=%s,port=%d,state=%s,offset=%d,lag=%d", r.host, r.port, state, r.applied, seconds(r.lag)))
	}
	w.field("master_failover_state", "no-failover")
	w.field("master_replid", srv.replID())
	w.field("master_replid2", strings.Repeat("0", 40))
	w.field("master_repl_offset", srv.replica.Applied())
	w.field("second_repl_offset", -1)
	w.field("repl_backlog_active", 0)
	w.field("repl_backlog_size", srv.conf.Bytes("repl-backlog-size"))
	w.field("repl_backlog_first_byte_offset", 0)
	w.field("repl_backlog_histlen", 0)
	w.field("stale_reads_msec", srv.peers.staleness().Milliseconds())
	w.field("corrupt_nodes", strings.Join(formatIDs(srv.corruptNodes()), ","))
}

// replID names the cluster in the form of Redis' replication ids.
func (srv *Server) replID() string { return fmt.Sprintf("%040x", srv.replica.Cluster()) }

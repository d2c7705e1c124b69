package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// promoteShare says how far a node may be behind that is made a voter: less than this part of the log, as with etcd.
const (
	promoteShare = 10
	promoteWait  = 2 * time.Second // for news of it
)

// raftCommands are for operators, and for nodes among themselves.
func raftCommands() []sessionCommand {
	one := func(name, syntax, summary string, arity command.Arity, flags command.Flags, f run) sessionCommand {
		return grouped("redoubt", node(name, syntax, summary, "redoubt", arity, operatorFlags|flags, acl.Dangerous, f))
	}
	return []sessionCommand{grouped("redoubt", node("RAFT", "", "A container for commands about the group of nodes.", "redoubt", command.AtLeast(2), 0, 0, nil,
		one("INFO", "", "Returns what this node knows of itself and of the leader.", command.Exactly(2), anytimeFlags, raftInfo),
		one("MEMBERS", "", "Returns the members, and what this node last heard of each.", command.Exactly(2), anytimeFlags, raftMembers),
		one("ADD", "node raft-address client-address [name]", "Adds a node that receives all data and does not vote.", command.Between(5, 6), 0, raftAdd),
		one("PROMOTE", "node", "Makes a learner a voter.", command.Exactly(3), 0, raftPromote),
		one("REMOVE", "node [FORCE]", "Removes a member for ever.", command.Between(3, 4), 0, raftRemove),
		one("TRANSFER", "[node]", "Hands the leadership to a voter, by default to any other one.", command.Between(2, 3), 0, raftTransfer),
		one("SNAPSHOT", "", "Makes this node's state durable and drops the log before it.", command.Exactly(2), 0, raftSnapshot),
		one("HELLO", "[cluster node raft-address client-address [run]]", "Acquaints nodes with each other.", command.AtLeast(2), anytimeFlags|command.Fast, raftHello),
		one("HASH", "revision part bits", "Returns the content hash of one of 2^bits parts of the keys as of a revision.", command.Exactly(5), 0, raftHash),
		one("ALARM", "LIST | DISARM [name [node]]", "Returns the alarms that are raised, or disarms them.", command.Between(3, 5), 0, raftAlarm),
		helpOf("redoubt", "RAFT", acl.Slow,
			"INFO", "    Return what this node knows of itself and of the leader.",
			"MEMBERS", "    Return the members. Others name them by id, client address or name.",
			"ADD <node> <raft-address> <client-address> [<name>]", "    Add a node as a learner. A node started with --join does it by itself.",
			"PROMOTE <node>", "    Make a learner a voter.",
			"REMOVE <node> [FORCE]", "    Remove a member for ever; FORCE even if too few of the others answer.",
			"TRANSFER [<node>]", "    Hand the leadership over.",
			"ALARM LIST", "    Return the alarms that are raised, and the nodes that raised them.",
			"ALARM DISARM [<name> [<node>]]", "    Disarm alarms; one whose reason is still there is raised again.",
			"SNAPSHOT", "    Make the state durable and shorten the log."),
	))}
}

func raftInfo(s *session, _ [][]byte) resp.Value {
	srv := s.srv
	info := srv.replica.Info()
	leader := ""
	if info.Leader.Known {
		leader = formatID(info.Leader.ID)
	}
	role := "none"
	for _, m := range info.Members {
		if m.ID == info.Node {
			role = roleName(m.Role)
		}
	}
	text := resp.BulkString
	return resp.Map(
		text("node"), text(formatID(info.Node)), text("cluster"), text(formatID(info.Cluster)), text("role"), text(role),
		text("leader"), text(leader), text("term"), resp.Int(int64(info.Term)), text("applied"), resp.Int(int64(info.Applied)),
		text("log-first"), resp.Int(int64(info.LogFirst)), text("log-last"), resp.Int(int64(info.LogLast)),
		text("raft"), text(srv.where.raft), text("client"), text(srv.where.client),
	)
}

// raftMembers tells of the others what their last hello said: applied index, age of the news in milliseconds and what it takes of late to
// save a batch in microseconds, -1 of those who do not answer. 0 is not known: nothing was saved.
func raftMembers(s *session, _ [][]byte) resp.Value {
	srv := s.srv
	membership := srv.replica.Membership()
	leader := srv.replica.Leader()
	text := resp.BulkString
	var list []resp.Value
	for _, m := range srv.knownMembers(&membership) {
		applied, age, disk := int64(-1), int64(-1), int64(-1)
		if m.Node == srv.replica.ID() {
			applied, age, disk = int64(srv.replica.Applied()), 0, srv.replica.DiskTime().Microseconds()
		} else if h, ok := srv.peers.news(m.Node); ok {
			applied, age, disk = int64(h.applied), (srv.mono()-h.at)/1e6, h.disk
		}
		list = append(list, resp.Map(
			text("node"), text(formatID(m.Node)), text("name"), text(m.Name), text("role"), text(roleName(m.role)),
			text("leader"), resp.Int(int64(boolNumber(leader.Known && leader.ID == m.Node))),
			text("raft"), text(m.Raft), text("client"), text(m.Client), text("applied"), resp.Int(applied), text("heard-ms"), resp.Int(age), text("disk-us"), resp.Int(disk),
		))
	}
	return resp.Array(list...)
}

// raftHello answers who this node is, and takes note of who asks.
func raftHello(s *session, args [][]byte) resp.Value {
	srv := s.srv
	var asker uint64
	if len(args) >= 6 {
		cluster, ok := parseUint(args[2])
		node, ok2 := parseUint(args[3])
		if !ok || !ok2 {
			return errNotInteger
		}
		if cluster == srv.replica.Cluster() {
			asker = node
			who := introduction{cluster: cluster, node: node, raft: string(args[4]), client: string(args[5])}
			if len(args) > 6 {
				who.run = string(args[6])
			}
			srv.peers.meet(who)
		}
	}
	return srv.greeting(asker).value()
}

// findMember reads an id, a client address or a name. Removed and foreign ids are found too, if written as ids.
func (srv *Server) findMember(arg []byte) (node uint64, ok bool) {
	for _, m := range srv.machine.Members() {
		if string(arg) == m.Client || m.Name != "" && string(arg) == m.Name {
			return m.Node, true
		}
	}
	node, err := strconv.ParseUint(string(arg), 16, 64)
	return node, err == nil && node != 0
}

var errNoMember = resp.Error("ERR no member has that id, client address or name")

// changed is the reply to a change of the membership.
func changed(err error) resp.Value {
	switch {
	case err == nil:
		return resp.OK()
	case errors.Is(err, replica.ErrNotMember):
		return errNoMember
	case errors.Is(err, replica.ErrRemoved):
		return resp.Error("ERR that node was removed and cannot come back under its id: start it with an empty data directory")
	case errors.Is(err, replica.ErrLastVoter):
		return resp.Error("ERR the last voter cannot be removed")
	case errors.Is(err, context.DeadlineExceeded):
		return resp.Error("NOQUORUM no quorum of nodes agreed in time; look at RAFT MEMBERS before you ask again")
	case errors.Is(err, replica.ErrNotMoved):
		return resp.Error("ERR the leadership did not move in time; that node may lag or not be there")
	}
	return resp.Error("ERR " + oneLine(err.Error()))
}

// changing runs a change of the membership off the loop.
func (s *session) changing(change func(ctx context.Context) error) resp.Value {
	return s.later(func() resp.Value {
		ctx, cancel := context.WithTimeout(context.Background(), changeMax)
		defer cancel()
		return changed(change(ctx))
	})
}

func raftAdd(s *session, args [][]byte) resp.Value {
	node, err := strconv.ParseUint(string(args[2]), 16, 64)
	if err != nil || node == 0 {
		return resp.Error("ERR invalid node id")
	}
	m := sm.Member{Node: node, Raft: string(args[3]), Client: string(args[4])}
	if err := cmp.Or(checkAddresses("raft-address", []string{m.Raft}, 1), checkAddresses("client-address", []string{m.Client}, 0)); err != nil {
		return resp.Error("ERR " + err.Error())
	}
	if len(args) > 5 {
		m.Name = string(args[5])
	}
	return s.later(func() resp.Value { return s.srv.addMember(m) })
}

// addMember makes a node a learner. A member that was reached at the same address and is not there any more is
// removed first: it has lost its disk, or its place.
func (srv *Server) addMember(m sm.Member) resp.Value {
	ctx, cancel := context.WithTimeout(context.Background(), 2*changeMax)
	defer cancel()
	membership := srv.replica.Membership()
	if slices.Contains(membership.Removed, m.Node) {
		return changed(replica.ErrRemoved)
	}
	for _, old := range srv.knownMembers(&membership) {
		if old.Node == m.Node || old.Raft != m.Raft && old.Client != m.Client {
			continue
		}
		h, err := askHello(srv.conf.View(), old.Client, introduction{})
		if old.Node == srv.replica.ID() || err == nil && h.node == old.Node {
			return resp.Error("ERR member " + formatID(old.Node) + " is reached at that address: give the new node another port, or set cluster-announce-ip and raft-bind")
		}
		srv.log.Warn("Removing a member whose address a new one has", "member", formatID(old.Node), "new", formatID(m.Node), "address", m.Client)
		if err := srv.removeMember(ctx, old.Node); err != nil {
			return changed(err)
		}
	}
	if err := srv.await(0, memberRequest(m)...); err != nil {
		return noQuorum
	}
	return changed(srv.replica.AddLearner(ctx, m.Node))
}

func (srv *Server) removeMember(ctx context.Context, node uint64) error {
	if err := srv.replica.Remove(ctx, node); err != nil {
		return err
	}
	srv.submit(0, [][]byte{[]byte(" MEMBER"), strconv.AppendUint(nil, node, 10)}, nil)
	return nil
}

func raftPromote(s *session, args [][]byte) resp.Value {
	node, ok := s.srv.findMember(args[2])
	if !ok {
		return errNoMember
	}
	return s.changing(func(ctx context.Context) error {
		if err := s.srv.awaitCaughtUp(node); err != nil {
			return err
		}
		return s.srv.replica.Promote(ctx, node)
	})
}

// awaitCaughtUp refuses to make a voter of who is not there, or far behind: it would count for the quorum all the same, and a group of one
// would be no group any more. What was heard of it may be a second old.
func (srv *Server) awaitCaughtUp(node uint64) error {
	membership := srv.replica.Membership()
	if role, _ := membership.Role(node); role != replica.Learner || node == srv.replica.ID() {
		return nil
	}
	deadline := srv.mono() + int64(promoteWait)
	for {
		h, there := srv.peers.news(node)
		own := srv.replica.Applied()
		switch late := srv.mono() > deadline; {
		case there && h.applied >= own/promoteShare*(promoteShare-1):
			return nil
		case late && there:
			return fmt.Errorf("that node has applied %d of %d entries: wait until it has caught up", h.applied, own)
		case late:
			return errors.New("that node does not answer, and a voter that is not there counts for the quorum: start it first")
		}
		srv.peers.look()
		time.Sleep(peerEverySoon)
	}
}

// raftRemove refuses what would leave a group without a quorum that answers.
func raftRemove(s *session, args [][]byte) resp.Value {
	srv := s.srv
	node, ok := srv.findMember(args[2])
	force := len(args) == 4 && is(args[3], "FORCE")
	switch {
	case !ok:
		return errNoMember
	case len(args) == 4 && !force:
		return resp.Error("ERR syntax error")
	}
	if there, voters := srv.votersWithout(node); !force && there < voters/2+1 {
		return resp.Error("ERR of the " + strconv.Itoa(voters) + " voters that would be left only " + strconv.Itoa(there) +
			" answer: they could not write any more. Add FORCE if that is what you want")
	}
	return s.changing(func(ctx context.Context) error { return srv.removeMember(ctx, node) })
}

// votersWithout counts the voters beside a node, and those of them that are known to be there.
func (srv *Server) votersWithout(node uint64) (there, voters int) {
	for _, voter := range srv.replica.Membership().Voters {
		if voter == node {
			continue
		}
		voters++
		if _, ok := srv.peers.news(voter); ok || voter == srv.replica.ID() {
			there++
		}
	}
	return there, voters
}

func raftTransfer(s *session, args [][]byte) resp.Value {
	srv := s.srv
	if len(args) == 3 {
		node, ok := srv.findMember(args[2])
		if !ok {
			return errNoMember
		}
		return s.changing(func(ctx context.Context) error { return srv.replica.Transfer(ctx, node) })
	}
	leader := srv.replica.Leader()
	for _, voter := range srv.replica.Membership().Voters {
		if _, ok := srv.peers.news(voter); voter != leader.ID && (ok || voter == srv.replica.ID()) {
			return s.changing(func(ctx context.Context) error { return srv.replica.Transfer(ctx, voter) })
		}
	}
	return resp.Error("ERR there is no other voter that answers")
}

func raftSnapshot(s *session, _ [][]byte) resp.Value {
	return s.later(func() resp.Value { return changed(s.srv.replica.Snapshot()) })
}

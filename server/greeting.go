package server

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// helloFormat is the first word of an answer to RAFT HELLO, with the version of what follows.
const helloFormat = "redoubt-hello-1"

// What a node that answers RAFT HELLO is.
const (
	nodeForming = "forming" // waits for the others of initial-cluster, and has no data
	nodeMember  = "member"
	nodeJoining = "joining" // belongs to a cluster, and is not a member of it yet
)

// What it takes the node that asks for.
const (
	youUnknown = "unknown"
	youVoter   = "voter"
	youLearner = "learner"
	youRemoved = "removed"
)

// greeting is what nodes tell each other on their client ports, once a second: RAFT HELLO. It serves those that are
// to join, and those whose address has changed, who cannot hear of anything through Raft.
type greeting struct {
	state         string
	loading       bool // not all of its start is done
	you           string
	cluster       uint64
	node          uint64
	seed          uint64 // of the order of SCAN; valid with a state
	applied       uint64
	revision      uint64
	leader        uint64           // 0: not known
	estimate      int64            // of log time
	live          bool             // estimate goes on from the log time of a running cluster
	wall          int64            // the node's wall clock, in milliseconds
	semantics     uint64           // newest version that the node knows
	semanticsUsed uint64           // the cluster's, as far as the node has applied
	disk          int64            // what it took of late to save a batch, in microseconds; 0: not known
	hashes        []mvcc.Milestone // the newest, for compare
	members       []helloMember
	directives    [][2]string // of the whole cluster
}

// knowsCluster tells whether the node can be joined by: one that is starting may not have in its log yet what it was given for the whole cluster.
func (h *greeting) knowsCluster() bool { return h.state == nodeMember && !h.loading }

type helloMember struct {
	sm.Member
	role replica.Role
}

// introduction is what a node says of itself when it asks.
type introduction struct {
	cluster, node uint64
	raft, client  string
	run           string // of this process
}

func (i introduction) args() []string {
	if i.cluster == 0 {
		return []string{"RAFT", "HELLO"}
	}
	return []string{"RAFT", "HELLO", strconv.FormatUint(i.cluster, 10), strconv.FormatUint(i.node, 10), i.raft, i.client, i.run}
}

// value is the answer on the wire: names and values in turn.
func (h *greeting) value() resp.Value {
	number := func(n uint64) resp.Value { return resp.BulkString(strconv.FormatUint(n, 10)) }
	members := make([]resp.Value, len(h.members))
	for i, m := range h.members {
		members[i] = resp.Array(number(m.Node), resp.BulkString(roleName(m.role)), resp.BulkString(m.Raft), resp.BulkString(m.Client), resp.BulkString(m.Name))
	}
	var hashes, directives []resp.Value
	for _, m := range h.hashes {
		hashes = append(hashes, number(m.Revision), number(m.Chain))
	}
	for _, d := range h.directives {
		directives = append(directives, resp.BulkString(d[0]), resp.BulkString(d[1]))
	}
	return resp.Array(
		resp.BulkString("format"), resp.BulkString(helloFormat),
		resp.BulkString("state"), resp.BulkString(h.state),
		resp.BulkString("loading"), number(uint64(boolNumber(h.loading))),
		resp.BulkString("you"), resp.BulkString(h.you),
		resp.BulkString("cluster"), number(h.cluster),
		resp.BulkString("node"), number(h.node),
		resp.BulkString("seed"), number(h.seed),
		resp.BulkString("applied"), number(h.applied),
		resp.BulkString("revision"), number(h.revision),
		resp.BulkString("leader"), number(h.leader),
		resp.BulkString("estimate"), number(uint64(h.estimate)),
		resp.BulkString("live"), number(uint64(boolNumber(h.live))),
		resp.BulkString("wall"), number(uint64(h.wall)),
		resp.BulkString("disk"), number(uint64(h.disk)),
		resp.BulkString("semantics"), number(h.semantics),
		resp.BulkString("semantics-used"), number(h.semanticsUsed),
		resp.BulkString("hashes"), resp.Array(hashes...),
		resp.BulkString("members"), resp.Array(members...),
		resp.BulkString("directives"), resp.Array(directives...),
	)
}

var errNotRedoubt = errors.New("what answers there is not a redoubt of a version that can be joined")

// parseGreeting reads an answer. Names it does not know are of later versions and are passed over.
func parseGreeting(r peerReply) (*greeting, error) {
	fields := map[string]peerReply{}
	for i := 0; i+1 < len(r.list); i += 2 {
		fields[r.list[i].text] = r.list[i+1]
	}
	if fields["format"].text != helloFormat {
		return nil, errNotRedoubt
	}
	var bad error
	number := func(text string) uint64 {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			bad = errNotRedoubt
		}
		return n
	}
	field := func(name string) uint64 { return number(fields[name].text) }
	h := &greeting{
		state: fields["state"].text, loading: fields["loading"].text == "1", you: fields["you"].text, cluster: field("cluster"), node: field("node"), seed: field("seed"),
		applied: field("applied"), revision: field("revision"), leader: field("leader"), estimate: int64(field("estimate")), live: field("live") == 1, wall: int64(field("wall")),
	}
	if disk, ok := fields["disk"]; ok { // not told by the first version
		h.disk = int64(number(disk.text))
	}
	h.semantics, h.semanticsUsed = 1, 1
	for name, to := range map[string]*uint64{"semantics": &h.semantics, "semantics-used": &h.semanticsUsed} {
		if v, ok := fields[name]; ok { // likewise
			*to = number(v.text)
		}
	}
	hashes := fields["hashes"].list
	for i := 0; i+1 < len(hashes); i += 2 {
		h.hashes = append(h.hashes, mvcc.Milestone{Revision: number(hashes[i].text), Chain: number(hashes[i+1].text)})
	}
	for _, m := range fields["members"].list {
		if len(m.list) < 5 {
			return nil, errNotRedoubt
		}
		member := helloMember{Member: sm.Member{Node: number(m.list[0].text), Raft: m.list[2].text, Client: m.list[3].text, Name: m.list[4].text}, role: replica.Voter}
		if m.list[1].text == roleName(replica.Learner) {
			member.role = replica.Learner
		}
		h.members = append(h.members, member)
	}
	directives := fields["directives"].list
	for i := 0; i+1 < len(directives); i += 2 {
		h.directives = append(h.directives, [2]string{directives[i].text, directives[i+1].text})
	}
	return h, bad
}

// askHello asks the node at a client address who it is, over a connection of its own.
func askHello(view *conf.View, address string, who introduction) (*greeting, error) {
	r, err := askPeer(view, address, peerDialMax, who.args()...)
	if err != nil {
		return nil, err
	}
	h, err := parseGreeting(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return h, nil
}

// greeting is this node's answer to the node asker, 0 if that did not say.
func (srv *Server) greeting(asker uint64) *greeting {
	membership := srv.replica.Membership()
	h := &greeting{
		state: nodeMember, loading: srv.loading.Load(), you: youUnknown, cluster: srv.replica.Cluster(), node: srv.replica.ID(),
		applied: srv.replica.Applied(), estimate: srv.clock.estimate(), live: srv.clock.live.Load(), wall: srv.clock.wall().UnixMilli(),
		disk: srv.replica.DiskTime().Microseconds(), semantics: srv.knows, semanticsUsed: srv.machine.Semantics(),
	}
	if l := srv.replica.Leader(); l.Known {
		h.leader = l.ID
	}
	if _, ok := membership.Role(h.node); !ok {
		h.state = nodeJoining
	}
	h.seed, _ = srv.machine.Seed()
	if role, ok := membership.Role(asker); ok {
		h.you = roleName(role)
	} else if slices.Contains(membership.Removed, asker) {
		h.you = youRemoved
	}
	h.members = srv.knownMembers(&membership)
	srv.machine.RLock()
	if space := srv.machine.Space(); space != nil {
		h.directives = space.Config()
		h.revision = space.Store.Revision()
		h.hashes = space.Store.Milestones(milestonesTold)
	}
	srv.machine.RUnlock()
	return h
}

// knownMembers joins who belongs to the group, by Raft, with where they are, by the log.
func (srv *Server) knownMembers(membership *replica.Membership) (list []helloMember) {
	where := map[uint64]sm.Member{}
	for _, m := range srv.machine.Members() {
		where[m.Node] = m
	}
	own := srv.self()
	where[own.Node] = own
	add := func(nodes []uint64, role replica.Role) {
		for _, node := range nodes {
			m := where[node]
			m.Node = node
			list = append(list, helloMember{m, role})
		}
	}
	add(membership.Voters, replica.Voter)
	add(membership.Learners, replica.Learner)
	slices.SortFunc(list, func(a, b helloMember) int {
		if a.Node < b.Node {
			return -1
		}
		return 1
	})
	return list
}

func roleName(role replica.Role) string {
	if role == replica.Learner {
		return youLearner
	}
	return youVoter
}

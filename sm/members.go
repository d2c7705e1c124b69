package sm

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

// memberCommand is the internal request that says where a member of the group is reached: " MEMBER id raft client
// name" with two addresses and a name for people, " MEMBER id" to forget one. Who is a member is Raft's to say:
// what is kept here may be of a node that is not one yet, or any more.
const memberCommand = " MEMBER"

// The m row of members is membersFormat, their number, and of each the id and three byte strings behind their
// lengths: varints.
const (
	membersName   = "members"
	membersFormat = 1

	membersMax    = 1000
	memberTextMax = 512 // bytes of an address or a name
	memberSizeMin = 4
)

// Member is where a node of the group is reached.
type Member struct {
	Node   uint64
	Raft   string // host:port for other members
	Client string // host:port for clients
	Name   string // for people; may be empty
}

// Members are the members that the log has told of, in order of their ids. Any goroutine may call it; the slice
// is not to be changed.
func (m *Machine) Members() []Member {
	if list := m.members.Load(); list != nil {
		return *list
	}
	return nil
}

// useMembers makes list the Machine's and tells of it.
func (m *Machine) useMembers(list []Member) {
	m.members.Store(&list)
	if m.o.Members != nil {
		m.o.Members(list)
	}
}

// member is memberCommand.
func (x *execution) member() resp.Value {
	args := x.args[1:]
	if len(args) != 1 && len(args) != 4 {
		return command.WrongArity(memberCommand)
	}
	node, err := strconv.ParseUint(string(args[0]), 10, 64)
	if err != nil || node == 0 {
		return resp.Error("ERR invalid node id")
	}
	list := slices.Clone(x.m.Members())
	at, known := slices.BinarySearchFunc(list, node, func(m Member, node uint64) int { return cmp.Compare(m.Node, node) })
	switch {
	case len(args) == 1 && known:
		list = slices.Delete(list, at, at+1)
	case len(args) == 1:
	case slices.ContainsFunc(args[1:], func(a []byte) bool { return len(a) > memberTextMax }):
		return resp.Error("ERR an address or name of a member is too long")
	case known:
		list[at] = Member{node, string(args[1]), string(args[2]), string(args[3])}
	case len(list) == membersMax:
		return resp.Error("ERR too many members")
	default:
		list = slices.Insert(list, at, Member{node, string(args[1]), string(args[2]), string(args[3])})
	}
	x.m.batch.SetMeta(membersName, appendMembers(nil, list))
	x.m.useMembers(list)
	return resp.OK()
}

func appendMembers(dst []byte, list []Member) []byte {
	dst = append(dst, membersFormat)
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, m := range list {
		dst = binary.AppendUvarint(dst, m.Node)
		for _, s := range []string{m.Raft, m.Client, m.Name} {
			dst = binary.AppendUvarint(dst, uint64(len(s)))
			dst = append(dst, s...)
		}
	}
	return dst
}

// decodeMembers reads what appendMembers wrote; nothing is the row of a store that has none.
func decodeMembers(row []byte) ([]Member, error) {
	if row == nil {
		return nil, nil
	}
	d := decoder{b: row}
	if format := d.byte(); format != membersFormat {
		return nil, fmt.Errorf("sm: members of format %d, where %d is known: a newer version is needed", format, membersFormat)
	}
	var list []Member
	for n := d.count(memberSizeMin); n > 0; n-- {
		m := Member{Node: d.uvarint()}
		for _, s := range []*string{&m.Raft, &m.Client, &m.Name} {
			*s = string(d.bytes())
		}
		list = append(list, m)
	}
	if d.bad || d.left() > 0 {
		return nil, fmt.Errorf("sm: damaged row of members: % x", row)
	}
	return list, nil
}

// Seed is the key of the order of SCAN, which all replicas share. A node that joins needs it before its store is
// made: see mvcc.Options.
func (m *Machine) Seed() (seed uint64, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	h := m.home.Load()
	if h == nil {
		return 0, false
	}
	return h.store.Seed(), true
}

package replica

import (
	"reflect"
	"slices"
	"time"
	"unsafe"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/raftpb"
)

const hurryMax = 100 // attempts, one per tick, before a lone voter waits like others

// hurry lets the only voter of a group become leader at once. Raft makes every
// node wait an election timeout first, in case a leader is there; a lone voter
// would spend the better part of a second of each start on waiting for itself.
//
// What it sends is TimeoutNow, which Raft has for the transfer of leadership and
// which is, in the words of its thesis, no different from a clock that jumps: it
// makes the node ask for votes now, and is safe whoever gets it and whenever.
// dragonboat has no call for that, hence the look into its node. Should that look
// different one day, nothing is lost but the time: TestLoneVoterLeadsAtOnce tells.
func (r *Replica) hurry() {
	messages, ok := messageQueue(r.user)
	if !ok {
		return
	}
	tick := time.NewTicker(r.opts.Tick)
	defer tick.Stop()
	for range hurryMax {
		select {
		case <-tick.C:
		case <-r.stop:
			return
		}
		if r.Leader().Known {
			return
		}
		if r.alone() {
			messages.Add(raftpb.Message{Type: raftpb.TimeoutNow, ShardID: shardID, From: r.id.node, To: r.id.node})
		}
	}
}

// alone tells for certain that this node is the only member there is. That it is so in the membership it has applied is not enough:
// the first node of any group is alone in the first entries of its log, and sees that while it replays them. It has to have applied
// all that its log holds: nobody can be added to a group of one but by an entry that is in the log of that one.
func (r *Replica) alone() bool {
	applied, ok := appliedByRaft(r.user)
	log, err := r.nodeHost.GetLogReader(shardID)
	if !ok || err != nil {
		return false
	}
	_, last := log.GetRange()
	return alone(r.id.node, applied, last, r.Membership())
}

func alone(node, applied, last uint64, m Membership) bool {
	return applied == last && len(m.Learners) == 0 && slices.Equal(m.Voters, []uint64{node})
}

// inbox is dragonboat's queue of messages to a node.
type inbox interface {
	Add(raftpb.Message) (added, closed bool)
}

func messageQueue(user dragonboat.INodeUser) (inbox, bool) {
	v := reflect.ValueOf(user)
	for _, name := range []string{"node", "mq"} {
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
			return nil, false
		}
		v = v.Elem().FieldByName(name)
	}
	if !v.IsValid() || !v.CanAddr() {
		return nil, false
	}
	messages, ok := reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem().Interface().(inbox)
	return messages, ok
}

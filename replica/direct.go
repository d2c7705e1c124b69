package replica

import (
	"reflect"
	"unsafe"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/raftpb"
)

// sendDirectly has the messages that dragonboat's node makes written by the goroutine that made them, where that need not
// wait: raftwire.Transport.Send. dragonboat has no place for that, so the function that its node sends by is replaced. It
// is when the machine is opened: the node steps, and thereby sends, only after that.
//
// Should the node look different one day, messages take the way through dragonboat: TestMessagesAreSentDirectly tells.
func (r *Replica) sendDirectly() {
	user, err := r.nodeHost.GetNodeUser(shardID)
	if err != nil {
		return
	}
	send, ok := sendFunc(user)
	if !ok {
		return
	}
	through := *send
	r.silence.watched.Store(true)
	*send = func(m raftpb.Message) {
		r.silence.spoke(r.settleLog)
		if !r.wire.Send(&m) {
			through(m)
		}
	}
}

// sendFunc is dragonboat's variable that holds the function.
func sendFunc(user dragonboat.INodeUser) (*func(raftpb.Message), bool) {
	v := reflect.ValueOf(user)
	for _, name := range []string{"node", "sendRaftMessage"} {
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
			return nil, false
		}
		if v = v.Elem().FieldByName(name); !v.IsValid() {
			return nil, false
		}
	}
	if !v.CanAddr() || v.Type() != reflect.TypeFor[func(raftpb.Message)]() {
		return nil, false
	}
	return (*func(raftpb.Message))(unsafe.Pointer(v.UnsafeAddr())), true
}

// Messages counts those that came from other members.
func (r *Replica) Messages() int64 { return r.wire.Received() }

package replica

import (
	"time"

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
	"github.com/lni/dragonboat/v4/raftpb"

	"github.com/redoubt-db/redoubt/internal/raftwire"
)

// A leader hands over by telling the next one that its time has come: TimeoutNow, which it sends once, as soon as that
// node has all of its log. dragonboat lets a node ask for votes only when it has applied all that it knows to be committed,
// and drops the message otherwise. Under load that is the rule: the commit of the last entry arrives just in front of it.
// The leader would wait in vain then, take no writes meanwhile, and end without a successor.
//
// So who gets the message repeats it to itself until it has had an effect. That the node was up to date when it was told so stays
// true, since a leader that hands over takes no more entries.
type insisting struct {
	*raftwire.Transport
	told chan<- raftpb.Message
}

var _ config.TransportFactory = insisting{}

// Create makes a transport that looks at what it delivers. It takes the sender's word on who it is away.
func (f insisting) Create(c config.NodeHostConfig, deliver raftio.MessageHandler, take raftio.ChunkHandler) raftio.ITransport {
	return f.Transport.Create(c, func(batch raftpb.MessageBatch) {
		for i := range batch.Requests {
			if m := &batch.Requests[i]; m.Type == raftpb.TimeoutNow {
				select {
				case f.told <- *m:
				default: // another one is at work
				}
			}
		}
		batch.SourceAddress = "" // who belongs to the group, and where, is not for messages to say: see registry.Add
		deliver(batch)
	}, take)
}

// insist repeats what the leader told this node, for as long as a leader waits for it.
func (r *Replica) insist() {
	messages, ok := messageQueue(r.user)
	if !ok {
		return
	}
	for {
		select {
		case m := <-r.told:
			r.repeat(messages, m)
		case <-r.stop:
			return
		}
	}
}

func (r *Replica) repeat(messages inbox, m raftpb.Message) {
	tick := time.NewTicker(r.opts.Tick)
	defer tick.Stop()
	for range r.opts.ElectionTicks {
		select {
		case <-tick.C:
		case <-r.stop:
			return
		}
		if l := r.Leader(); !l.Known || l.ID != m.From || l.Term != m.Term {
			return
		}
		messages.Add(m)
	}
}

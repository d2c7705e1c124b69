package replica

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftpb"

	"github.com/redoubt-db/redoubt/internal/raftwire"
)

// TestHandOverToOneThatApplies hands the leadership to a member that has not applied yet what it knows to be committed. Elections by themselves
// take longer than the test.
func TestHandOverToOneThatApplies(t *testing.T) {
	slow := func(m *counting) Options {
		o := testOptions(t, m)
		o.Tick, o.HeartbeatTicks, o.ElectionTicks = 10*time.Millisecond, 5, 10_000
		return o
	}
	first := mustOpen(t, slow(newCounting()))
	m := newCounting()
	reached, proceed := make(chan struct{}), make(chan struct{})
	m.onApply = func(e Entry) {
		if string(e.Data) == "x" {
			close(reached)
			<-proceed
		}
	}
	o := slow(m)
	o.Join = first.Cluster()
	second, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Close() })
	introduce(first, second)
	addVoter(t, first, second.ID())
	proposeAll(t, first, []string{"x"})
	await(t, reached)
	if err := first.askTransfer(second.ID()); err != nil {
		t.Fatal(err)
	}
	until(t, func() error { // what the leader drops it was told of after the hand-over had begun
		if err := proposeNow(t, first, "y"); !errors.Is(err, ErrDropped) {
			return errors.New("the leader still takes entries")
		}
		return nil
	})
	close(proceed)
	until(t, func() error {
		if l := second.Leader(); !l.Self {
			return errors.New("the leadership was not taken")
		}
		return nil
	})
}

// TestSourceIsNotBelieved: dragonboat would ask the registry to note who says that it sent a message, and the registry panics at what is
// no member's.
func TestSourceIsNotBelieved(t *testing.T) {
	to := insisting{raftwire.New(slog.New(slog.DiscardHandler)), make(chan raftpb.Message, 1)}
	arrived, address := make(chan raftpb.MessageBatch, 1), freeAddress(t)
	to.Create(config.NodeHostConfig{ListenAddress: address}, func(b raftpb.MessageBatch) { arrived <- b }, nil)
	if err := to.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = to.Close() })
	from := raftwire.New(slog.New(slog.DiscardHandler))
	from.Create(config.NodeHostConfig{}, nil, nil)
	c, err := from.GetConnection(soon(t), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	sent := raftpb.MessageBatch{SourceAddress: "somewhere", Requests: []raftpb.Message{{Type: raftpb.Ping, ShardID: shardID, From: 5, To: 7}}}
	if err := c.SendMessageBatch(sent); err != nil {
		t.Fatal(err)
	}
	if b := await(t, arrived); b.SourceAddress != "" || len(b.Requests) != 1 {
		t.Errorf("%+v was delivered", b)
	}
}

package replica

import (
	"errors"
	"testing"
	"time"
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

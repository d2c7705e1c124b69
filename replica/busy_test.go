package replica

import (
	"testing"
	"time"
)

// TestBusy: too many batches that wait, or too many entries that are not applied, and no longer than that.
func TestBusy(t *testing.T) {
	x := newBench(t, BatcherOptions[*local]{WaitingMax: 3, BehindMax: 10, MaxRequests: 2, Overlap: -1})
	x.elect(1, true)
	x.treat = func() treatment { return hold }
	expect := func(when string, want bool) {
		t.Helper()
		x.pass(time.Millisecond)
		if got := x.b.Busy(); got != want {
			t.Errorf("%s: Busy() = %t", when, got)
		}
	}
	x.request(2) // in flight
	for range 3 {
		x.request(2)
		expect("with few that wait", false)
	}
	x.request(2) // the batch before it is full now, and the third that waits
	expect("with three that wait", true)
	for len(x.held) > 0 {
		x.release(0, true)
	}
	expect("when all are applied", false)
	for lag, want := range map[uint64]bool{9: false, 10: true, 11: true, 0: false} {
		x.lag = lag
		if expect("behind", want); t.Failed() {
			t.Fatalf("by %d entries", lag)
		}
	}
	x.judge()
}

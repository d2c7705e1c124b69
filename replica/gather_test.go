package replica

import (
	"testing"
	"time"
)

func TestGather(t *testing.T) {
	const us = time.Microsecond
	woken := make(chan struct{}, 1)
	var g gatherer
	g.init(Gather{Fraction: 0.5, Max: 300 * us}, func() { woken <- struct{}{} })
	defer g.stop()
	for range 100 {
		g.measure(200 * us) // commits take 200 us
	}
	if g.commit < 190*us || g.commit > 200*us {
		t.Errorf("the average commit is %v, want about 200us", g.commit)
	}

	g.settled(1, 0, 1000*us)
	if !g.enough(1, 1000*us) {
		t.Error("a lone client was held")
	}

	g.settled(24, 24, 2000*us)
	if g.enough(24, 2000*us) || g.enough(41, 2050*us) {
		t.Error("half a batch went at once")
	}
	if !g.enough(42, 2060*us) {
		t.Error("a batch of nearly all was held")
	}
	if !g.enough(1, 2061*us) {
		t.Error("held without a reason")
	}

	g.settled(24, 24, 3000*us)
	if g.enough(30, 3050*us) || !g.enough(30, 3100*us) {
		t.Error("a batch was not held for half a commit")
	}
	await(t, woken)
	for i := range 2 { // it did not pay, so not again at once
		g.settled(24, 24, 4000*us)
		if !g.enough(24, 4000*us) {
			t.Errorf("held again %d batches after it did not pay", i+1)
		}
	}
	g.settled(24, 24, 5000*us)
	if g.enough(24, 5000*us) {
		t.Error("never held again")
	}

	var never gatherer
	never.init(Gather{Fraction: -1}, func() {})
	never.settled(24, 24, 0)
	if !never.enough(1, 0) {
		t.Error("held though told not to")
	}
}

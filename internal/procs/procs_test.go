package procs

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
)

// machine gets requests done: so many in a window with all processors, so many with one, so many brought by each read.
type machine struct{ all, one, together float64 }

func (m machine) window(one bool, noise float64, r *rand.Rand) load {
	n := m.all
	if one {
		n = m.one
	}
	n *= 1 + noise*(2*r.Float64()-1)
	return load{answered: int64(n), reads: int64(n / m.together)}
}

// drive runs n windows and returns what was done of what could have been.
func drive(d *decider, m machine, n int, noise float64, r *rand.Rand) (share float64) {
	one, done := d.next(), 0.0
	for range n {
		l := m.window(one, noise, r)
		done += float64(l.answered)
		one = d.window(l)
	}
	return done / (max(m.all, m.one) * float64(n))
}

func TestDecider(t *testing.T) {
	const alone, pipelined = 1, 16
	for _, test := range []struct {
		name string
		m    machine
		one  bool
	}{
		{"as expected, one", machine{1000, 1300, alone}, true},
		{"no difference, one expected", machine{1000, 1000, alone}, true},
		{"heavy requests that come alone", machine{1000, 600, alone}, false},
		{"as expected, all", machine{8000, 6000, pipelined}, false},
		{"no difference, all expected", machine{8000, 8000, pipelined}, false},
		{"pipelines that one does better", machine{1000, 1300, pipelined}, true},
		{"next to nothing to do", machine{50, 70, alone}, false},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		var d decider
		drive(&d, test.m, restFirst+trialWindows+2, 0.05, r)
		if d.one != test.one {
			t.Errorf("%s: after the first trial one = %v", test.name, d.one)
		}
		if share := drive(&d, test.m, 5000, 0.2, r); test.m.all > answersLeast && share < 0.96 {
			t.Errorf("%s: %.1f %% of what can be done", test.name, 100*share)
		}
	}
}

// TestAnotherKindOfLoad is answered at once, without a trial.
func TestAnotherKindOfLoad(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var d decider
	for round := range 10 {
		drive(&d, machine{1000, 1250, 1}, 300, 0.1, r)
		if !d.one {
			t.Fatalf("round %d: all for requests that come alone", round)
		}
		drive(&d, machine{8000, 6000, 16}, strangeMost, 0.1, r)
		if d.one {
			t.Fatalf("round %d: one for pipelines", round)
		}
		drive(&d, machine{8000, 6000, 16}, 300, 0.1, r)
		drive(&d, machine{1000, 1250, 1}, strangeMost, 0.1, r)
	}
}

// TestFollowing: a member with no clients, or few, is given processors by what the others send it.
func TestFollowing(t *testing.T) {
	for _, test := range []struct {
		name string
		l    load
		one  bool
	}{
		{"requests that come alone, for the leader's clients", load{messages: 60, applied: 1200}, true},
		{"reads, of which a follower sees only that it is asked", load{messages: 80}, true},
		{"large batches", load{messages: 60, applied: 6000}, false},
		{"heartbeats", load{messages: 2}, false},
		{"a client that looks now and then", load{answered: 3, reads: 3, messages: 60, applied: 1200}, true},
		{"clients of its own, with pipelines", load{answered: 3000, reads: 200, messages: 60, applied: 1200}, false},
	} {
		var d decider
		for range restFirst {
			if one := d.window(test.l); one != test.one {
				t.Fatalf("%s: one = %v", test.name, one)
			}
		}
	}
}

func TestHeavyWindowsTellNothing(t *testing.T) {
	var d decider
	for i := range 200 {
		if d.window(load{answered: int64(1000 + 100*(i%7)), reads: 900, heavy: true}) {
			t.Fatal("one processor while something needs all")
		}
	}
	if d != (decider{}) {
		t.Errorf("%+v from windows that tell nothing", d)
	}
}

// TestTuner: what is heavy has all processors before it begins, and a tuner that has ended leaves them.
func TestTuner(t *testing.T) {
	var answered, processors atomic.Int64
	processors.Store(4)
	tuner := newTuner(func(n int) { processors.Store(int64(n)) }, 4)
	tuner.Start(func() Counts {
		n := answered.Add(100_000)
		return Counts{Answered: n, Reads: n}
	})
	await := func(want int64) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); processors.Load() != want; {
			if time.Now().After(deadline) {
				t.Fatalf("%d processors, want %d", processors.Load(), want)
			}
			<-time.After(time.Millisecond)
		}
	}
	for range 3 {
		await(1)
		tuner.Heavy(true)
		tuner.Heavy(true)
		if n := processors.Load(); n != 4 {
			t.Fatalf("heavy work has begun with %d processors", n)
		}
		tuner.Heavy(false)
		if n := processors.Load(); n != 4 {
			t.Fatalf("%d processors while heavy work goes on", n)
		}
		tuner.Heavy(false)
	}
	await(1)
	tuner.Stop()
	if n := processors.Load(); n != 4 {
		t.Errorf("%d processors left behind", n)
	}
	var none *Tuner
	none.Heavy(true)
	none.Start(nil)
	none.Stop()
}

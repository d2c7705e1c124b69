package replica

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSecondNode makes sure that nothing frozen in a directory of one node stands
// in the way of more: a second one joins by the registry's targets, catches up by
// a snapshot, votes, takes leadership over when the first closes, and both find
// each other again at other addresses.
func TestSecondNode(t *testing.T) {
	m1, m2 := newCounting(), newCounting()
	o1, o2 := testOptions(t, m1), testOptions(t, m2)
	o1.CompactBytes, o1.KeepBytes = 4<<20, 1
	r1 := mustOpen(t, o1)
	want := []string{"a", strings.Repeat("b", 2<<20), "c", strings.Repeat("d", 2<<20), "e"}
	proposeAll(t, r1, want)
	if err := r1.Snapshot(); err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	if err := readNow(t, r1); err != nil || !r1.ReadsAtOnce() {
		t.Errorf("a node alone: ReadIndex = %v, ReadsAtOnce = %v", err, r1.ReadsAtOnce())
	}
	awaitFirst(t, r1, 4) // the log alone would not do any more

	o2.Join = r1.Cluster()
	r2, err := Open(o2)
	if err != nil {
		t.Fatalf("Open the second: %v", err)
	}
	t.Cleanup(func() { _ = r2.Close() })
	introduce(r1, r2)
	addVoter(t, r1, r2.ID())
	if r1.ReadsAtOnce() {
		t.Error("a node that has a second one beside it reads without asking it")
	}
	proposeAll(t, r1, []string{"f"})
	want = append(want, "f")
	awaitLog(t, r1, m1, want)
	awaitLog(t, r2, m2, want)
	if got := r2.Info().Members; len(got) != 2 {
		t.Errorf("members = %+v, want two", got)
	}

	lead(t, r1, r2)
	start := time.Now()
	mustClose(t, r1)
	if took := time.Since(start); took > time.Second {
		t.Errorf("Close took %v", took)
	}
	if l := r2.Leader(); l.Known && l.ID == r1.ID() {
		t.Errorf("the first node closed as the leader: %+v", l)
	}
	mustClose(t, r2)

	o1.Address, o2.Address = freeAddress(t), freeAddress(t)
	o2.Join = 0 // a directory in use knows
	if r1, err = Open(o1); err != nil {
		t.Fatalf("open the first again: %v", err)
	}
	t.Cleanup(func() { _ = r1.Close() })
	if r2, err = Open(o2); err != nil {
		t.Fatalf("open the second again: %v", err)
	}
	t.Cleanup(func() { _ = r2.Close() })
	introduce(r1, r2)
	awaitLog(t, r2, m2, want)
	lead(t, r1, r2)
	proposeAll(t, r1, []string{"g"})
	awaitLog(t, r2, m2, append(want, "g"))
	mustClose(t, r2)
	mustClose(t, r1)
	if !slices.Equal(m1.log(), m2.log()) {
		t.Errorf("the machines differ: %d and %d entries", len(m1.log()), len(m2.log()))
	}
}

func introduce(a, b *Replica) {
	a.SetAddress(b.ID(), b.opts.Address)
	b.SetAddress(a.ID(), a.opts.Address)
}

func addVoter(t *testing.T, r *Replica, node uint64) {
	t.Helper()
	if err := errors.Join(r.AddLearner(soon(t), node), r.Promote(soon(t), node)); err != nil {
		t.Fatalf("add node %d: %v", node, err)
	}
}

// lead waits until r leads, and asks the other for it if need be.
func lead(t *testing.T, r, other *Replica) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if r.Leader().Self {
			return
		}
		if other.Leader().Self {
			_ = other.nodeHost.RequestLeaderTransfer(shardID, r.ID())
		}
	}
	t.Fatal("it does not lead")
}

// TestLeaderChanges passes leadership to and fro under clients of one node: each
// request is applied once and in the order of its client, on both nodes alike.
func TestLeaderChanges(t *testing.T) {
	const clients, changes = 8, 12
	p := &pair{counting: newCounting(), keep: true}
	p.start(t, BatcherOptions[*waiters]{Window: 2})
	other := &pair{counting: newCounting(), keep: true}
	o := testOptions(t, other)
	o.Join = p.replica.Cluster()
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	introduce(p.replica, r)
	addVoter(t, p.replica, r.ID())

	stop := make(chan struct{})
	told := make([]int, clients) // requests that client was told are applied
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			c := make(chan error, 1)
			for !stopped(stop) {
				if err := p.write(c, []byte{byte(i)}); err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				told[i]++
			}
		})
	}
	for i := range changes {
		before := p.batches.Load()
		lead(t, []*Replica{r, p.replica}[i%2], []*Replica{p.replica, r}[i%2])
		for p.batches.Load() < before+20 && !t.Failed() {
			if err := readNow(t, p.replica); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stop)
	all.Wait()
	for _, x := range []*Replica{p.replica, r} {
		if err := readNow(t, x); err != nil {
			t.Fatal(err)
		}
	}
	counts := p.batcher.Load().Counts()
	t.Logf("%+v", counts)
	mustClose(t, r)
	if !slices.Equal(p.bodies, other.bodies) {
		t.Errorf("the nodes applied %d and %d batches, or others", len(p.bodies), len(other.bodies))
	}
	applied := make([]int, clients)
	for _, body := range p.bodies {
		for _, client := range []byte(body) {
			applied[client]++
		}
	}
	if !slices.Equal(applied, told) {
		t.Errorf("applied %v requests, told %v", applied, told)
	}
}

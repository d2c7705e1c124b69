package replica

import (
	"fmt"
	"testing"
)

// TestMixedTransports makes a group of members that speak by dragonboat's own transport, as all did before internal/raftwire, and by ours: snapshots go
// from the one to the other, either leads, writes and reads go through all. Then the old member is replaced in place, as in an upgrade.
func TestMixedTransports(t *testing.T) {
	g := newGroup(t)
	all := numbers(50)
	proposeAll(t, g.replicas[0], all)
	compactAll(t, g.replicas[0])

	old := g.joinAs(0, true) // which takes a snapshot from one of ours
	g.promote(old)
	g.exercise(&all)
	if err := g.replicas[0].Transfer(soon(t), old.ID()); err != nil {
		t.Fatalf("Transfer: %v", err)
	}
	compactAll(t, old)
	g.promote(g.joinAs(1, false)) // which takes one from the old
	for _, r := range g.replicas {
		if err := g.replicas[0].Transfer(soon(t), r.ID()); err != nil {
			t.Fatalf("Transfer: %v", err)
		}
		g.exercise(&all)
	}

	g.options[1].dragonboats = false
	g.restart(1)
	g.exercise(&all)
	g.options[1].dragonboats = true // and back
	g.restart(1)
	g.exercise(&all)
	for i, m := range g.machines {
		awaitLog(t, g.replicas[i], m, all)
	}
}

// joinAs is join by a member that may speak as dragonboat does. It returns when that one has taken a snapshot.
func (g *group) joinAs(by int, dragonboats bool) *Replica {
	g.t.Helper()
	m := newCounting()
	o := testOptions(g.t, m)
	o.Join, o.dragonboats = g.replicas[0].Cluster(), dragonboats
	r, err := Open(o)
	if err != nil {
		g.t.Fatalf("Open: %v", err)
	}
	g.add(r, m, o)
	if err := g.replicas[by].AddLearner(soon(g.t), r.ID()); err != nil {
		g.t.Fatalf("AddLearner: %v", err)
	}
	until(g.t, func() error { // dragonboat does not guard the members it takes from a snapshot: nobody asks for them before a read has been answered
		if err := readNow(g.t, r); err != nil {
			return err
		}
		if r.Info().LogFirst < 10 {
			return fmt.Errorf("the log of the new member begins at %d: it had no snapshot", r.Info().LogFirst)
		}
		return nil
	})
	g.role(r, Learner)
	return r
}

func (g *group) promote(r *Replica) {
	g.t.Helper()
	if err := r.Promote(soon(g.t), r.ID()); err != nil {
		g.t.Fatalf("Promote: %v", err)
	}
	g.role(r, Voter)
}

// exercise writes and reads through every member, and adds what it wrote to all.
func (g *group) exercise(all *[]string) {
	g.t.Helper()
	until(g.t, func() error {
		for _, r := range g.replicas {
			if a, b := r.Leader(), g.replicas[0].Leader(); !a.Known || a.ID != b.ID {
				return fmt.Errorf("one member says that %+v leads, another %+v", a, b)
			}
		}
		return nil
	})
	for _, r := range g.replicas {
		for range 5 {
			data := fmt.Sprint(len(*all))
			until(g.t, func() error { // a leader that has just begun may drop one
				err := proposeNow(g.t, r, data)
				if err == ErrUnknown {
					g.t.Fatalf("propose %s: %v", data, err)
				}
				return err
			})
			if err := readNow(g.t, r); err != nil {
				g.t.Fatalf("ReadIndex: %v", err)
			}
			*all = append(*all, data)
		}
	}
}

// compactAll leaves nothing of the log for a member that joins.
func compactAll(t *testing.T, r *Replica) {
	t.Helper()
	applied := r.Applied()
	r.compactor.mu.Lock()
	r.compactor.total, r.compactor.marks = r.opts.KeepBytes, []mark{{applied - 1, 0}}
	r.compactor.mu.Unlock()
	if err := r.Snapshot(); err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	awaitFirst(t, r, applied-1)
}

package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// group is members of one cluster that know each other's addresses.
type group struct {
	t        *testing.T
	replicas []*Replica
	machines []*counting
	options  []Options
}

func newGroup(t *testing.T) *group {
	g := &group{t: t}
	m := newCounting()
	o := testOptions(t, m)
	g.add(mustOpen(t, o), m, o)
	return g
}

func (g *group) add(r *Replica, m *counting, o Options) {
	g.t.Cleanup(func() { _ = r.Close() })
	g.replicas, g.machines, g.options = append(g.replicas, r), append(g.machines, m), append(g.options, o)
	g.introduce()
}

func (g *group) introduce() {
	for _, a := range g.replicas {
		for _, b := range g.replicas {
			a.SetAddress(b.ID(), b.opts.Address)
		}
	}
}

// join adds a learner by asking the member called by.
func (g *group) join(by int) *Replica {
	g.t.Helper()
	m := newCounting()
	o := testOptions(g.t, m)
	o.Join = g.replicas[0].Cluster()
	r, err := Open(o)
	if err != nil {
		g.t.Fatalf("Open: %v", err)
	}
	g.add(r, m, o)
	if err := g.replicas[by].AddLearner(soon(g.t), r.ID()); err != nil {
		g.t.Fatalf("AddLearner: %v", err)
	}
	return r
}

// restart closes and opens a member, at the same address.
func (g *group) restart(i int) {
	g.t.Helper()
	mustClose(g.t, g.replicas[i])
	o := g.options[i]
	o.Join = 0
	r, err := Open(o)
	if err != nil {
		g.t.Fatalf("open %d again: %v", i, err)
	}
	g.t.Cleanup(func() { _ = r.Close() })
	g.replicas[i] = r
	g.introduce()
	if len(g.replicas) > 1 {
		if err := r.AwaitLeader(soon(g.t)); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *group) role(r *Replica, want Role) {
	g.t.Helper()
	until(g.t, func() error {
		for _, x := range g.replicas {
			m := x.Membership()
			if role, ok := m.Role(r.ID()); !ok || role != want {
				return fmt.Errorf("node %d has role %v (%v) for node %d, want %v", r.ID(), role, ok, x.ID(), want)
			}
		}
		return nil
	})
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// until polls, since what members know of each other has no moment to be waited for.
func until(t testing.TB, holds func() error) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	err := holds()
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); <-tick.C {
		err = holds()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestMembershipIsReadLocally(t *testing.T) {
	r := mustOpen(t, testOptions(t, newCounting()))
	if m, ok := membershipOf(r.user); !ok || len(m.Addresses) != 1 {
		t.Errorf("dragonboat's node looks different: %v, %v", m, ok)
	}
}

// TestMembers lets nodes join as learners through any member, promote themselves, restart in every role, and
// removes them.
func TestMembers(t *testing.T) {
	g := newGroup(t)
	first := g.replicas[0]
	proposeAll(t, first, []string{"a"})
	second := g.join(0)
	g.role(second, Learner)
	awaitLog(t, second, g.machines[1], []string{"a"})

	g.restart(1)
	second = g.replicas[1]
	g.role(second, Learner)
	proposeAll(t, second, []string{"b"}) // a learner passes it on
	awaitLog(t, first, g.machines[0], []string{"a", "b"})
	if err := second.Promote(soon(t), second.ID()); err != nil {
		t.Fatalf("Promote: %v", err)
	}
	g.role(second, Voter)

	third := g.join(1) // by a follower
	g.role(third, Learner)
	if err := third.Promote(soon(t), third.ID()); err != nil {
		t.Fatalf("Promote: %v", err)
	}
	g.role(third, Voter)
	for i := range g.replicas {
		g.restart(i)
		g.role(g.replicas[i], Voter)
	}
	first, second, third = g.replicas[0], g.replicas[1], g.replicas[2]
	if err := third.Transfer(soon(t), second.ID()); err != nil {
		t.Fatalf("Transfer: %v", err)
	}
	if err := first.Remove(soon(t), second.ID()); err != nil {
		t.Fatalf("Remove the leader: %v", err)
	}
	await(t, second.Removed())
	if err := second.Remove(soon(t), third.ID()); !errors.Is(err, ErrRemoved) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a removed node removes another: %v", err)
	}
	if err := first.AddLearner(soon(t), second.ID()); !errors.Is(err, ErrRemoved) {
		t.Errorf("a removed node is added: %v", err)
	}
	mustClose(t, second)
	o := g.options[1]
	o.Join = 0
	if _, err := Open(o); !errors.Is(err, ErrRemoved) {
		t.Errorf("a removed node opens: %v", err)
	}
	proposeAll(t, third, []string{"c"})
	if err := third.Remove(soon(t), first.ID()); err != nil {
		t.Fatalf("Remove: %v", err)
	}
	if err := third.Remove(soon(t), third.ID()); !errors.Is(err, ErrLastVoter) {
		t.Errorf("the last voter is removed: %v", err)
	}
	if got := third.Membership(); !slices.Equal(got.Voters, []uint64{third.ID()}) || len(got.Removed) != 2 {
		t.Errorf("membership = %+v, want the third alone and two removed", got)
	}
}

// TestAwayWhilePromoted promotes a learner that is not there: it finds out in the log.
func TestAwayWhilePromoted(t *testing.T) {
	g := newGroup(t)
	first := g.replicas[0]
	second := g.join(0)
	awaitLog(t, second, g.machines[1], nil)
	mustClose(t, second)
	if err := first.Promote(soon(t), second.ID()); err != nil {
		t.Fatalf("Promote: %v", err)
	}
	o := g.options[1]
	o.Join = 0
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	g.replicas[1] = r
	g.introduce()
	g.role(r, Voter)
	proposeAll(t, r, []string{"x"})
	awaitLog(t, first, g.machines[0], []string{"x"})
}

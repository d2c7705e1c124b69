package chaos

import (
	"fmt"
	"time"

	"github.com/redoubt-db/redoubt/test/cluster"
)

func processFaults() []fault {
	leader := func(do func(*lane, ...*cluster.Node) error) func(*lane) error {
		return func(l *lane) error { return do(l, l.leader()) }
	}
	one := func(do func(*lane, ...*cluster.Node) error) func(*lane) error {
		return func(l *lane) error { return do(l, l.any()) }
	}
	two := func(do func(*lane, ...*cluster.Node) error) func(*lane) error {
		return func(l *lane) error { return do(l, l.two()...) }
	}
	all := func(do func(*lane, ...*cluster.Node) error) func(*lane) error {
		return func(l *lane) error { return do(l, l.rig.Running()...) }
	}
	return []fault{
		{"kill -9 the leader", nothing, leader((*lane).kill)},
		{"kill -9 one", nothing, one((*lane).kill)},
		{"kill -9 two", nothing, two((*lane).kill)},
		{"kill -9 all", nothing, all((*lane).kill)},
		{"kill -9 one again and again", nothing, (*lane).crashLoop},
		{"SIGSTOP the leader", nothing, leader((*lane).pause)},
		{"SIGSTOP one", nothing, one((*lane).pause)},
		{"SIGSTOP two", nothing, two((*lane).pause)},
		{"SIGSTOP all", nothing, all((*lane).pause)},
		{"stop the leader in order", nothing, func(l *lane) error { return l.restart(l.leader()) }},
		{"stop one after the other in order", nothing, (*lane).roll},
	}
}

func (l *lane) kill(nodes ...*cluster.Node) error {
	for _, n := range nodes {
		n.Kill()
	}
	l.some(l.faultMax)
	return startAll(nodes)
}

// crashLoop kills a node at all moments of its start.
func (l *lane) crashLoop() error {
	n := l.any()
	for range 2 + l.rng.IntN(4) {
		n.Kill()
		if err := n.Launch(); err != nil {
			return err
		}
		l.some(time.Second)
	}
	n.Kill()
	return n.Start()
}

func (l *lane) pause(nodes ...*cluster.Node) error {
	for _, n := range nodes {
		n.Pause()
	}
	l.some(2 * l.faultMax)
	for _, n := range nodes {
		n.Resume()
	}
	return nil
}

func (l *lane) restart(n *cluster.Node) error {
	if err := n.Stop(startMax); err != nil {
		return fmt.Errorf("%s: SIGTERM: %w", n.Name, err)
	}
	l.some(l.faultMax)
	return n.Start()
}

func (l *lane) roll() error {
	for _, n := range l.voters() {
		if err := l.restart(n); err != nil {
			return err
		}
	}
	return nil
}

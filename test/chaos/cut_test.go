package chaos

import (
	"slices"
	"time"

	"github.com/redoubt-db/redoubt/test/cluster"
)

func networkFaults() []fault {
	return []fault{
		{"cut off the leader", cuts, func(l *lane) error { return l.isolate(true, true, l.leader()) }},
		{"cut off one", cuts, func(l *lane) error { return l.isolate(true, true, l.any()) }},
		{"cut off all from each other", cuts, func(l *lane) error { return l.isolate(true, true, l.rig.Nodes...) }},
		{"the leader hears nothing", cuts, func(l *lane) error { return l.isolate(false, true, l.leader()) }},
		{"the leader is not heard", cuts, func(l *lane) error { return l.isolate(true, false, l.leader()) }},
		{"one is not heard", cuts, func(l *lane) error { return l.isolate(true, false, l.any()) }},
		{"a ring with one gap", cuts, (*lane).gap},
		{"the network comes and goes", cuts, (*lane).flap},
	}
}

// isolate cuts what nodes send, what they hear, or both, for some time.
func (l *lane) isolate(sends, hears bool, nodes ...*cluster.Node) error {
	defer l.net.heal()
	for _, n := range nodes {
		if err := l.cutOff(sends, hears, n); err != nil {
			return err
		}
	}
	l.some(2 * l.faultMax)
	return nil
}

func (l *lane) cutOff(sends, hears bool, n *cluster.Node) error {
	i := l.index(n)
	for other := range l.net.size {
		if other == i {
			continue
		}
		if sends {
			if err := l.net.cut(i, other); err != nil {
				return err
			}
		}
		if hears {
			if err := l.net.cut(other, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// gap cuts two nodes off from each other, while both reach the third.
func (l *lane) gap() error {
	defer l.net.heal()
	a := l.rng.IntN(voters)
	b := (a + 1) % voters
	if err := l.net.cut(a, b); err != nil {
		return err
	}
	if err := l.net.cut(b, a); err != nil {
		return err
	}
	l.some(2 * l.faultMax)
	return nil
}

// flap cuts off one node after the other, each for a moment, so that quorums change all the time.
func (l *lane) flap() error {
	for range 3 + l.rng.IntN(8) {
		if err := l.cutOff(true, true, l.any()); err != nil {
			return err
		}
		l.some(700 * time.Millisecond)
		l.net.heal()
		l.some(300 * time.Millisecond)
	}
	return nil
}

// sideFaults go on beside what befalls nodes.
func sideFaults() []fault {
	return slices.Concat([]fault{
		{"slow links everywhere", slow, func(l *lane) error { return l.slow(func(from, to int) bool { return true }) }},
		{"slow links of one", slow, func(l *lane) error {
			i := l.index(l.any())
			return l.slow(func(from, to int) bool { return from == i || to == i })
		}},
		{"a slow link one way", slow, func(l *lane) error {
			i, k := l.index(l.any()), l.index(l.any())
			return l.slow(func(from, to int) bool { return from == i && to == k })
		}},
		{"clients are cut off", nothing, (*lane).hangUp},
		{"compact the past", nothing, (*lane).compactPast},
		{"hand over the leadership", nothing, (*lane).handOver},
		{"snapshot everywhere", nothing, (*lane).snapshots},
	}, clockFaults())
}

// slow delays, loses, doubles and reorders packets for some time.
func (l *lane) slow(which func(from, to int) bool) error {
	q := quality{delay: time.Duration(1+l.rng.IntN(60)) * time.Millisecond, lost: l.rng.Float64() * 0.05, doubled: l.rng.Float64() * 0.02,
		overtaking: l.rng.Float64() * 0.05}
	q.jitter = time.Duration(l.rng.Int64N(int64(q.delay)))
	if l.rng.IntN(3) == 0 {
		q = quality{delay: q.delay, jitter: q.jitter} // slow, and nothing else
	}
	l.Logf("          %s", q)
	defer l.net.restore()
	if err := l.net.impair(q, which); err != nil {
		return err
	}
	l.some(4 * l.faultMax)
	return nil
}

// hangUp ends all connections of clients with one node.
func (l *lane) hangUp() error {
	_, _ = l.any().Do("CLIENT", "KILL", "TYPE", "normal")
	return nil
}

func (l *lane) compactPast() error {
	n := l.any()
	if r, err := n.Do("REVISION"); err == nil {
		_, _ = n.Do("COMPACT", r.String()[len("(integer) "):])
	}
	return nil
}

func (l *lane) handOver() error {
	_, _ = l.any().Do("RAFT", "TRANSFER") // it may be refused, as when the others have not been heard of
	return nil
}

func (l *lane) snapshots() error {
	for _, n := range l.voters() {
		_, _ = n.Do("RAFT", "SNAPSHOT")
	}
	return nil
}

package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redoubt-db/redoubt/test/cluster"
)

// fault is something that happens to the group and is over when do returns.
type fault struct {
	name  string
	needs needs
	do    func(l *lane) error
}

// needs is what not every machine has.
type needs int

const (
	nothing needs = iota + 1
	cuts          // namespaces for networks
	slow          // and links that delay
	disks         // disks of their own
	minutes       // or time, which the short form does not have
)

const (
	longFault = 10 * time.Second // is worth a word
	seldom    = 3                // how many times less often those that take minutes are chosen
)

// lane is one fault after the other, chosen by chance. The first lane is for what befalls nodes, the second for what
// goes on beside that: clocks, slow links, clients that are cut off. Only a lane's own goroutine uses its chance, so a
// seed chooses the same faults again, though not the same moments.
type lane struct {
	*trial
	rng    *rand.Rand
	faults []fault
}

func (tr *trial) newLanes(seed uint64) (list []*lane) {
	for i, faults := range [][]fault{slices.Concat(processFaults(), networkFaults(), memberFaults(), diskFaults()), sideFaults()} {
		l := &lane{trial: tr, rng: rand.New(rand.NewPCG(seed, uint64(i)+1))}
		for _, f := range faults {
			if tr.has(f.needs) && named(f.name, *only) {
				l.faults = append(l.faults, f)
			}
		}
		list = append(list, l)
	}
	return list
}

func (tr *trial) has(n needs) bool {
	switch n {
	case cuts:
		return tr.net != nil
	case slow:
		return tr.net != nil && tr.net.links != nil
	case disks:
		return tr.disks != nil
	case minutes:
		return *duration >= time.Minute
	}
	return true
}

// disturb lets faults happen for some time, in both lanes.
func (tr *trial) disturb(length time.Duration) {
	end := time.Now().Add(length)
	var lanes sync.WaitGroup
	var mu sync.Mutex
	for _, l := range tr.lanes {
		if len(l.faults) == 0 {
			continue
		}
		lanes.Go(func() {
			for time.Now().Before(end) && !tr.Failed() {
				l.some(2 * *interval)
				f := l.choose()
				begin := tr.now()
				tr.Logf("%8.3f s: %s", begin.Seconds(), f.name)
				if err := f.do(l); err != nil {
					tr.Errorf("%s: %v", f.name, err)
				}
				if took := tr.now() - begin; took > longFault {
					tr.Logf("%8.3f s: %s took %s", tr.now().Seconds(), f.name, took.Round(time.Second))
				}
				mu.Lock()
				tr.faults[f.name]++
				mu.Unlock()
				if l == tr.lanes[0] {
					l.checkAlive(f.name)
				}
			}
		})
	}
	lanes.Wait()
	if len(tr.lanes[0].faults)+len(tr.lanes[1].faults) == 0 {
		tr.wait(length)
	}
}

func (l *lane) choose() fault {
	for {
		if f := l.faults[l.rng.IntN(len(l.faults))]; f.needs != minutes || len(l.faults) == 1 || l.rng.IntN(seldom) == 0 {
			return f
		}
	}
}

// checkAlive holds that no process has ended that was not told to. One that found its disk full may end as the fault itself does, or
// right behind it.
func (l *lane) checkAlive(behind string) {
	for _, n := range l.rig.Running() {
		select {
		case <-n.Srv.Done():
			if end := lastLine(n.Srv.Tail()); strings.Contains(end, "no space left on device") {
				l.Logf("          %s ended: %s", n.Name, end)
				n.Kill()
				if err := n.Start(); err != nil {
					l.Errorf("behind %q: %v", behind, err)
				}
				continue
			}
			l.Errorf("%s ended by itself behind %q:\n%s", n.Name, behind, n.Srv.Tail())
			n.Srv = nil
		default:
		}
	}
}

// some waits for up to most, by chance.
func (l *lane) some(most time.Duration) { l.wait(time.Duration(l.rng.Int64N(int64(most)))) }

// leader is the node that leads, or any when that is not clear.
func (l *lane) leader() *cluster.Node {
	any := l.any()
	for _, n := range l.voters() {
		if info, err := n.Info(); err == nil && info["leader"] == info["node"] {
			return n
		}
	}
	return any
}

func (l *lane) any() *cluster.Node { return l.rig.Nodes[l.rng.IntN(voters)] }

// two are nodes beside each other.
func (l *lane) two() []*cluster.Node {
	i := l.rng.IntN(voters)
	return []*cluster.Node{l.rig.Nodes[i], l.rig.Nodes[(i+1)%voters]}
}

// other is a voter that is not n.
func (l *lane) other(n *cluster.Node) *cluster.Node {
	i := l.rng.IntN(voters - 1)
	rest := slices.DeleteFunc(slices.Clone(l.voters()), func(x *cluster.Node) bool { return x == n })
	return rest[i%len(rest)]
}

func (l *lane) index(n *cluster.Node) int {
	i := slices.Index(l.rig.Nodes, n)
	if i < 0 {
		panic("no such node: " + n.Name)
	}
	return i
}

// startAll starts nodes and waits until all of them serve.
func startAll(nodes []*cluster.Node) error {
	for _, n := range nodes {
		if err := n.Launch(); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		if err := n.Srv.WaitReady(startMax); err != nil {
			return fmt.Errorf("%s: %w", n.Name, err)
		}
	}
	return nil
}

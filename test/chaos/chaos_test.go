package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/cluster"
)

var (
	duration = flag.Duration("duration", 25*time.Second, "how long faults go on")
	interval = flag.Duration("interval", 2*time.Second, "between the end of a fault and the next, on average")
	seed     = flag.Uint64("seed", 0, "of the choice of faults; 0 takes one from the clock")
	only     = flag.String("only", "", "faults whose names contain this")
)

const (
	voters   = 3
	startMax = time.Minute
)

// trial is one run: a group, its clients, and what they were told.
type trial struct {
	*testing.T
	rig      *cluster.Rig
	net      *network // nil: there are no namespaces
	rng      *rand.Rand
	faultMax time.Duration
	began    time.Time
	stop     chan struct{}
	clients  sync.WaitGroup

	counters  counterHistory
	registers registerHistory
	results   [unknown + 1]atomic.Int64
}

func (tr *trial) now() time.Duration { return time.Since(tr.began) }

func (tr *trial) running() bool {
	select {
	case <-tr.stop:
		return false
	default:
		return !tr.Failed()
	}
}

// wait paces clients and faults. A run that is over waits for nothing.
func (tr *trial) wait(pause time.Duration) {
	select {
	case <-time.After(pause):
	case <-tr.stop:
	}
}

// finished counts; a client that was refused waits a moment before it asks again.
func (tr *trial) finished(result outcome) {
	tr.results[result].Add(1)
	if result != done {
		tr.wait(20 * time.Millisecond)
	}
}

func TestChaos(t *testing.T) {
	chosen := *seed
	if chosen == 0 {
		chosen = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", chosen)
	tr := &trial{T: t, rng: rand.New(rand.NewPCG(chosen, 1)), stop: make(chan struct{}), faultMax: 2 * time.Second, began: time.Now()}
	tr.form()
	if err := tr.openBank(); err != nil {
		t.Fatal(err)
	}
	for i, n := range tr.rig.Nodes[:voters] {
		for k, work := range []func(*client, int){tr.count, tr.count, tr.count, tr.register, tr.register, tr.register, tr.transfer, tr.transfer, tr.expire} {
			c := &client{node: n}
			tr.clients.Go(func() {
				defer c.close()
				work(c, i*100+k)
			})
		}
	}
	happened := tr.disturb()
	tr.settle()
	close(tr.stop)
	tr.clients.Wait()
	if !t.Failed() {
		if err := tr.rig.SameState(); err != nil {
			t.Error(err)
		}
	}
	tr.checkCounters()
	tr.checkRegisters()
	t.Logf("%d requests answered, %d refused, %d unknown; %d faults: %s", tr.results[done].Load(), tr.results[refused].Load(),
		tr.results[unknown].Load(), len(happened), summary(happened))
	if t.Failed() {
		for _, n := range tr.rig.Running() {
			t.Logf("%s ends with\n%s", n.Name, n.Srv.Tail())
		}
	}
}

// form starts three nodes, in namespaces of their own where there are any, and keeps a place for a fourth.
func (tr *trial) form() {
	tr.Helper()
	rig, err := cluster.NewRig(tr.TempDir(), "", "--write-timeout", "5000", "--protected-mode", "no")
	if err != nil {
		tr.Fatal(err)
	}
	tr.rig = rig
	tr.Cleanup(rig.Close)
	if tr.net, err = newNetwork(voters + 1); err != nil {
		tr.Logf("networks are not cut, as there are no namespaces: %v", err)
		tr.net = nil
	} else {
		tr.Cleanup(tr.net.close)
	}
	for i := range voters + 1 {
		n, err := rig.Add()
		if err != nil {
			tr.Fatal(err)
		}
		if tr.net != nil {
			n.Host, n.Prefix = tr.net.host(i), "ip netns exec "+tr.net.space(i)
			n.Args = []string{"--bind", n.Host, "--raft-bind", n.Host}
		}
	}
	for i, n := range rig.Nodes[:voters] {
		var more []string
		if i > 0 {
			more = []string{"--join", rig.Nodes[0].Addr()}
		}
		if err := n.Start(more...); err != nil {
			tr.Fatal(err)
		}
	}
	if err := rig.AwaitVoters(voters); err != nil {
		tr.Fatal(err)
	}
}

// disturb lets faults happen for the duration, each healed before the next.
func (tr *trial) disturb() (happened []string) {
	choice := slices.DeleteFunc(faults(), func(f fault) bool { return f.net && tr.net == nil || !strings.Contains(f.name, *only) })
	for end := time.Now().Add(*duration); time.Now().Before(end) && !tr.Failed(); {
		tr.some(2 * *interval)
		f := choice[tr.rng.IntN(len(choice))]
		tr.Logf("%7.3f s: %s", tr.now().Seconds(), f.name)
		if err := f.do(tr); err != nil {
			tr.Errorf("%s: %v", f.name, err)
		}
		happened = append(happened, f.name)
	}
	return happened
}

// settle waits until three nodes vote again, and for answers to clients of all nodes.
func (tr *trial) settle() {
	if tr.Failed() {
		return
	}
	if err := tr.removeExtra(); err != nil {
		tr.Error(err)
	}
	if err := tr.rig.AwaitVoters(voters); err != nil {
		tr.Error(err)
	}
	for _, n := range tr.rig.Nodes[:voters] {
		if _, err := n.Do("SET", "settled", n.Name); err != nil {
			tr.Error(err)
		}
	}
}

func summary(happened []string) string {
	counts := map[string]int{}
	for _, name := range happened {
		counts[name]++
	}
	var list []string
	for name, n := range counts {
		list = append(list, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

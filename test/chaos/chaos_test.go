package chaos

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/cluster"
)

var (
	duration  = flag.Duration("duration", 6*time.Second, "how long faults go on")
	roundTime = flag.Duration("round", 4*time.Minute, "after which all comes to rest, and histories are checked")
	interval  = flag.Duration("interval", time.Second, "between the end of a fault and the next, on average")
	seed      = flag.Uint64("seed", 0, "of the choice of faults; 0 takes one from the clock")
	only      = flag.String("only", "", "faults whose names contain one of these, separated by commas")
	work      = flag.String("work", "", "workloads whose names contain one of these, separated by commas")
	program   = flag.String("binary", "", "server to run; built by default")
	folder    = flag.String("folder", "", "in which a folder is made for data, logs, and histories, which stays when something is wrong")
)

const (
	voters   = 3
	startMax = 5 * time.Minute // for what takes a moment: where the run has the least priority, much of it is waiting
)

// trial is one run: a group, its clients, and what they were told.
type trial struct {
	*testing.T
	rig      *cluster.Rig
	dir      string
	net      *network // nil: there are no namespaces
	disks    []*disk  // nil: there are no disks of their own
	clocks   []clock
	lanes    []*lane
	faultMax time.Duration
	began    time.Time

	round   int
	stop    chan struct{} // of the round's clients
	works   []workload
	clients sync.WaitGroup

	kinds, outcomes, faults tally
	undecided               int
}

// workload is something that clients do, and the judge of what they were told.
type workload struct {
	name  string
	each  int                                    // clients on every node
	open  func(tr *trial, h *history, c *client) // before all of them; nil for nothing
	run   func(tr *trial, h *history, c *client) // until the round is over
	final func(tr *trial, h *history, c *client) // when all has come to rest; nil for nothing
	check func(ops []op) []string                // what cannot have happened, in words
}

func workloads() []workload {
	return []workload{counters(), objects(), bank(), queues(), expiry(), leases()}
}

func (tr *trial) now() time.Duration { return time.Since(tr.began) }

// key names a key of this round.
func (tr *trial) key(name string, numbers ...int) string {
	text := "r" + strconv.Itoa(tr.round) + ":" + name
	for _, n := range numbers {
		text += ":" + strconv.Itoa(n)
	}
	return text
}

func (tr *trial) running() bool {
	select {
	case <-tr.stop:
		return false
	default:
		return !tr.Failed()
	}
}

// wait paces clients and faults. A round that is over waits for nothing.
func (tr *trial) wait(pause time.Duration) {
	select {
	case <-time.After(pause):
	case <-tr.stop:
	}
}

func TestChaos(t *testing.T) {
	chosen := *seed
	if chosen == 0 {
		chosen = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", chosen)
	tr := &trial{T: t, stop: make(chan struct{}), faultMax: 2 * time.Second, began: time.Now(),
		kinds: tally{}, outcomes: tally{}, faults: tally{}}
	tr.works = slices.DeleteFunc(workloads(), func(w workload) bool { return !named(w.name, *work) })
	tr.form()
	tr.lanes = tr.newLanes(chosen)
	for end := time.Now().Add(*duration); time.Now().Before(end) && !t.Failed(); tr.round++ {
		tr.oneRound(min(*roundTime, time.Until(end)), chosen)
	}
	verdict := "no violation"
	if t.Failed() {
		verdict = "FAILED; all is kept in " + tr.dir
	}
	t.Logf("seed %d, %s, %d rounds\n%d operations: %s\noutcomes: %s; histories that were not decided: %d\n%d faults: %s\n%s", chosen,
		tr.now().Round(time.Second), tr.round, tr.kinds.total(), tr.kinds, tr.outcomes, tr.undecided, tr.faults.total(), tr.faults, verdict)
}

// named tells whether a name contains one of the words of a list, or the list is empty.
func named(name, list string) bool {
	return list == "" || slices.ContainsFunc(strings.Split(list, ","), func(word string) bool { return strings.Contains(name, word) })
}

// oneRound lets clients work and faults happen, then lets all come to rest and judges.
func (tr *trial) oneRound(length time.Duration, seed uint64) {
	tr.stop = make(chan struct{})
	histories := make([]*history, len(tr.works))
	id := 0
	for i, w := range tr.works {
		h := &history{}
		histories[i] = h
		if w.open != nil {
			tr.calmly(h, w.open)
		}
		for range w.each {
			for _, n := range tr.voters() {
				c := &client{id: id, node: n, rng: rand.New(rand.NewPCG(seed, uint64(tr.round<<16+id)))}
				id++
				tr.clients.Go(func() {
					defer c.close()
					w.run(tr, h, c)
				})
			}
		}
	}
	tr.disturb(length)
	tr.settle()
	close(tr.stop)
	tr.clients.Wait()
	tr.rest(histories)
	tr.judge(histories)
}

// calmly gives a function a client that is not one of the round's.
func (tr *trial) calmly(h *history, ask func(*trial, *history, *client)) {
	c := &client{id: -1, node: tr.rig.Nodes[0]}
	defer c.close()
	ask(tr, h, c)
}

// rest asks the last questions and compares the nodes.
func (tr *trial) rest(histories []*history) {
	if tr.Failed() {
		return
	}
	var all sync.WaitGroup
	for i, w := range tr.works {
		histories[i].add(op{kind: calm, begin: tr.now(), end: tr.now()})
		if w.final != nil {
			all.Go(func() { tr.calmly(histories[i], w.final) })
		}
	}
	all.Wait()
	if err := tr.rig.SameState(); err != nil {
		tr.Error(err)
	}
}

// judge checks what clients were told, counts it, and keeps it if something is wrong.
func (tr *trial) judge(histories []*history) {
	for i, w := range tr.works {
		for _, o := range histories[i].ops {
			if o.kind != calm {
				tr.kinds[o.kind]++
				tr.outcomes[o.result.String()]++
			}
		}
		for _, text := range w.check(histories[i].ops) {
			if strings.HasPrefix(text, undecided) {
				tr.undecided++
				tr.Log(text)
				continue
			}
			tr.Errorf("%s: %s", w.name, clip(text))
		}
	}
	tr.Logf("round %d: %d operations, %v, %d faults so far", tr.round, tr.kinds.total(), tr.outcomes, tr.faults.total())
	if !tr.Failed() {
		return
	}
	for i, w := range tr.works {
		if err := histories[i].keep(tr.dir, w.name); err != nil {
			tr.Error(err)
		}
	}
	for _, n := range tr.rig.Running() {
		tr.Logf("%s ends with\n%s", n.Name, n.Srv.Tail())
	}
}

// clip shortens what would fill the screen; the whole history is in a file.
func clip(text string) string {
	const most = 6000
	if len(text) > most {
		return text[:most] + "\n..."
	}
	return text
}

// form starts three nodes, in namespaces and on disks of their own where there are any, and keeps a place for a fourth.
func (tr *trial) form() {
	tr.Helper()
	tr.makeFolder()
	rig, err := cluster.NewRig(tr.dir, *program, "--write-timeout", "5000", "--protected-mode", "no", "--history-max-age", "60s")
	if err != nil {
		tr.Fatal(err)
	}
	tr.rig = rig
	rig.Patience = startMax
	if tr.net, err = newNetwork(voters + 1); err != nil {
		tr.Logf("networks are not cut, as there are no namespaces: %v", err)
		tr.net = nil
	} else {
		tr.Cleanup(tr.net.close)
	}
	for i := range voters + 1 {
		if err := tr.addPlace(i); err != nil {
			tr.Fatal(err)
		}
	}
	tr.makeDisks()
	tr.Cleanup(rig.Close)
	for i, n := range tr.voters() {
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

// makeFolder makes the place of all files, which stays when something is wrong.
func (tr *trial) makeFolder() {
	err := os.MkdirAll(cmp.Or(*folder, os.TempDir()), 0o755)
	if err == nil {
		tr.dir, err = os.MkdirTemp(*folder, "redoubt-chaos-")
	}
	if err == nil {
		tr.dir, err = filepath.Abs(tr.dir)
	}
	if err != nil {
		tr.Fatal(err)
	}
	tr.Cleanup(func() {
		if !tr.Failed() {
			os.RemoveAll(tr.dir)
		}
	})
}

// addPlace makes the place of a node: its clock, its log, its network.
func (tr *trial) addPlace(i int) error {
	n, err := tr.rig.Add()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(tr.dir, n.Name+".log"))
	if err != nil {
		return err
	}
	tr.Cleanup(func() { log.Close() })
	n.Log = log
	tr.clocks = append(tr.clocks, clock(filepath.Join(tr.dir, n.Name+".clock")))
	n.Prefix = "env REDOUBT_TEST_CLOCK=" + string(tr.clocks[i])
	if tr.net != nil {
		n.Host, n.Prefix = tr.net.host(i), "nsenter --net=/run/netns/"+tr.net.space(i)+" "+n.Prefix
		n.Args = []string{"--bind", n.Host, "--raft-bind", n.Host}
	}
	return nil
}

// makeDisks mounts one for each node.
func (tr *trial) makeDisks() {
	for i, n := range tr.rig.Nodes {
		d, err := newDisk(filepath.Join(tr.dir, n.Name+".disk"), filepath.Join(tr.dir, n.Name+".mount"))
		if err != nil {
			tr.Logf("disks are not disturbed, as there are none of our own: %v", err)
			tr.disks = nil
			return
		}
		tr.Cleanup(d.close)
		tr.disks = append(tr.disks, d)
		n.Dir = filepath.Join(d.dir, "data")
		if err := os.MkdirAll(n.Dir, 0o755); err != nil {
			tr.Fatal(fmt.Errorf("disk of node %d: %w", i, err))
		}
	}
}

// settle waits until three nodes vote again, and for answers to clients of all nodes.
func (tr *trial) settle() {
	if tr.Failed() {
		return
	}
	if err := tr.lanes[0].removeExtra(); err != nil {
		tr.Error(err)
	}
	if err := tr.rig.AwaitVoters(voters); err != nil {
		tr.Error(err)
	}
	for _, n := range tr.voters() {
		if err := tr.until(startMax, func() error { _, err := n.Do("SET", "settled", n.Name); return err }); err != nil {
			tr.Error(err)
		}
	}
}

// until polls, as what processes know of each other has no moment to be waited for.
func (tr *trial) until(most time.Duration, holds func() error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(most); ; <-tick.C {
		err := holds()
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

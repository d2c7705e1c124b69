package powerloss

import (
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/sm"

	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"
)

const (
	clients     = 16
	valuesMax   = 4000 // bytes; some are rows of their own, and rounds fill several memtables
	hashStep    = 1000
	sharedCount = "shared"
)

var (
	rounds    = flag.Int("rounds", 15, "how often the power goes")
	writesMax = flag.Int("writes", 1500, "the power goes after up to this many acknowledged commands")
	seed      = flag.Uint64("seed", 0, "of the random choices; 0 takes one from the clock")
)

// writer is one client: commands numbered from 1, sent one at a time, and how far it was told that they are done.
type writer struct {
	id          int
	sent, acked atomic.Int64
	shared      atomic.Int64 // acknowledged increments of the shared counter
	told        int64        // acked when the power went
}

// command is what a writer sends as its n-th; the same for ever, so that a number says what must be there.
func (w *writer) command(n int64) []string {
	switch {
	case n%8 == 1:
		return []string{"INCR", sharedCount}
	case n%8 == 5 && n > 16:
		return []string{"DEL", w.key(n - 16 - n%2)}
	case n%2 == 1:
		return []string{"INCR", fmt.Sprint("n:", w.id)}
	}
	return []string{"SET", w.key(n), w.value(n)}
}

func (w *writer) key(n int64) string { return fmt.Sprintf("k:%d:%d", w.id, n%200) }

func (w *writer) value(n int64) string {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(w.id)))
	return fmt.Sprint(n, strings.Repeat("x", rng.IntN(1+rng.IntN(valuesMax))))
}

// state is the dumb model: what the writer's keys hold after its first n commands, and its share of the shared counter.
func (w *writer) state(n int64) (keys map[string]string, shared int64) {
	keys = map[string]string{}
	count := 0
	for i := int64(1); i <= n; i++ {
		switch args := w.command(i); {
		case args[0] == "SET":
			keys[args[1]] = args[2]
		case args[0] == "DEL":
			delete(keys, args[1])
		case args[1] == sharedCount:
			shared++
		default:
			count++
			keys[args[1]] = fmt.Sprint(count)
		}
	}
	return keys, shared
}

// run sends until the node has gone.
func (w *writer) run(n *node, acked func()) {
	for {
		next := w.acked.Load() + 1
		w.sent.Store(next)
		reply, err := n.do(w.command(next)...)
		if err != nil || strings.HasPrefix(reply, "-") {
			return
		}
		w.acked.Store(next)
		acked()
	}
}

// trial is the node's lives and what the clients know.
type trial struct {
	*testing.T
	rng      *rand.Rand
	journal  *journal
	writers  []*writer
	revision uint64 // the highest that was acknowledged
}

// TestPowerLoss is the promise on disks that forget.
func TestPowerLoss(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	log.SetOutput(io.Discard) // the log's engine complains that such a disk cannot say how full it is
	tr := &trial{T: t, rng: rand.New(rand.NewPCG(*seed, 1)), journal: &journal{entries: map[uint64][]byte{}}}
	for id := range clients {
		tr.writers = append(tr.writers, &writer{id: id})
	}
	on := newDisks()
	for range *rounds {
		n := open(t, tr.moment(on), tr.journal)
		tr.check(n)
		on = tr.live(n)
		if t.Failed() {
			t.Fatalf("seed %d", *seed)
		}
	}
	n := open(t, newMoment(on, 0, nil), tr.journal)
	tr.check(n)
	tr.compare(n)
	if besides := tr.journal.besides.Load(); besides < int64(*rounds) {
		t.Errorf("%d records were synced beside apply in %d lives", besides, *rounds)
	}
	n.batcher.Close()
	err := n.replica.Close()
	close(n.unsent)
	n.senders.Wait()
	if err != nil {
		t.Error(err)
	}
}

// startsCut is one in how many lives ends before it has begun, and the others are the operations within which a life ends.
const (
	startsCut     = 6
	startSpan     = 300
	anywhereSpan  = 100
	snapshotsSpan = 80 // a flush, the note of the snapshot and the removal of what it makes superfluous take about 40
)

// moment chooses when the next life ends. It notes what clients were told by then.
func (tr *trial) moment(on *disks) *moment {
	m := newMoment(on, tr.rng.Uint64(), func() {
		for _, w := range tr.writers {
			w.told = w.acked.Load()
		}
	})
	if tr.rng.IntN(startsCut) == 0 {
		m.operations.Store(1 + tr.rng.Int64N(startSpan))
	}
	return m
}

// live lets all clients write, until the power goes: at once when enough was acknowledged, or some operations later, or some operations
// after a compaction of the log has begun, of which half of the rounds have many.
func (tr *trial) live(n *node) *disks {
	m := n.moment
	target := int64(1 + tr.rng.IntN(*writesMax))
	var acked atomic.Int64
	reached := make(chan struct{})
	var once sync.Once
	var all sync.WaitGroup
	for _, w := range tr.writers {
		all.Go(func() {
			w.run(n, func() {
				if acked.Add(1) == target {
					once.Do(func() { close(reached) })
				}
			})
		})
	}
	snapshots := tr.rng.IntN(2) == 0
	if snapshots {
		all.Go(func() {
			for n.replica.Snapshot() == nil { // until the node is closed
				if _, err := n.do("INCR", "snapshots"); err != nil {
					return
				}
			}
		})
	}
	tr.await("commands acknowledged", reached, m.gone)
	tr.seen(n)
	switch kind := tr.rng.IntN(3); {
	case kind == 0 && snapshots:
		m.atSync.Store(1 + tr.rng.Int64N(snapshotsSpan))
	case kind <= 1:
		m.operations.Store(1 + tr.rng.Int64N(anywhereSpan))
	default:
		m.cut()
	}
	tr.await("operations", m.gone)
	m.cut()
	n.end()
	all.Wait()
	for _, w := range tr.writers { // what was told behind the cut was told by a dead node
		w.acked.Store(w.told)
	}
	return m.after
}

func (tr *trial) await(what string, either ...chan struct{}) {
	timeout := time.After(patience)
	select {
	case <-either[0]:
	case <-either[len(either)-1]:
	case <-timeout:
		tr.Errorf("not enough %s within %s", what, patience)
	}
}

// seen notes the revision of what was acknowledged, unless by a dead node.
func (tr *trial) seen(n *node) {
	n.RLock()
	revision := n.Space().Store.Revision()
	n.RUnlock()
	if _, err := n.do("INCR", "barrier"); err != nil { // what was applied by now was acknowledged
		return
	}
	select {
	case <-n.moment.gone:
	default:
		tr.revision = max(tr.revision, revision)
	}
}

// check compares what is there with what the clients were told: each one's keys are as after some number of its commands,
// no fewer than were acknowledged and at most one more than that in flight; the shared counter is the sum.
func (tr *trial) check(n *node) {
	tr.Helper()
	n.RLock()
	revision := n.Space().Store.Revision()
	n.RUnlock()
	if revision < tr.revision {
		tr.Errorf("revision %d after %d", revision, tr.revision)
	}
	tr.revision = revision
	var shared int64
	for _, w := range tr.writers {
		found := false
		least, most := w.acked.Load(), w.sent.Load()
		var why string
		for k := least; k <= most && !found; k++ {
			keys, mine := w.state(k)
			if why = tr.differs(n, w, keys); why == "" {
				// Two numbers may explain the same keys when an increment of the shared counter lies between them.
				found = true
				if next := w.command(k + 1); k < most && next[1] == sharedCount {
					w.shared.Store(1)
				} else {
					w.shared.Store(0)
				}
				shared += mine
				w.acked.Store(k)
				w.sent.Store(k)
			}
		}
		if !found {
			tr.Errorf("client %d: no number of commands from %d to %d explains its keys: %s", w.id, least, most, why)
		}
	}
	tr.settleShared(n, shared)
}

// settleShared compares the shared counter and decides which of the increments that nobody was told of happened.
func (tr *trial) settleShared(n *node, shared int64) {
	have := int64(0)
	fmt.Sscan(tr.get(n, sharedCount), &have)
	open := int64(0)
	for _, w := range tr.writers {
		open += w.shared.Load()
	}
	if have < shared || have > shared+open {
		tr.Errorf("the shared counter is %d, want %d to %d", have, shared, shared+open)
	}
	for _, w := range tr.writers { // whose it was does not matter to any key
		if have > shared && w.shared.Load() > 0 {
			w.acked.Add(1)
			w.sent.Store(w.acked.Load())
			shared++
		}
	}
}

func (tr *trial) differs(n *node, w *writer, want map[string]string) string {
	for k := range int64(200) {
		key := w.key(k)
		if got := tr.get(n, key); got != want[key] {
			return fmt.Sprintf("%s = %.20q, want %.20q", key, got, want[key])
		}
	}
	count := fmt.Sprint("n:", w.id)
	if got := tr.get(n, count); got != want[count] {
		return fmt.Sprintf("%s = %q, want %q", count, got, want[count])
	}
	return ""
}

func (tr *trial) get(n *node, key string) string {
	n.RLock()
	defer n.RUnlock()
	view := n.View(0, n.LogTime(), true)
	it, ok := view.Lookup([]byte(key))
	if !ok {
		return ""
	}
	return string(view.Value(it))
}

// compare applies the whole log to a machine that was never interrupted, and compares the two by all their content.
func (tr *trial) compare(n *node) {
	twin := sm.New(sm.Options{Table: command.NewTable(command.Families()...), Store: storeOptions(pebblevfs.NewMem())})
	if _, err := twin.Open("/twin"); err != nil {
		tr.Fatal(err)
	}
	entries := 0
	for i := uint64(1); i <= tr.journal.last; i++ {
		data, ok := tr.journal.entries[i]
		if !ok {
			continue // Raft's own
		}
		entries++
		if err := twin.Apply([]sm.Entry{{Index: i, Data: data}}); err != nil {
			tr.Fatal(err)
		}
	}
	got, want := hash(tr.T, n.Machine), hash(tr.T, twin)
	if got != want {
		tr.Errorf("content and chain are %x, want %x, which is what %d entries give without interruption", got, want, entries)
	}
	tr.Logf("%d entries, content and chain %x", entries, got)
	if err := twin.Close(); err != nil {
		tr.Error(err)
	}
}

func hash(t *testing.T, m *sm.Machine) (both [3]uint64) {
	t.Helper()
	m.RLock()
	defer m.RUnlock()
	store := m.Space().Store
	h, err := store.Hasher(store.Revision())
	for done := false; err == nil && !done; {
		done, err = h.Step(hashStep)
	}
	if err != nil {
		t.Fatal(err)
	}
	return [3]uint64{h.Sum(), store.ChainHash(), store.Revision()}
}

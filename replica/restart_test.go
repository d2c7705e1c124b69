package replica

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lni/vfs"
)

func numbers(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

func proposeAll(t *testing.T, r *Replica, data []string) {
	t.Helper()
	for _, d := range data {
		if err := proposeNow(t, r, d); err != nil {
			t.Fatalf("propose %s: %v", d, err)
		}
	}
}

// awaitLog waits until the machine holds want, and nothing else.
func awaitLog(t *testing.T, r *Replica, m *counting, want []string) {
	t.Helper()
	if err := readNow(t, r); err != nil {
		t.Fatalf("ReadIndex: %v", err)
	}
	if got := m.log(); !slices.Equal(got, want) {
		t.Errorf("machine holds %d entries, want %d:\n%q\n%q", len(got), len(want), got, want)
	}
}

// TestRestart opens the same directory after it was used by another host, at
// another address, as one does who moves a disk or a container.
func TestRestart(t *testing.T) {
	m := newCounting()
	o := testOptions(t, m)
	var id uint64
	var done []string
	for round, host := range []string{"", "one", "two", "ONE", "node-0.example.org"} {
		o.Address = freeAddress(t)
		if round > 0 {
			renameHost(t, o.Dir, host)
		}
		r := mustOpen(t, o)
		if round == 0 {
			id = r.ID()
		} else if r.ID() != id {
			t.Fatalf("round %d: node %d was %d before", round, r.ID(), id)
		}
		more := numbers(10 * (round + 1))[10*round:]
		proposeAll(t, r, more)
		done = append(done, more...)
		awaitLog(t, r, m, done)
		mustClose(t, r)
		if !m.closed {
			t.Errorf("round %d: the machine was not closed", round)
		}
	}
}

// renameHost makes a directory look as if it had been written on another host.
func renameHost(t *testing.T, dir, host string) {
	t.Helper()
	h, err := openHome(vfs.Default, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.adopt(host); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, host)); err != nil || !info.IsDir() {
		t.Fatalf("no directory for host %s: %v", host, err)
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
}

// TestHostNameMatters makes sure that renameHost does what a change of the host's
// name does: dragonboat, left to itself, refuses such a directory.
func TestHostNameMatters(t *testing.T) {
	o := testOptions(t, newCounting())
	r := mustOpen(t, o)
	mustClose(t, r)
	renameHost(t, o.Dir, "elsewhere")
	o.HostName = func() (string, error) { return "elsewhere", nil }
	if r, err := Open(o); err == nil {
		_ = r.Close()
		t.Error("dragonboat opened a directory of another host: adopt is not needed any more")
	} else if !strings.Contains(err.Error(), "hostname changed") {
		t.Errorf("Open = %v, want dragonboat's complaint about the host name", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  error
	}{
		{"identity lost", func(t *testing.T, dir string) { remove(t, dir, identityName) }, ErrDamaged},
		{"identity torn", func(t *testing.T, dir string) { write(t, dir, identityName, "redoubt-node 1\nnode 5") }, ErrDamaged},
		{"identity empty", func(t *testing.T, dir string) { write(t, dir, identityName, "") }, ErrDamaged},
		{"newer format", func(t *testing.T, dir string) { write(t, dir, identityName, "redoubt-node 2\nanything") }, ErrNewer},
		{"flag file torn", func(t *testing.T, dir string) { write(t, dir, flagName, "x") }, ErrDamaged},
		{"log lost", func(t *testing.T, dir string) {
			for _, name := range []string{hostName(t), flagName, "NODEHOST.ID", identityName} {
				remove(t, dir, name)
			}
		}, ErrDamaged},
		{"files of the log lost", func(t *testing.T, dir string) { remove(t, logDir(t, dir), "") }, ErrDamaged},
		{"in use", func(t *testing.T, dir string) {
			h, err := openHome(vfs.Default, dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = h.close() })
		}, ErrInUse},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions(t, newCounting())
			r := mustOpen(t, o)
			proposeAll(t, r, numbers(3))
			mustClose(t, r)
			c.spoil(t, o.Dir)
			r, err := Open(o)
			if err == nil {
				_ = r.Close()
			}
			if !errors.Is(err, c.want) {
				t.Errorf("Open = %v, want %v", err, c.want)
			}
		})
	}
}

func hostName(t *testing.T) string {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return host
}

func remove(t *testing.T, dir, name string) {
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, text string) {
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestMachineThatDoesNotOpen(t *testing.T) {
	o := testOptions(t, &unopenable{counting: newCounting()})
	if r, err := Open(o); err == nil || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("Open = %v, %v, want the machine's error", r, err)
	}
	o.Machine = newCounting()
	mustClose(t, mustOpen(t, o)) // and the directory is free again
}

type unopenable struct{ *counting }

func (*unopenable) Open(string) (uint64, error) { return 0, errors.New("no such luck") }

// TestPowerLoss cuts the power at random: the log's file system forgets what was
// not synced, and the machine all that it has not synced itself. Nothing that was
// acknowledged may be lost, nothing may be applied twice, and the order stays.
func TestPowerLoss(t *testing.T) {
	const rounds = 12
	fs := vfs.NewStrictMem()
	disk := &countingState{}
	chance := rand.New(rand.NewPCG(1, 2))
	var acknowledged []string
	next := 0
	for round := range rounds {
		m := &counting{disk: disk}
		o := testOptions(t, m)
		o.Dir, o.FS = "/raft", fs
		r := mustOpen(t, o)
		if err := readNow(t, r); err != nil {
			t.Fatalf("round %d: ReadIndex: %v", round, err)
		}
		checkKept(t, round, acknowledged, m.log())
		acknowledged = m.log() // what came back may not go away again either
		for range chance.IntN(200) {
			d := fmt.Sprint(next)
			next++
			if proposeNow(t, r, d) == nil {
				acknowledged = append(acknowledged, d)
			}
			if chance.IntN(40) == 0 {
				if err := r.Snapshot(); err != nil {
					t.Fatalf("round %d: Snapshot: %v", round, err)
				}
			}
		}
		fs.SetIgnoreSyncs(true) // from here on nothing reaches the disk
		m.freeze()
		if err := r.Close(); err != nil {
			t.Fatalf("round %d: Close: %v", round, err)
		}
		fs.ResetToSyncedState()
		fs.SetIgnoreSyncs(false)
	}
	if len(acknowledged) < 100 {
		t.Errorf("only %d entries were acknowledged in all", len(acknowledged))
	}
}

func checkKept(t *testing.T, round int, acknowledged, log []string) {
	t.Helper()
	if len(log) < len(acknowledged) || !slices.Equal(log[:len(acknowledged)], acknowledged) {
		t.Fatalf("round %d: machine holds %q, of which %q were acknowledged", round, log, acknowledged)
	}
	for _, extra := range log[len(acknowledged):] {
		if slices.Contains(acknowledged, extra) {
			t.Fatalf("round %d: %s was applied twice", round, extra)
		}
	}
}

// TestPowerLossInFirstStart cuts the power before the directory was ever used.
func TestPowerLossInFirstStart(t *testing.T) {
	for _, complete := range []bool{false, true} {
		fs := vfs.NewStrictMem()
		m := newCounting()
		o := testOptions(t, m)
		o.Dir, o.FS = "/raft", fs
		r := mustOpen(t, o)
		if !complete {
			id := r.id
			id.state = forming
			if err := r.home.save(id); err != nil {
				t.Fatal(err)
			}
		}
		fs.SetIgnoreSyncs(true)
		mustClose(t, r)
		fs.ResetToSyncedState()
		fs.SetIgnoreSyncs(false)
		if !complete {
			f, err := fs.Create("/raft/NODEHOST.ID") // torn
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		again := mustOpen(t, o)
		if again.ID() != r.ID() {
			t.Errorf("complete %t: node %d was %d before", complete, again.ID(), r.ID())
		}
		proposeAll(t, again, numbers(3))
		mustClose(t, again)
	}
}

// TestReadsSeeWrites reads beside writers: a read that starts after a write was
// answered must see it.
func TestReadsSeeWrites(t *testing.T) {
	m := newCounting()
	r := mustOpen(t, testOptions(t, m))
	var written atomic.Int64
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for !stopped(stop) {
			if err := proposeNow(t, r, "x"); err != nil {
				t.Errorf("propose: %v", err)
				return
			}
			written.Add(1)
		}
	})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 500 {
				atLeast := int(written.Load())
				if err := readNow(t, r); err != nil {
					t.Errorf("ReadIndex: %v", err)
					return
				}
				if got := len(m.log()); got < atLeast {
					t.Errorf("a read found %d entries, %d were acknowledged before it", got, atLeast)
					return
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writer.Wait()
}

// TestReadsWaitForALeader asks before there is one.
func TestReadsWaitForALeader(t *testing.T) {
	o := testOptions(t, newCounting())
	o.Tick = 5 * time.Millisecond
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 3 {
		if err := readNow(t, r); err != nil {
			t.Errorf("ReadIndex: %v", err)
		}
	}
	if !r.Leader().Known {
		t.Error("a read was answered without a leader")
	}
}

func TestReadsGiveUp(t *testing.T) {
	o := testOptions(t, newCounting())
	o.Tick = 10 * time.Second // no election within the time of the read
	o.ReadTimeout = 200 * time.Millisecond
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := readNow(t, r); err != ErrNoQuorum {
		t.Errorf("ReadIndex = %v, want %v", err, ErrNoQuorum)
	}
	mustClose(t, r)
}

// TestCloseUnderLoad closes in the middle of everything: all who wait are told,
// once, and soon.
func TestCloseUnderLoad(t *testing.T) {
	p := newPair(t, BatcherOptions[*waiters]{})
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			c := make(chan error, 1)
			for !stopped(stop) {
				_ = p.write(c, []byte("body"))
			}
		})
		clients.Go(func() {
			for !stopped(stop) {
				_ = readNow(t, p.replica)
			}
		})
	}
	for p.batches.Load() < 100 {
		if err := readNow(t, p.replica); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	p.batcher.Load().Close()
	mustClose(t, p.replica)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
	close(stop)
	clients.Wait()
}

func TestDrain(t *testing.T) {
	p := newPair(t, BatcherOptions[*waiters]{})
	c := make(chan error, 100)
	for range cap(c) {
		p.enqueue(c, []byte("body"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.batcher.Load().Drain(ctx); err != nil {
		t.Fatalf("Drain: %v", err)
	}
	if requests, bytes := p.batcher.Load().Backlog(); requests != 0 || bytes != 0 {
		t.Errorf("Backlog after Drain = %d requests of %d bytes", requests, bytes)
	}
	if len(c) != cap(c) {
		t.Errorf("%d of %d requests were answered", len(c), cap(c))
	}
}

// TestCompaction writes more than the log may keep.
func TestCompaction(t *testing.T) {
	m := newCounting()
	o := testOptions(t, m)
	o.CompactBytes, o.KeepBytes = 8<<20, 3<<20
	r := mustOpen(t, o)
	big := strings.Repeat("x", 100<<10)
	for range 400 {
		if err := proposeNow(t, r, big); err != nil {
			t.Fatalf("propose: %v", err)
		}
	}
	if err := r.Snapshot(); err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	if m.flushes < 4 {
		t.Errorf("the machine was flushed %d times, want once per 8 MiB of 40", m.flushes)
	}
	awaitFirst(t, r, 330)
	mustClose(t, r)
	r = mustOpen(t, o)
	if err := readNow(t, r); err != nil {
		t.Fatal(err)
	}
	if got := len(m.log()); got != 400 {
		t.Errorf("after a restart the machine holds %d entries, want 400", got)
	}
}

// awaitFirst waits until the log begins at an index of at least first.
func awaitFirst(t *testing.T, r *Replica, first uint64) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if r.Info().LogFirst >= first {
			return
		}
	}
	t.Fatalf("the log begins at %d, want %d at least", r.Info().LogFirst, first)
}

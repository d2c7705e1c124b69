package crash

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	roundMax     = 20 * time.Second // a round whose target is not reached by then is ended anyway
	readyMax     = 2 * time.Minute
	replyMax     = 30 * time.Second // for one reply; a server that stalls longer fails the test
	pipelineMax  = 16
	readPipeline = 1000 // commands in flight while the state is read back
	faultsShown  = 3    // connections whose faults are printed, of those that have some
)

var (
	rounds      = flag.Int("rounds", 6, "how often the server is killed")
	connections = flag.Int("connections", 50, "clients that write at once")
	writesMax   = flag.Int("writes", 12000, "a round is killed after 1 to this many acknowledged requests")
	seed        = flag.Uint64("seed", 0, "of the random choices; 0 takes one from the clock")
	server      = flag.String("server", "redoubt", "redoubt (built here), redis, or a command line with {port} and {dir}")
)

// trial is one data directory and everything that clients were told about it.
type trial struct {
	*testing.T
	command  string
	port     int
	dir      string
	rng      *rand.Rand
	journals []*journal

	revision  bool          // the server has REVISION
	told      atomic.Uint64 // highest revision that any client was told
	acked     atomic.Int64  // requests acknowledged in this round
	total     int64
	counter   int // the shared counter, after the last recovery
	lastStart time.Duration

	mu      sync.Mutex // guards numbers and faults
	numbers map[int64]bool
	faults  []error
}

// TestKill is the promise of this server: what it acknowledged is there.
func TestKill(t *testing.T) {
	tr := open(t)
	for round := range *rounds {
		target := 1 + tr.rng.Int64N(int64(*writesMax))
		srv := tr.start(round)
		tr.load(srv, target)
		srv = tr.restart()
		tr.recover(srv)
		tr.Logf("round %d: killed after %d acknowledged requests, started again in %s; counter %d, revision %d",
			round+1, tr.acked.Load(), tr.lastStart.Round(time.Millisecond), tr.counter, tr.told.Load())
		tr.total += tr.acked.Swap(0)
		srv.Kill() // at rest: nothing is in flight, and nothing may change
		if t.Failed() {
			t.Fatalf("seed %d, directory %s\n%s", *seed, tr.dir, srv.Tail())
		}
	}
	srv := tr.start(*rounds)
	defer srv.Kill()
	tr.final(srv)
	t.Logf("%d rounds, %d acknowledged requests, none lost", *rounds, tr.total)
}

func open(t *testing.T) *trial {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	command, err := process.Resolve(*server, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "redoubt-crash-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			os.RemoveAll(dir)
		}
	})
	tr := &trial{T: t, command: command, port: port, dir: dir, rng: rand.New(rand.NewPCG(*seed, 1)), numbers: map[int64]bool{}}
	srv := tr.start(0)
	c := tr.dial(srv)
	_, err = c.Do("REVISION")
	tr.revision = err == nil
	if err != nil && !strings.Contains(err.Error(), "unknown command") {
		t.Fatalf("REVISION: %v", err)
	}
	srv.Kill()
	for id := range *connections {
		tr.journals = append(tr.journals, newJournal(id, tr.revision))
	}
	return tr
}

// start starts the server as it was left by the kill before.
func (tr *trial) start(round int) *process.Server {
	began := time.Now()
	srv, err := process.Start(tr.command, tr.port, tr.dir, readyMax)
	if err != nil {
		tr.Fatalf("round %d, seed %d, directory %s: %v", round+1, *seed, tr.dir, err)
	}
	tr.lastStart = time.Since(began)
	return srv
}

// restart starts the server after a kill; one time in three it is killed again on the way up first, at any moment.
func (tr *trial) restart() *process.Server {
	if tr.rng.IntN(3) == 0 {
		srv, err := process.Launch(tr.command, tr.port, tr.dir)
		if err != nil {
			tr.Fatal(err)
		}
		moment := time.AfterFunc(time.Duration(tr.rng.Int64N(int64(tr.lastStart+1))), srv.Kill)
		<-srv.Done()
		moment.Stop()
	}
	return tr.start(-1)
}

func (tr *trial) dial(srv *process.Server) *wire.Conn {
	c, err := wire.Dial(srv.Addr, replyMax)
	if err != nil {
		tr.Fatalf("seed %d: %v\n%s", *seed, err, srv.Tail())
	}
	c.Deadline(time.Now().Add(roundMax + replyMax))
	return c
}

// load writes from all connections until the target is reached, kills the server in the middle of that, and returns when
// every client has noticed.
func (tr *trial) load(srv *process.Server, target int64) {
	reached := make(chan struct{})
	var once sync.Once
	var clients sync.WaitGroup
	for _, j := range tr.journals {
		c := tr.dial(srv)
		depth := 1
		if j.id%2 == 1 {
			depth = 1 + tr.rng.IntN(pipelineMax)
		}
		clients.Go(func() {
			defer c.Close()
			for tr.burst(c, j, depth) {
				if tr.acked.Load() >= target {
					once.Do(func() { close(reached) })
				}
			}
		})
	}
	timeout := time.NewTimer(roundMax)
	select {
	case <-reached:
	case <-srv.Done():
		tr.Errorf("the server ended by itself\n%s", srv.Tail())
	case <-timeout.C:
		tr.Errorf("%d of %d requests acknowledged within %s\n%s", tr.acked.Load(), target, roundMax, srv.Tail())
	}
	timeout.Stop()
	srv.Kill()
	clients.Wait()
	for _, err := range tr.faults {
		tr.Error(err)
	}
}

// burst sends a pipeline of steps and takes their replies. It is false when the connection has ended.
func (tr *trial) burst(c *wire.Conn, j *journal, depth int) bool {
	told := tr.told.Load() // before the requests leave: a reply may not say less
	for range depth {
		j.send(c, j.next())
	}
	if c.Flush() != nil {
		return false
	}
	for range depth {
		s := j.pending[0]
		var replies []wire.Reply
		for range s.replies() {
			r, err := c.Read()
			if err != nil {
				return false
			}
			replies = append(replies, r)
		}
		err := j.acknowledge(replies)
		if err == nil {
			err = tr.note(s, replies[0], told)
		}
		if err != nil {
			tr.mu.Lock()
			tr.faults = append(tr.faults, fmt.Errorf("connection %d: %w", j.id, err))
			tr.mu.Unlock()
			return false
		}
		tr.acked.Add(1)
	}
	return true
}

// note judges what one connection alone cannot: the shared counter and the revision.
func (tr *trial) note(s step, r wire.Reply, told uint64) error {
	if s.shared() {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		if r.Int <= int64(tr.counter) || tr.numbers[r.Int] {
			return fmt.Errorf("INCR of the shared counter = %d for the second time", r.Int)
		}
		tr.numbers[r.Int] = true
	}
	if s.cmds[0][0] == "REVISION" {
		return tr.hear(r, told)
	}
	return nil
}

// hear takes a revision that the server told, which must not be below the one told before the question was asked.
func (tr *trial) hear(r wire.Reply, told uint64) error {
	if r.Kind != ':' || uint64(r.Int) < told {
		return fmt.Errorf("REVISION = %s after %d", r, told)
	}
	for {
		highest := tr.told.Load()
		if uint64(r.Int) <= highest || tr.told.CompareAndSwap(highest, uint64(r.Int)) {
			return nil
		}
	}
}

// recover compares what the server holds after the crash with what the clients were told.
func (tr *trial) recover(srv *process.Server) {
	c := tr.dial(srv)
	defer c.Close()
	if tr.revision {
		r, err := c.Do("REVISION")
		if err == nil {
			err = tr.hear(r, tr.told.Load())
		}
		if err != nil {
			tr.Errorf("after the restart: %v", err)
		}
	}
	var keys []string
	for _, j := range tr.journals {
		for key := range j.touched {
			keys = append(keys, key)
		}
	}
	held := tr.read(c, append(keys, sharedKey))
	least, most, faults := tr.counter, tr.counter, 0
	for _, j := range tr.journals {
		l, m, err := j.recovered(func(key string) (string, bool) { v, ok := held[key]; return v, ok })
		if err != nil {
			if faults++; faults <= faultsShown {
				tr.Error(err)
			}
		}
		least, most = least+l, most+m
	}
	if faults > faultsShown {
		tr.Errorf("and %d connections more", faults-faultsShown)
	}
	have, _ := strconv.Atoi(held[sharedKey])
	if !tr.Failed() && (have < least || have > most) {
		tr.Errorf("shared counter = %d, want %d to %d", have, least, most)
	}
	for n := range tr.numbers {
		if n > int64(have) {
			tr.Errorf("shared counter = %d, but a client was told %d", have, n)
		}
	}
	tr.counter = have
	clear(tr.numbers)
	tr.size(c)
}

// size compares the number of keys: nothing may be there that nobody wrote.
func (tr *trial) size(c *wire.Conn) {
	want := int64(0)
	for _, j := range tr.journals {
		want += int64(len(j.acked))
	}
	if tr.counter > 0 {
		want++
	}
	if r, err := c.Do("DBSIZE"); err != nil || r.Int != want {
		tr.Errorf("DBSIZE = %s, %v, want %d", r, err, want)
	}
}

// final reads every key that was ever written, and the TTLs.
func (tr *trial) final(srv *process.Server) {
	c := tr.dial(srv)
	defer c.Close()
	for _, j := range tr.journals {
		for key := range j.acked {
			j.touched[key] = true
		}
		var keys []string
		for key := range j.touched {
			keys = append(keys, key)
		}
		held := tr.read(c, keys)
		if _, _, err := j.recovered(func(key string) (string, bool) { v, ok := held[key]; return v, ok }); err != nil {
			tr.Error(err)
		}
		for key := range j.acked {
			if !strings.HasPrefix(key, "ttl:") {
				continue
			}
			if r, err := c.Do("PTTL", key); err != nil || r.Int <= 0 || r.Int > expiryMillis {
				tr.Errorf("PTTL %s = %s, %v, want 1 to %d", key, r, err, expiryMillis)
			}
		}
	}
}

// read gets keys in pipelines.
func (tr *trial) read(c *wire.Conn, keys []string) map[string]string {
	held := map[string]string{}
	for len(keys) > 0 {
		n := min(readPipeline, len(keys))
		for _, key := range keys[:n] {
			c.Append("GET", key)
		}
		err := c.Flush()
		for _, key := range keys[:n] {
			r, readErr := c.Read()
			if err = errors.Join(err, readErr, r.Err()); err != nil {
				tr.Fatalf("GET %s: %v", key, err)
			}
			if !r.Nil {
				held[key] = r.Text
			}
		}
		keys = keys[n:]
	}
	return held
}

package bigkeys

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

var (
	measure  = flag.Bool("measure", false, "measure latencies, which wants the machine for itself")
	elements = flag.Int("elements", 30_000, "of each big key")
	limit    = flag.Duration("limit", 5*time.Millisecond, "what the 99th percentile of a neighbour's SETs may take, or three times what it took when all was quiet")
)

const (
	quiet     = "quiet"
	startMax  = 2 * time.Minute
	replyMax  = 5 * time.Minute
	quietTime = 2 * time.Second
	perFill   = 100 // elements of a command that builds
	pipeline  = 16  // such commands
	emptyMax  = 30 * time.Minute

	cleanLooks = 10 // how often there was next to no garbage before it is believed
)

// kinds are the types of keys, each with the command that adds elements to one.
var kinds = []struct{ name, add string }{{"list", "RPUSH"}, {"set", "SADD"}, {"hash", "HSET"}, {"zset", "ZADD"}}

// needsMachine skips a test of latencies unless it was asked for: beside other tests it would measure them.
func needsMachine(t *testing.T) {
	t.Helper()
	if !*measure {
		t.Skip("measures latencies on a machine of its own: make bigkeys")
	}
}

// host is a server and who talks to it.
type host struct {
	t     *testing.T
	srv   *process.Server
	c     *wire.Conn
	reads bool          // the neighbour is measured, not judged
	quiet time.Duration // the neighbour's 99th percentile when nothing else was done
}

func newHost(t *testing.T, more ...string) *host {
	t.Helper()
	dir := t.TempDir()
	program, err := process.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	command := strings.ReplaceAll(process.Redoubt, "{redoubt}", program)
	srv, err := process.Start(command, port, dir, startMax, more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Kill)
	h := &host{t: t, srv: srv}
	h.c = h.dial()
	return h
}

func (h *host) dial() *wire.Conn {
	h.t.Helper()
	c, err := wire.Dial(h.srv.Addr, startMax)
	if err != nil {
		h.t.Fatal(err)
	}
	c.Deadline(time.Now().Add(time.Hour))
	h.t.Cleanup(func() { c.Close() })
	return c
}

func (h *host) do(args ...string) wire.Reply {
	h.t.Helper()
	r, err := h.c.Do(args...)
	if err != nil {
		h.t.Fatalf("%v: %v\n%s", args, err, h.srv.Tail())
	}
	return r
}

// fill builds one big key of each type, with a prefix.
func (h *host) fill(prefix string) {
	h.t.Helper()
	c := h.dial()
	for _, k := range kinds {
		for i := 0; i < *elements; i += perFill * pipeline {
			n := 0
			for ; n < pipeline && i+n*perFill < *elements; n++ {
				c.Append(addition(k.name, k.add, prefix+k.name, i+n*perFill)...)
			}
			if err := c.Flush(); err != nil {
				h.t.Fatal(err)
			}
			for range n {
				if r, err := c.Read(); err != nil || r.Err() != nil {
					h.t.Fatal(r, err)
				}
			}
		}
	}
}

// addition is a command that adds perFill elements to a key, from one on.
func addition(kind, add, key string, from int) []string {
	args := []string{add, key}
	for j := from; j < from+perFill; j++ {
		switch n := strconv.Itoa(j); kind {
		case "hash":
			args = append(args, "f"+n, "v"+n)
		case "zset":
			args = append(args, strconv.Itoa(j%1000), "m"+n)
		default:
			args = append(args, "m"+n)
		}
	}
	return args
}

// beside measures a neighbour's SETs while work is done, and holds them to the limit unless the work is to read: then they
// share the processors with it, and what a read does to the applier is measured in sm.
func (h *host) beside(what string, work func()) {
	h.t.Helper()
	c, took, done := h.dial(), latencies(nil), make(chan struct{})
	var neighbour sync.WaitGroup
	neighbour.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			default:
			}
			began := time.Now()
			if _, err := c.Do("SET", "neighbour:"+strconv.Itoa(n%1000), "value"); err != nil {
				h.t.Errorf("%s: SET: %v", what, err)
				return
			}
			took = append(took, time.Since(began))
		}
	})
	began := time.Now()
	work()
	spent := time.Since(began)
	close(done)
	neighbour.Wait()
	slices.Sort(took)
	p99 := took.at(0.99)
	h.t.Logf("%-28s %9s  %6d SETs  p50 %6d us  p99 %6d us  p99.9 %6d us  max %6d us", what, spent.Round(time.Millisecond), len(took),
		took.at(0.5).Microseconds(), p99.Microseconds(), took.at(0.999).Microseconds(), took.at(1).Microseconds())
	switch {
	case what == quiet:
		h.quiet = max(h.quiet, p99)
	case !h.reads && p99 > max(*limit, 3*h.quiet):
		h.measureQuiet() // others may have begun to use the machine
	}
	if !h.reads && p99 > max(*limit, 3*h.quiet) {
		h.t.Errorf("%s: the neighbour's p99 is %s; at most %s, or three times the quiet %s", what, p99, *limit, h.quiet)
	}
}

// latencies are ascending.
type latencies []time.Duration

func (l latencies) at(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	return l[min(int(q*float64(len(l))), len(l)-1)]
}

// stay runs the step until the neighbour was measured for long enough.
func stay(step func()) func() {
	return func() {
		for end := time.Now().Add(quietTime); time.Now().Before(end); {
			step()
		}
	}
}

func (h *host) measureQuiet() {
	h.t.Helper()
	h.beside(quiet, func() {
		tick := time.NewTimer(quietTime)
		<-tick.C
	})
}

// TestChangesOfBigKeys: whatever ends or moves a big key costs nothing at once, and its memory comes back in steps.
func TestChangesOfBigKeys(t *testing.T) {
	needsMachine(t)
	h := newHost(t, "--history-max-age", "300ms", "--history-max-changes", "1000")
	h.do("SET", "neighbour:0", "value")
	h.measureQuiet()
	h.fill("a:")
	h.fill("b:")
	h.settle("compaction behind the fill")
	h.beside("RENAME", stay(func() {
		for _, k := range kinds {
			h.do("RENAME", "a:"+k.name, "x")
			h.do("RENAME", "x", "a:"+k.name)
		}
	}))
	h.beside("MOVE", stay(func() {
		for _, k := range kinds {
			h.do("MOVE", "a:"+k.name, "1")
			h.do("SELECT", "1")
			h.do("MOVE", "a:"+k.name, "0")
			h.do("SELECT", "0")
		}
	}))
	h.beside("SWAPDB", stay(func() { h.do("SWAPDB", "0", "1") }))
	if h.do("EXISTS", "a:list").Int == 0 {
		h.do("SWAPDB", "0", "1")
	}
	h.settle("compaction behind those")
	h.beside("DEL, UNLINK", func() {
		h.do("DEL", "a:list", "a:hash")
		h.do("UNLINK", "a:set", "a:zset")
		h.emptied()
	})
	h.beside("PEXPIRE", func() {
		for _, k := range kinds {
			h.do("PEXPIRE", "b:"+k.name, "1")
		}
		h.emptied()
	})
	h.fill("c:")
	h.settle("compaction behind the fill")
	h.beside("FLUSHALL", func() {
		h.do("FLUSHALL")
		h.emptied()
	})
}

func (h *host) settle(what string) {
	h.t.Helper()
	h.beside(what, h.emptied)
}

// emptied returns when all that is history by now is compacted, and nothing is left of it.
func (h *host) emptied() {
	h.t.Helper()
	c := h.dial()
	target, err := c.Do("REVISION")
	if err != nil {
		h.t.Error(err)
		return
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	clean := 0
	for end := time.Now().Add(emptyMax); time.Now().Before(end); <-tick.C {
		info, err := c.Do("INFO", "everything")
		if err != nil {
			h.t.Error(err)
			return
		}
		if field(info.Text, "revision_compacted") <= target.Int || field(info.Text, "revision_garbage") >= int64(*elements)/10 {
			clean = 0
		} else if clean++; clean == cleanLooks {
			return
		}
	}
	h.t.Errorf("garbage is left after %s", emptyMax)
}

func field(info, name string) int64 {
	for line := range strings.Lines(info) {
		if n, ok := strings.CutPrefix(line, name+":"); ok {
			v, _ := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
			return v
		}
	}
	return -1
}

// TestReadsOfBigKeys: a reply of a million elements is made while others write.
func TestReadsOfBigKeys(t *testing.T) {
	needsMachine(t)
	h := newHost(t, "--compaction", "off")
	h.reads = true
	h.do("SET", "neighbour:0", "value")
	h.measureQuiet()
	h.fill("a:")
	was := strconv.FormatInt(h.do("REVISION").Int, 10)
	n := *elements
	for _, read := range []struct {
		command string
		values  int
	}{
		{"LRANGE a:list 0 -1", n}, {"SMEMBERS a:set", n}, {"HGETALL a:hash", 2 * n}, {"HKEYS a:hash", n}, {"ZRANGE a:zset 0 -1", n},
		{"ZRANGE a:zset -inf inf BYSCORE WITHSCORES", 2 * n}, {"SORT_RO a:set ALPHA", n}, {"SORT_RO a:list BY w_* GET # LIMIT 0 1000", 1000},
		{"SUNION a:set a:hash2", n}, {"SINTERCARD 2 a:set a:set", 0}, {"ZDIFF 2 a:zset none WITHSCORES", 2 * n}, {"DUMP a:list", 0},
		{"LPOS a:list nothing", 0},
	} {
		h.read(read.command, read.values, strings.Fields(read.command)...)
	}
	for _, change := range []string{"LPOP a:list", "SPOP a:set", "HDEL a:hash f1", "ZPOPMIN a:zset"} {
		h.do(strings.Fields(change)...)
	}
	for _, command := range []string{"LRANGE a:list 0 -1", "SMEMBERS a:set", "HGETALL a:hash", "ZRANGE a:zset 0 -1"} {
		values := n
		if command[0] == 'H' {
			values *= 2
		}
		h.read("AT "+command, values, append([]string{"AT", was}, strings.Fields(command)...)...)
	}
}

// read runs a command and counts the values of its reply, whose bytes it then reads again and again: to take them apart costs
// more than to make them, and would be measured with it.
func (h *host) read(what string, values int, args ...string) {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.srv.Addr)
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	counted := &counter{Conn: conn}
	c := wire.New(counted)
	r, err := c.Do(args...)
	if err != nil {
		h.t.Fatalf("%v: %v\n%s", args, err, h.srv.Tail())
	}
	if values != 0 && len(r.Elems) != values {
		h.t.Errorf("%v has %d values, want %d", args, len(r.Elems), values)
	}
	reads, size := 0, counted.n
	h.beside(what, func() {
		for end := time.Now().Add(quietTime); time.Now().Before(end); reads++ {
			c.Append(args...)
			began := time.Now()
			if err := c.Flush(); err != nil {
				h.t.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, conn, size); err != nil {
				h.t.Fatal(err)
			}
			rest := time.NewTimer(time.Since(began)) // half of the time a client reads, half of it none does
			<-rest.C
		}
	})
	h.t.Logf("%28s %d reads of %d bytes", "", reads, size)
}

// counter counts what is read.
type counter struct {
	net.Conn
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.n += int64(n)
	return n, err
}

// TestStartWithBigKeys tells how long a start takes with big keys, after a clean end and after a kill.
func TestStartWithBigKeys(t *testing.T) {
	dir := t.TempDir()
	program, err := process.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	command, data := strings.ReplaceAll(process.Redoubt, "{redoubt}", program), dir+"/data"
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	begin := func(what string) *host {
		began := time.Now()
		srv, err := process.Start(command, port, data, startMax)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(srv.Kill)
		t.Logf("%-28s ready after %s", what, time.Since(began).Round(time.Millisecond))
		h := &host{t: t, srv: srv}
		h.c = h.dial()
		return h
	}
	h := begin("empty")
	h.fill("a:")
	check := func() {
		t.Helper()
		for key, ask := range map[string]string{"a:list": "LLEN", "a:set": "SCARD", "a:hash": "HLEN", "a:zset": "ZCARD"} {
			if got := h.do(ask, key); got.Int != int64(*elements) {
				t.Errorf("%s %s = %v, want %d", ask, key, got, *elements)
			}
		}
	}
	check()
	h.srv.Kill()
	h = begin(fmt.Sprintf("4 keys of %d, after kill -9", *elements))
	check()
	if err := h.srv.Stop(startMax); err != nil {
		t.Fatal(err)
	}
	h = begin("after a clean end")
	check()
}

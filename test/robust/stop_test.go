package robust

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const writers = 50

// load writes numbered keys and counts on many connections until the server hangs up. acked tells how far each came.
type load struct {
	acked [writers]atomic.Int64
	total atomic.Int64
	all   sync.WaitGroup
}

// begin returns when the first thousand writes are acknowledged.
func (l *load) begin(t *testing.T, addr string) {
	reached := make(chan struct{})
	for id := range writers {
		c, err := wire.Dial(addr, replyMax)
		if err != nil {
			t.Fatal(err)
		}
		c.Deadline(time.Now().Add(startMax))
		l.all.Go(func() {
			defer c.Close()
			for l.burst(t, c, id, 1+id%8) {
				if n := l.total.Load(); n >= 1000 && n < 1000+writers*8 {
					select {
					case <-reached:
					default:
						l.once(reached)
					}
				}
			}
		})
	}
	select {
	case <-reached:
	case <-time.After(startMax):
		t.Fatal("no thousand writes in a minute")
	}
}

func (l *load) once(c chan struct{}) {
	defer func() { _ = recover() }() // another was faster
	close(c)
}

func (l *load) burst(t *testing.T, c *wire.Conn, id, depth int) bool {
	n := l.acked[id].Load()
	for i := range int64(depth) {
		c.Append("SET", fmt.Sprintf("k:%d:%d", id, n+i+1), fmt.Sprint(n+i+1))
		c.Append("INCR", fmt.Sprint("n:", id))
	}
	if c.Flush() != nil {
		return false
	}
	for range depth {
		for range 2 {
			r, err := c.Read()
			if err != nil {
				return false
			}
			if r.Err() != nil {
				t.Errorf("while the server was ending: %s", r)
				return false
			}
		}
		l.acked[id].Add(1)
		l.total.Add(1)
	}
	return true
}

// check looks for everything acknowledged, and for nothing that was counted twice.
func (l *load) check(c *client) {
	for id := range writers {
		n := l.acked[id].Load()
		r, err := c.Do("GET", fmt.Sprint("n:", id))
		var count int64
		fmt.Sscan(r.Text, &count)
		if err != nil || count < n || count > n+8 {
			c.t.Errorf("connection %d: counter = %s, %v, acknowledged %d", id, r, err, n)
		}
		for k := int64(1); k <= n; k++ {
			c.Append("GET", fmt.Sprintf("k:%d:%d", id, k))
		}
		if err := c.Flush(); err != nil {
			c.t.Fatal(err)
		}
		for k := int64(1); k <= n; k++ {
			if r, err := c.Read(); err != nil || r.Text != fmt.Sprint(k) {
				c.t.Fatalf("connection %d: key %d = %s, %v", id, k, r, err)
			}
		}
	}
}

// TestStopUnderLoad: a signal ends the server within two seconds with exit code 0, whatever clients do, and loses nothing.
func TestStopUnderLoad(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		dir := t.TempDir()
		srv := start(t, dir)
		var l load
		l.begin(t, srv.Addr)
		began := time.Now()
		syscall.Kill(srv.Pid, sig)
		select {
		case <-srv.Done():
		case <-time.After(replyMax):
			t.Fatalf("%s: still there", sig)
		}
		took := time.Since(began)
		if err := srv.Stop(stopMax); err != nil || took > stopMax {
			t.Errorf("%s under load: %v after %s\n%s", sig, err, took, srv.Tail())
		}
		l.all.Wait()
		t.Logf("%s: ended after %s, %d writes acknowledged", sig, took, l.total.Load())
		l.check(dial(t, start(t, dir).Addr))
	}
}

// TestSecondSignal: who asks twice does not wait.
func TestSecondSignal(t *testing.T) {
	dir := t.TempDir()
	srv := start(t, dir)
	var l load
	l.begin(t, srv.Addr)
	syscall.Kill(srv.Pid, syscall.SIGTERM)
	syscall.Kill(srv.Pid, syscall.SIGINT)
	select {
	case <-srv.Done():
	case <-time.After(stopMax):
		t.Errorf("still there %s after the second signal", stopMax)
		srv.Kill()
	}
	l.all.Wait()
	l.check(dial(t, start(t, dir).Addr))
}

// TestHangup: a terminal that is closed does not end the server, as it does not end Redis.
func TestHangup(t *testing.T) {
	srv := start(t, "")
	c := dial(t, srv.Addr)
	syscall.Kill(srv.Pid, syscall.SIGHUP)
	syscall.Kill(srv.Pid, syscall.SIGPIPE)
	for range 10 {
		c.want("PONG", "PING")
		c.want("OK", "SET", "a", "1")
	}
	if err := srv.Stop(stopMax); err != nil {
		t.Error(err)
	}
}

// TestShutdownCommand is SIGTERM by a client's word.
func TestShutdownCommand(t *testing.T) {
	dir := t.TempDir()
	srv := start(t, dir)
	c := dial(t, srv.Addr)
	c.want("OK", "SET", "a", "1")
	c.Append("SHUTDOWN")
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Read(); err == nil {
		t.Errorf("SHUTDOWN = %s, Redis answers nothing", r)
	}
	select {
	case <-srv.Done():
	case <-time.After(stopMax):
		t.Errorf("still there %s after SHUTDOWN", stopMax)
	}
	if err := srv.Stop(stopMax); err != nil {
		t.Errorf("SHUTDOWN ended with %v", err)
	}
	dial(t, start(t, dir).Addr).want(`"1"`, "GET", "a")
}

// TestReadyIsTrue: with the line in the log the first SET succeeds, on a new directory and on one that a kill left.
func TestReadyIsTrue(t *testing.T) {
	dir := t.TempDir()
	for i := range 5 {
		srv := start(t, dir)
		c := dial(t, srv.Addr)
		c.want("OK", "SET", fmt.Sprint("k", i), "1")
		c.want(fmt.Sprintf("(integer) %d", i+1), "DBSIZE")
		srv.Kill()
	}
}

// refused starts the server, which must not become ready, and returns what it said. A stack trace is no answer.
func refused(t *testing.T, dir string, more ...string) string {
	t.Helper()
	srv, err := process.Launch(command(), freePort(t), dir, more...)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Kill()
	err = srv.WaitReady(startMax)
	if !errors.Is(err, process.ErrNotReady) {
		t.Fatalf("the server started: %v\n%s", err, srv.Tail())
	}
	said := srv.Tail()
	if strings.Contains(said, "goroutine ") || strings.Contains(said, "panic") {
		t.Errorf("a stack trace:\n%s", said)
	}
	if !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("ended with %.200v, want exit status 1", err)
	}
	return said
}

// lastLine of a log.
func lastLine(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return lines[len(lines)-1]
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

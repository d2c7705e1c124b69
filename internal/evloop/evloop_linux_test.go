package evloop

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// echo is a loop's user: what each connection sends it is sent back. Others post to it.
type echo struct {
	loop     *Loop
	mu       sync.Mutex
	posted   []func()
	brackets int
	inside   bool
	sleeps   int
	open     atomic.Int32
}

type echoConn struct {
	e     *echo
	c     *Conn
	taken atomic.Int32
	ended chan error
}

func (e *echo) Begin() {
	if e.inside {
		panic("Begin inside of a bracket")
	}
	e.inside = true
}

func (e *echo) End()         { e.inside = false; e.brackets++ }
func (e *echo) Parks() bool  { e.sleeps++; return e.sleeps%3 > 0 }
func (e *echo) Posted() bool { e.mu.Lock(); defer e.mu.Unlock(); return len(e.posted) > 0 }
func (e *echo) Idle() bool {
	e.mu.Lock()
	todo := e.posted
	e.posted = nil
	e.mu.Unlock()
	for _, fn := range todo {
		fn()
	}
	return len(todo) > 0
}

func (e *echo) post(fn func()) {
	e.mu.Lock()
	e.posted = append(e.posted, fn)
	e.mu.Unlock()
	e.loop.Wake()
}

func (c *echoConn) Received(b []byte) { c.c.Write(b) }
func (c *echoConn) Taken()            { c.taken.Add(1) }
func (c *echoConn) Ended(err error) {
	if err == nil && c.c.Buffered() > 0 { // the other side may still want what waits
		return
	}
	c.ended <- err
	c.e.open.Add(-1)
	c.c.Close()
}

// start serves addr's network on a loop until the test ends.
func start(t *testing.T, network, addr string) (*echo, net.Listener, chan *echoConn) {
	t.Helper()
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	e, made := &echo{loop: l}, make(chan *echoConn, 1000)
	raw, err := ln.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		err = l.Listen(int(fd), func(fd int) {
			c, err := l.Add(fd)
			if err != nil {
				t.Error(err)
				return
			}
			own := &echoConn{e: e, c: c, ended: make(chan error, 1)}
			c.Owner = own
			e.open.Add(1)
			made <- own
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { l.Run(e); close(done) }()
	t.Cleanup(func() {
		l.Stop()
		<-done
		ln.Close()
	})
	return e, ln, made
}

func dial(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func TestManyClients(t *testing.T) {
	_, ln, _ := start(t, "tcp", "127.0.0.1:0")
	var group sync.WaitGroup
	for i := range 50 {
		c := dial(t, ln)
		group.Go(func() {
			want, got := bytes.Repeat([]byte{byte(i)}, 1+i*37), make([]byte, 1+i*37)
			for range 200 {
				if _, err := c.Write(want); err != nil {
					t.Error(err)
					return
				}
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
					t.Errorf("client %d: %v", i, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// TestSlowReader: what a client does not take is kept, all of it arrives, in order, and the owner hears of it.
func TestSlowReader(t *testing.T) {
	_, ln, made := start(t, "tcp", "127.0.0.1:0")
	c := dial(t, ln)
	own := <-made
	want := make([]byte, 24<<20)
	for i := range want {
		want[i] = byte(i * 7 >> 3)
	}
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(want)
		sent <- err
	}()
	if err := <-sent; err != nil { // before anything is read: the loop goes on reading and keeps it
		t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite() // what is kept is sent all the same
	got, err := io.ReadAll(io.LimitReader(c, int64(len(want))))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes of %d, %v", len(got), len(want), err)
	}
	if own.taken.Load() == 0 {
		t.Error("the owner was not told that something was taken")
	}
}

func TestEnds(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		addr := "127.0.0.1:0"
		if network == "unix" {
			addr = t.TempDir() + "/Socket"
		}
		_, ln, made := start(t, network, addr)
		half := dial(t, ln)
		own := <-made
		half.(interface{ CloseWrite() error }).CloseWrite()
		if err := <-own.ended; err != nil {
			t.Errorf("%s: a client that stopped sending: %v", network, err)
		}
		if network == "unix" {
			continue
		}
		gone := dial(t, ln)
		own = <-made
		gone.(*net.TCPConn).SetLinger(0)
		gone.Close()
		if err := <-own.ended; !errors.Is(err, unix.ECONNRESET) {
			t.Errorf("%s: a client that is gone: %v", network, err)
		}
	}
}

// TestWake: whatever is posted, from however many goroutines, is done without anything else happening.
func TestWake(t *testing.T) {
	e, _, _ := start(t, "tcp", "127.0.0.1:0")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 2000 {
				done := make(chan struct{})
				e.post(func() { close(done) })
				select {
				case <-done:
				case <-time.After(20 * time.Second):
					t.Error("posted, and never done")
					return
				}
			}
		})
	}
	group.Wait()
}

// TestDescriptorsAreReused: an event of a connection that was closed in the same look is not taken for one of its successor.
func TestDescriptorsAreReused(t *testing.T) {
	e, ln, made := start(t, "tcp", "127.0.0.1:0")
	for range 200 {
		a, b := dial(t, ln), dial(t, ln)
		first, second := <-made, <-made
		looked := make(chan struct{})
		e.post(func() {
			a.Write([]byte("x"))
			b.Write([]byte("x"))
			first.c.Close()
			second.c.Close()
			close(looked)
		})
		<-looked
		c := dial(t, ln)
		<-made
		c.Write([]byte("y"))
		var got [1]byte
		if _, err := io.ReadFull(c, got[:]); err != nil || got[0] != 'y' {
			t.Fatalf("%q, %v", got, err)
		}
		a.Close()
		b.Close()
		c.Close()
	}
}

// TestNoDescriptors: a client there is no descriptor for is turned away at once, and the loop does not spin.
func TestNoDescriptors(t *testing.T) {
	e, ln, made := start(t, "tcp", "127.0.0.1:0")
	first := dial(t, ln)
	<-made
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(client)
	lowest, err := unix.Dup(client) // what is free from here on is not to be had
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(lowest)
	less := was
	less.Cur = uint64(lowest)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &less); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &was)
	to := ln.Addr().(*net.TCPAddr)
	if err := unix.Connect(client, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}); err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if n, err := unix.Read(client, b[:]); n > 0 || err == nil && n != 0 {
		t.Errorf("read %d, %v from a connection that should have been closed", n, err)
	}
	first.Write([]byte("z"))
	if _, err := io.ReadFull(first, b[:]); err != nil || b[0] != 'z' {
		t.Errorf("a client served before: %q, %v", b, err)
	}
	if n := e.open.Load(); n != 1 {
		t.Errorf("%d connections open, want 1", n)
	}
}

package robust

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	startMax = time.Minute
	stopMax  = 2 * time.Second // what SIGTERM is promised to take
	replyMax = 20 * time.Second
)

// binary is the server under test, built once for all tests of this package.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "redoubt-robust-")
	if err == nil {
		defer os.RemoveAll(dir)
		binary, err = process.Build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func command() string { return binary + " --port {port} --dir {dir}" }

func freePort(t *testing.T) int {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// start starts a server in a directory of its own, or in dir.
func start(t *testing.T, dir string, more ...string) *process.Server {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	srv, err := process.Start(command(), freePort(t), dir, startMax, more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		srv.Kill()
		if t.Failed() {
			t.Logf("last lines of the server's log:\n%s", srv.Tail())
		}
	})
	return srv
}

// client is one connection of a test, which fails the test when the connection does.
type client struct {
	*wire.Conn
	t *testing.T
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	c, err := wire.Dial(addr, replyMax)
	if err != nil {
		t.Fatal(err)
	}
	c.Deadline(time.Now().Add(startMax))
	t.Cleanup(func() { c.Close() })
	return &client{c, t}
}

// want runs a command whose reply must print as given.
func (c *client) want(reply string, args ...string) {
	c.t.Helper()
	c.Append(args...)
	err := c.Flush()
	var r wire.Reply
	if err == nil {
		r, err = c.Read()
	}
	if err != nil {
		c.t.Fatalf("%v: %v", args, err)
	}
	if r.String() != reply {
		c.t.Errorf("%v = %s, want %s", args, r, reply)
	}
}

// raw is a connection on which a test sends whatever it likes.
func raw(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, replyMax)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(replyMax))
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// send writes bytes; what a server that hung up did not take is no fault of the test's.
func send(c net.Conn, text string) { io.WriteString(c, text) }

// rest reads until the server closes the connection.
func rest(t *testing.T, c net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(c)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection was not closed after %.80q: %v", b, err)
	}
	return string(b)
}

// line reads up to a line end.
func line(t *testing.T, c net.Conn) string {
	t.Helper()
	s, err := bufio.NewReaderSize(c, 16).ReadString('\n')
	if err != nil {
		t.Fatalf("no reply: %v", err)
	}
	return s
}

// until asks every few milliseconds until the answer is yes.
func until(t *testing.T, what string, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(replyMax); time.Now().Before(end); <-tick.C {
		if yes() {
			return
		}
	}
	t.Fatalf("never came: %s", what)
}

// bulk is a command as clients send it.
func bulk(args ...string) string { return string(wire.AppendCommand(nil, args...)) }

// descriptors counts the process's open files.
func descriptors(t *testing.T, srv *process.Server) int {
	t.Helper()
	names, err := os.ReadDir("/proc/" + strconv.Itoa(srv.Pid) + "/fd")
	if err != nil {
		t.Skipf("no /proc: %v", err)
	}
	return len(names)
}

// neighbour pings on a connection of its own while others misbehave. stop returns the longest a reply took.
func neighbour(t *testing.T, addr string) (stop func() time.Duration) {
	t.Helper()
	c := dial(t, addr)
	quit, done := make(chan struct{}), make(chan time.Duration)
	go func() {
		var worst time.Duration
		for {
			select {
			case <-quit:
				done <- worst
				return
			default:
			}
			began := time.Now()
			if r, err := c.Do("PING"); err != nil || r.Text != "PONG" {
				t.Errorf("a neighbour's PING = %s, %v", r, err)
				<-quit
				done <- worst
				return
			}
			worst = max(worst, time.Since(began))
		}
	}()
	return func() time.Duration {
		close(quit)
		return <-done
	}
}

package server

import (
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/internal/corpus"
	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

// node is a server in this process, on a directory of its own.
type testNode struct {
	*Server
	addr string
}

// startNode starts a server with options as on its command line; a file may be the first.
func startNode(t *testing.T, options ...string) *testNode {
	t.Helper()
	return startNodeLogging(t, io.Discard, options...)
}

func startNodeLogging(t *testing.T, log io.Writer, options ...string) *testNode {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	var args []string
	if len(options) > 0 && !strings.HasPrefix(options[0], "--") {
		args, options = options[:1:1], options[1:]
	}
	args = append(args, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--enable-debug-command", "yes")
	args = append(args, options...)
	set, _, err := conf.Load(args, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := Open(Options{Conf: set, Log: slog.New(slog.NewTextHandler(log, nil)), Version: "test", Fatal: func(reason string) { t.Error(reason) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return &testNode{srv, net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
}

// dial is a connection that prints replies as redis-cli does.
func (n *testNode) dial(t *testing.T) *testClient {
	t.Helper()
	c, err := corpus.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &testClient{t, c}
}

type testClient struct {
	t *testing.T
	corpus.Executor
}

// do sends a line, quoted as for redis-cli.
func (c *testClient) do(line string) string {
	c.t.Helper()
	args, err := conf.SplitArgs(line)
	if err != nil {
		c.t.Fatal(err)
	}
	got, err := c.Do(args)
	if err != nil {
		c.t.Fatalf("%s: %v", line, err)
	}
	return got
}

// want fails unless the reply is as expected.
func (c *testClient) want(line, want string) {
	c.t.Helper()
	if got := c.do(line); got != want {
		c.t.Errorf("%s = %s, want %s", line, got, want)
	}
}

// contains fails unless every part is in the reply.
func (c *testClient) contains(line string, parts ...string) {
	c.t.Helper()
	got := strings.ReplaceAll(c.do(line), `\r\n`, "\r\n")
	for _, p := range parts {
		if !strings.Contains(got, p) {
			c.t.Errorf("%s = %s, want %q in it", line, got, p)
		}
	}
}

// wireClient sends without waiting for replies.
type wireClient struct {
	t *testing.T
	*wire.Conn
}

func (n *testNode) wire(t *testing.T) *wireClient {
	t.Helper()
	c, err := wire.Dial(n.addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.Deadline(time.Now().Add(20 * time.Second))
	return &wireClient{t, c}
}

func (c *wireClient) send(args ...string) {
	c.t.Helper()
	c.Append(args...)
	if err := c.Flush(); err != nil {
		c.t.Fatal(err)
	}
}

// want reads one reply, printed as its kind and its text.
func (c *wireClient) want(want string) {
	c.t.Helper()
	r, err := c.Read()
	if err != nil {
		c.t.Fatal(err)
	}
	if got := string(r.Kind) + " " + r.Text; got != want {
		c.t.Errorf("reply %s, want %s", got, want)
	}
}

// field is a number of INFO.
func (c *testClient) field(section, name string) int64 {
	c.t.Helper()
	_, rest, found := strings.Cut(c.do("INFO "+section), `\r\n`+name+":")
	value, _, _ := strings.Cut(rest, `\r\n`)
	n, err := strconv.ParseInt(value, 10, 64)
	if !found || err != nil {
		c.t.Fatalf("INFO %s has no number %s: %v", section, name, err)
	}
	return n
}

package smoke

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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
	replyMax = 10 * time.Second

	defaultPort = 6379
	raftPort    = 16379
)

// program is the path of the server, built once for all tests of this package.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "redoubt-smoke-")
		if err == nil {
			defer os.RemoveAll(dir)
			program, err = process.Build(dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func start(t *testing.T, command string, port int, dir string, more ...string) *process.Server {
	t.Helper()
	srv, err := process.Start(command, port, dir, startMax, more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Kill)
	return srv
}

// ask runs one command and returns the reply as redis-cli prints it into a pipe.
func ask(t *testing.T, port int, args ...string) string {
	t.Helper()
	if cli, err := exec.LookPath("redis-cli"); err == nil {
		out, err := exec.Command(cli, append([]string{"-p", strconv.Itoa(port)}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("redis-cli %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	c, err := wire.Dial("127.0.0.1:"+strconv.Itoa(port), replyMax)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Deadline(time.Now().Add(replyMax))
	r, err := c.Do(args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	if r.Kind == ':' {
		return strconv.FormatInt(r.Int, 10)
	}
	return r.Text
}

func expect(t *testing.T, port int, want string, args ...string) {
	t.Helper()
	if got := ask(t, port, args...); got != want {
		t.Errorf("%v = %q, want %q", args, got, want)
	}
}

// TestNoFlags is the reader's first minute: no flag at all, port 6379, ./redoubt-data.
func TestNoFlags(t *testing.T) {
	for _, port := range []int{defaultPort, raftPort} {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			t.Skipf("port %d is taken on this machine", port)
		}
		l.Close()
	}
	command, dir := program, t.TempDir()
	srv := start(t, command, defaultPort, dir)
	expect(t, defaultPort, "OK", "SET", "greeting", "hello")
	expect(t, defaultPort, "hello", "GET", "greeting")
	if _, err := os.Stat(filepath.Join(dir, "redoubt-data")); err != nil {
		t.Error(err)
	}
	srv.Kill()
	start(t, command, defaultPort, dir)
	expect(t, defaultPort, "hello", "GET", "greeting")
}

func TestStopIsClean(t *testing.T) {
	command, dir, port := program+" --port {port} --dir {dir}", t.TempDir(), freePort(t)
	srv := start(t, command, port, dir)
	expect(t, port, "1", "INCR", "n")
	if err := srv.Stop(stopMax); err != nil {
		t.Errorf("SIGTERM: %v, want exit code 0 within %s", err, stopMax)
	}
	start(t, command, port, dir)
	expect(t, port, "2", "INCR", "n")
}

// TestAnotherAddress moves a directory between ports: nothing in it may depend on where the node listened.
func TestAnotherAddress(t *testing.T) {
	command, dir := program+" --port {port} --dir {dir}", t.TempDir()
	for n := 1; n <= 3; n++ {
		port := freePort(t)
		srv := start(t, command, port, dir)
		expect(t, port, strconv.Itoa(n), "INCR", "starts")
		srv.Kill()
	}
}

// TestRefusals: a start that cannot be right ends with a sentence that says why.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	command := program + " --port {port} --dir {dir}"
	start(t, command, freePort(t), dir)
	file := filepath.Join(t.TempDir(), "redis.conf")
	if err := os.WriteFile(file, []byte("# a comment\nmaxclients 100\nno-such-directive yes\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, command, want string }{
		{"directory in use", command, "in use"},
		{"unknown directive in a file", program + " " + file, "line 3"},
		{"unknown directive", program + " --no-such-directive yes", "no-such-directive"},
		{"wrong value", program + " --port many", "port"},
	} {
		srv, err := process.Launch(c.command, freePort(t), dir)
		if err != nil {
			t.Fatal(err)
		}
		err = srv.WaitReady(startMax)
		srv.Kill()
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), c.want) {
			t.Errorf("%s: %v, want a refusal that says %q", c.name, err, c.want)
		}
	}
}

// TestUnixSocket reaches the server without a port.
func TestUnixSocket(t *testing.T) {
	cli, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Skip("redis-cli is not installed")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	start(t, program+" --port {port} --dir {dir}", freePort(t), dir, "--unixsocket", socket)
	out, err := exec.Command(cli, "-s", socket, "SET", "a", "b").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "OK" {
		t.Errorf("SET over the socket: %v, %s", err, out)
	}
}

// TestPassword compares both servers' words where they are asked for one.
func TestPassword(t *testing.T) {
	dir, port := t.TempDir(), freePort(t)
	start(t, program+" --port {port} --dir {dir}", port, dir, "--requirepass", "secret")
	c, err := wire.Dial(fmt.Sprintf("127.0.0.1:%d", port), replyMax)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Deadline(time.Now().Add(replyMax))
	for _, x := range []struct {
		args []string
		want string
	}{
		{[]string{"GET", "a"}, "(error) NOAUTH Authentication required."},
		{[]string{"AUTH", "wrong"}, "(error) WRONGPASS invalid username-password pair or user is disabled."},
		{[]string{"AUTH", "secret"}, "OK"},
		{[]string{"GET", "a"}, "(nil)"},
	} {
		if r, _ := c.Do(x.args...); r.String() != x.want {
			t.Errorf("%v = %s, want %s", x.args, r, x.want)
		}
	}
}

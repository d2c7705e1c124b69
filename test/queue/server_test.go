package queue

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	readyLine = "Ready to accept connections"
	readyMax  = time.Minute
)

// server is the process under test. Its port and directory outlive it, so that it can come back.
type server struct {
	command string
	dir     string
	port    int
	cmd     *exec.Cmd
	log     *strings.Builder // complete once cmd.Wait has returned
}

// start builds the server, unless REDOUBT_SERVER is a command line with {port} and {dir}, and starts it in a fresh directory.
func start(t *testing.T) *server {
	t.Helper()
	s := &server{command: os.Getenv("REDOUBT_SERVER"), dir: t.TempDir(), port: freePort(t)}
	if s.command == "" {
		binary := filepath.Join(t.TempDir(), "redoubt")
		if out, err := exec.Command("go", "build", "-C", "../..", "-o", binary, "./cmd/redoubt").CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
		s.command = binary + " --port {port} --dir {dir}"
	}
	s.run(t)
	t.Cleanup(s.kill)
	return s
}

func (s *server) addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// run starts the process and returns when it is ready.
func (s *server) run(t *testing.T) {
	t.Helper()
	args := strings.Fields(strings.NewReplacer("{port}", strconv.Itoa(s.port), "{dir}", s.dir).Replace(s.command))
	s.cmd = exec.Command(args[0], args[1:]...)
	s.log = &strings.Builder{}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout, s.cmd.Stderr = w, w
	err = s.cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	ready, log := make(chan bool, 1), s.log
	go func() {
		defer r.Close()
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			fmt.Fprintln(log, lines.Text())
			if strings.Contains(lines.Text(), readyLine) {
				ready <- true
			}
		}
		close(ready)
	}()
	timeout := time.AfterFunc(readyMax, func() { s.cmd.Process.Kill() })
	defer timeout.Stop()
	if !<-ready {
		t.Fatalf("the server ended before it was ready:\n%s", log)
	}
}

// kill ends the process without a warning.
func (s *server) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// freePort returns a port below those that kernels lend to outgoing connections, free together with the Raft port above it.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 18000 + rand.IntN(1900)
		if listens(port) && listens(port+10000) {
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

func listens(port int) bool {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

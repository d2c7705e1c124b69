package tools

import (
	"bytes"
	"context"
	"flag"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	startMax = time.Minute
	toolMax  = time.Minute // for one run of a program
)

var server = flag.String("server", "redoubt", "redoubt (built here), redis, or a command line with {port} and {dir}")

// subject is the server under test.
type subject struct {
	*testing.T
	port int
	conn *wire.Conn
}

// start runs the server; without the program that it is to be tried with, the test is skipped.
func start(t *testing.T, tool string) *subject {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not installed: %v", tool, err)
	}
	command, err := process.Resolve(*server, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	srv, err := process.Start(command, port, t.TempDir(), startMax)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Kill)
	s := &subject{T: t, port: port}
	if s.conn, err = wire.Dial(srv.Addr, startMax); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close() })
	return s
}

// do sends a command that must succeed.
func (s *subject) do(args ...string) wire.Reply {
	s.Helper()
	s.conn.Deadline(time.Now().Add(toolMax))
	r, err := s.conn.Do(args...)
	if err != nil {
		s.Fatalf("%q: %v", args, err)
	}
	return r
}

// knows says whether the server has the commands; if it has not, that is said.
func (s *subject) knows(commands ...string) bool {
	s.Helper()
	for i, e := range s.do(append([]string{"COMMAND", "INFO"}, commands...)...).Elems {
		if e.Nil || len(e.Elems) == 0 {
			s.Logf("NOTICE: left out, since the server does not know it: %s", commands[i])
			return false
		}
	}
	return true
}

// run runs a program to its end and returns what it printed. It must succeed.
func (s *subject) run(tool, input string, args ...string) string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), toolMax)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, append([]string{"-p", strconv.Itoa(s.port)}, args...)...)
	if input != "" {
		cmd.Stdin = strings.NewReader(input)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		s.Fatalf("%s %q: %v\n%s", tool, args, err, &out)
	}
	return out.String()
}

// contains reports the texts that are not in what was printed.
func (s *subject) contains(printed string, texts ...string) {
	s.Helper()
	for _, text := range texts {
		if !strings.Contains(printed, text) {
			s.Errorf("%q is not in what was printed:\n%s", text, printed)
		}
	}
}

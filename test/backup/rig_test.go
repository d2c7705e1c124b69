package backup

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	startMax = time.Minute
	askMax   = 15 * time.Second
)

// program is the path of the server, built once for all tests of this package.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "redoubt-backup-")
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

// node is a server on a directory.
type node struct {
	*process.Server
	t   *testing.T
	dir string
}

// start starts a server on dir; "" is a new directory.
func start(t *testing.T, dir string, args ...string) *node {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	s, err := process.Start(strings.ReplaceAll(process.Redoubt, "{redoubt}", program), port, dir, startMax, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return &node{s, t, dir}
}

// stop ends it in order.
func (n *node) stop() {
	n.t.Helper()
	if err := n.Stop(askMax); err != nil {
		n.t.Fatal(err)
	}
}

// ask sends commands over one connection and returns the last reply.
func (n *node) ask(commands ...string) string {
	n.t.Helper()
	r, err := n.try(commands...)
	if err != nil {
		n.t.Fatal(err)
	}
	return r
}

func (n *node) try(commands ...string) (string, error) {
	r, err := n.send(commands...)
	return r.String(), err
}

func (n *node) send(commands ...string) (last wire.Reply, err error) {
	c, err := wire.Dial(n.Addr, askMax)
	if err != nil {
		return last, err
	}
	defer c.Close()
	c.Deadline(time.Now().Add(askMax))
	for _, command := range commands {
		if last, err = c.Do(strings.Fields(command)...); err == nil {
			err = last.Err()
		}
		if err != nil {
			return last, fmt.Errorf("%s: %w", command, err)
		}
	}
	return last, nil
}

// field is a value in a reply of names and values.
func (n *node) field(command, name string) string {
	n.t.Helper()
	r, err := n.send(command)
	if err != nil {
		n.t.Fatal(err)
	}
	for i := 0; i+1 < len(r.Elems); i += 2 {
		if r.Elems[i].Text == name {
			return strings.Trim(strings.TrimPrefix(r.Elems[i+1].String(), "(integer) "), `"`)
		}
	}
	n.t.Fatalf("%s has no %s: %s", command, name, r.String())
	return ""
}

// want holds a reply to what is expected.
func (n *node) want(command, reply string) {
	n.t.Helper()
	if got := n.ask(command); got != reply {
		n.t.Errorf("%s = %s, want %s", command, got, reply)
	}
}

// eventually polls until the reply is the one.
func (n *node) eventually(command, reply string) {
	n.t.Helper()
	deadline := time.Now().Add(startMax)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := n.try(command)
		if err == nil && got == reply {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("%s = %s, %v, want %s", command, got, err, reply)
		}
		<-tick.C
	}
}

// run runs a tool and returns all that it says.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tool(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tool(args ...string) (string, error) {
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("redoubt %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// refused runs a tool that must refuse for the reason given.
func refused(t *testing.T, reason string, args ...string) {
	t.Helper()
	_, err := tool(args...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(err.Error(), reason) {
		t.Errorf("redoubt %s: %v, want exit code 1 and %q", strings.Join(args, " "), err, reason)
	}
}

// word is what follows a word in a text.
func word(text, before string) string {
	_, rest, _ := strings.Cut(text, before+" ")
	return strings.FieldsFunc(rest+" ", func(r rune) bool { return r == ' ' || r == ',' || r == '\n' })[0]
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, filepath.Base(e.Name()))
	}
	return strings.Join(list, " ")
}

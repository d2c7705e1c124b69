package cluster

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/test/process"
)

// program is the path of the server, built once for all tests of this package.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "redoubt-cluster-")
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

// rig is a Rig that fails its test.
type rig struct {
	*Rig
	t *testing.T
}

func newRig(t *testing.T, args ...string) *rig {
	t.Helper()
	r, err := NewRig(t.TempDir(), program, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, n := range r.Nodes {
				if n.Srv != nil {
					t.Logf("%s ends with\n%s", n.Name, n.Srv.Tail())
				}
			}
		}
		r.Close()
	})
	return &rig{r, t}
}

// form is a group of so many voters.
func form(t *testing.T, size int, args ...string) *rig {
	t.Helper()
	r := newRig(t, args...)
	r.must(r.Form(size))
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) add() *Node {
	r.t.Helper()
	n, err := r.Add()
	r.must(err)
	return n
}

// expect runs a command and compares the reply, as redis-cli prints it.
func (r *rig) expect(n *Node, want string, args ...string) {
	r.t.Helper()
	reply, err := n.Do(args...)
	if err != nil && reply.Kind == 0 {
		r.t.Fatal(err)
	}
	if got := reply.String(); got != want {
		r.t.Errorf("%s: %v = %s, want %s", n.Name, args, got, want)
	}
}

// refused expects a command's reply to be an error with these words.
func (r *rig) refused(n *Node, words string, args ...string) {
	r.t.Helper()
	reply, _ := n.Do(args...)
	if got := reply.String(); reply.Kind != '-' || !strings.Contains(got, words) {
		r.t.Errorf("%s: %v = %s, want an error that says %q", n.Name, args, got, words)
	}
}

// role polls until the node itself says so.
func (r *rig) role(n *Node, want string) {
	r.t.Helper()
	r.must(until(startMax, func() error {
		info, err := n.Info()
		if err == nil && info["role"] != want {
			err = fmt.Errorf("%s is a %s, want a %s", n.Name, info["role"], want)
		}
		return err
	}))
}

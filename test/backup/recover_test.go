package backup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Two of three nodes are gone for ever; the third becomes a cluster of one that others join.
func TestRecover(t *testing.T) {
	a := start(t, "")
	b := start(t, "", "--join", a.Addr)
	c := start(t, "", "--join", a.Addr)
	a.eventually("WAIT 2 1", "(integer) 2")
	fill(a)
	for i := range 200 {
		a.ask(fmt.Sprintf("SET k%d %d", i, i))
	}
	c.want("GET k199", `"199"`) // so c has applied all of it
	cluster := c.field("RAFT INFO", "cluster")
	for _, n := range []*node{a, b, c} {
		n.Kill()
	}
	out := run(t, "recover", "--dir", c.dir)
	if !strings.Contains(out, "new cluster of one") {
		t.Errorf("recover says %q", out)
	}
	refused(t, "raft.before-recover", "recover", "--dir", c.dir)
	r := start(t, c.dir)
	wantFilled(r)
	for i := range 200 {
		r.want(fmt.Sprintf("GET k%d", i), fmt.Sprintf("%q", fmt.Sprint(i)))
	}
	if r.field("RAFT INFO", "cluster") == cluster {
		t.Error("the recovered node belongs to the old cluster")
	}
	joinAndLook(t, r)
}

// A tool that was interrupted leaves a directory that the server refuses and that the tool finishes.
func TestRecoverInterrupted(t *testing.T) {
	n := start(t, "")
	fill(n)
	n.stop()
	if err := os.WriteFile(filepath.Join(n.dir, "UNFINISHED"), []byte("recover\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, "interrupted", "--port", "0", "--unixsocket", filepath.Join(n.dir, "s"), "--dir", n.dir)
	if err := os.Rename(filepath.Join(n.dir, "raft"), filepath.Join(n.dir, "raft.before-recover")); err != nil {
		t.Fatal(err)
	}
	run(t, "recover", "--dir", n.dir)
	wantFilled(start(t, n.dir))
}

// The entry that is left out is the one that was named, and no other.
func TestSkipEntry(t *testing.T) {
	n := start(t, "")
	n.ask("SET a 1")
	n.ask("SET b 1")
	index := n.field("REVISION INFO", "applied-index")
	n.ask("SET c 1")
	n.Kill()
	out := run(t, "recover", "--dir", n.dir, "--skip-entry", index)
	if !strings.Contains(out, "Entry "+index+" was left out") {
		t.Errorf("recover says %q", out)
	}
	r := start(t, n.dir)
	r.want("MGET a b", `["1" (nil)]`)
	r.Kill()
	if err := os.RemoveAll(filepath.Join(n.dir, "raft.before-recover")); err != nil {
		t.Fatal(err)
	}
	refused(t, "was not met", "recover", "--dir", n.dir, "--skip-entry", "1000000")
}

// TestRecoverNothing: what is no node's directory stays as it is.
func TestRecoverNothing(t *testing.T) {
	other := t.TempDir()
	if err := os.MkdirAll(filepath.Join(other, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "data", "something"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{other, filepath.Join(other, "data")} {
		refused(t, "no node's data", "recover", "--dir", dir)
		refused(t, "no node's data", "backup", "--dir", dir)
	}
	if left, err := os.ReadDir(other); err != nil || len(left) != 1 {
		t.Errorf("there is %v (%v) now", left, err)
	}
	refused(t, "no node's data", "recover", "--dir", t.TempDir())
	refused(t, "give --dir", "recover")
	n := start(t, "")
	refused(t, "in use", "recover", "--dir", n.dir)
}

package robust

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/test/process"
)

// used makes a directory with something in it: flushed rows, and a log behind them.
func used(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	srv := start(t, dir)
	c := dial(t, srv.Addr)
	for i := range 200 {
		c.Append("SET", fmt.Sprint("k", i), strings.Repeat("x", 2000))
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if r, err := c.Read(); err != nil || r.Text != "OK" {
			t.Fatal(r, err)
		}
	}
	if err := srv.Stop(stopMax); err != nil {
		t.Fatal(err)
	}
	srv = start(t, dir)
	dial(t, srv.Addr).want("OK", "SET", "last", "1")
	srv.Kill()
	return dir
}

func copied(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestAnotherNameAndPort starts a directory under another host name, port, Raft port and address.
func TestAnotherNameAndPort(t *testing.T) {
	dir := t.TempDir()
	srv := start(t, dir)
	dial(t, srv.Addr).want("(integer) 1", "INCR", "starts")
	srv.Kill()
	srv = start(t, dir, "--raft-port", fmt.Sprint(freePort(t)), "--bind", "127.0.0.1 127.0.0.2")
	dial(t, srv.Addr).want("(integer) 2", "INCR", "starts")
	dial(t, fmt.Sprint("127.0.0.2:", srv.Port)).want("(integer) 3", "INCR", "starts")
	srv.Kill()
	elsewhere := make(chan struct{})
	go func() {
		defer close(elsewhere)
		runtime.LockOSThread() // never unlocked: the thread ends with its name
		if err := renameHost("elsewhere"); err != nil {
			t.Logf("not allowed to change the host name: %v", err)
			return
		}
		var err error
		if srv, err = process.Start(command(), srv.Port, dir, startMax); err != nil {
			t.Error(err)
		}
	}()
	<-elsewhere
	defer srv.Kill()
	if !t.Failed() && alive(srv) {
		dial(t, srv.Addr).want("(integer) 4", "INCR", "starts")
	}
}

func alive(srv *process.Server) bool {
	select {
	case <-srv.Done():
		return false
	default:
		return true
	}
}

// TestDirectoryRefusals: what cannot be opened is refused with a sentence that says what to do.
func TestDirectoryRefusals(t *testing.T) {
	whole := used(t)
	t.Run("in use", func(t *testing.T) {
		dir := copied(t, whole)
		start(t, dir)
		if said := refused(t, dir); !strings.Contains(lastLine(said), "in use by another process; stop that one") {
			t.Error(lastLine(said))
		}
	})
	for _, c := range []struct {
		name   string
		damage func(dir string)
		want   string
	}{
		{"newer format", func(dir string) { overwrite(t, dir, "FORMAT", "999\n") }, "start a newer redoubt"},
		{"no format number", func(dir string) { overwrite(t, dir, "FORMAT", "???\n") }, "restore it from a backup"},
		{"empty format", func(dir string) { overwrite(t, dir, "FORMAT", "") }, "restore it from a backup"},
		{"newer identity", func(dir string) { overwrite(t, dir, "raft/identity", "redoubt-node 9\n") }, "newer version"},
		{"damaged identity", func(dir string) { overwrite(t, dir, "raft/identity", "\x00\x01") }, "damaged"},
		{"no log", func(dir string) { remove(t, filepath.Join(dir, "raft")) }, "restore both from the same backup"},
		{"data is a file", func(dir string) { remove(t, filepath.Join(dir, "data")); overwrite(t, dir, "data", "x") }, "data"},
		{"damaged current store", func(dir string) { overwrite(t, dir, "data/CURRENT", "store-77\n") }, "restore it from a copy"},
		{"no rows", func(dir string) { eachFile(t, dir, "data", ".sst", func(p string) { remove(t, p) }) }, "restore"},
		{"cut rows", func(dir string) { eachFile(t, dir, "data", ".sst", cut) }, "restore"},
		{"spoilt rows", func(dir string) { eachFile(t, dir, "data", ".sst", spoil) }, "restore"},
		{"spoilt manifest", func(dir string) { eachFile(t, dir, "data", "MANIFEST-", spoil) }, "restore"},
		{"spoilt log", func(dir string) { eachFile(t, dir, "raft", ".raftlog", spoil) }, "restore"},
		{"no files of the log", func(dir string) { eachFile(t, dir, "raft", ".raftlog", func(p string) { remove(t, p) }) }, "restore"},
		{"a byte of the log", func(dir string) { eachFile(t, dir, "raft", "1.raftlog", func(p string) { flip(t, p, 3000) }) }, "cutting the file to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copied(t, whole)
			c.damage(dir)
			if said := refused(t, dir); !strings.Contains(lastLine(said), c.want) {
				t.Errorf("the last line is %q, want it to say %q", lastLine(said), c.want)
			}
		})
	}
}

// TestMadeAgain: of files that say what others say, too, nothing depends on what is in them.
func TestMadeAgain(t *testing.T) {
	whole := used(t)
	for name, damage := range map[string]func(path string){
		"data/store-1/LOCK": spoil, "ballast": cut, "raft/LOCK": cut, "raft/NODEHOST.ID": spoil,
	} {
		for how, damage := range map[string]func(path string){"damaged": damage, "gone": func(p string) { remove(t, p) }, "empty": func(p string) { overwrite(t, "", p, "") }} {
			t.Run(name+" is "+how, func(t *testing.T) {
				dir := copied(t, whole)
				damage(filepath.Join(dir, name))
				dial(t, start(t, dir).Addr).want(`"1"`, "GET", "last")
			})
		}
	}
}

func overwrite(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// eachFile damages all files below a folder whose name begins or ends so.
func eachFile(t *testing.T, dir, under, affix string, damage func(path string)) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(filepath.Join(dir, under), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (strings.HasPrefix(d.Name(), affix) || strings.HasSuffix(d.Name(), affix)) {
			found++
			damage(path)
		}
		return err
	})
	if err != nil || found == 0 {
		t.Fatalf("%d files of %s in %s: %v", found, affix, under, err)
	}
}

func cut(path string) {
	if info, err := os.Stat(path); err == nil {
		os.Truncate(path, info.Size()/2)
	}
}

func spoil(path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		return
	}
	for i := range b {
		if i%3 == 0 {
			b[i] ^= 0x5a
		}
	}
	os.WriteFile(path, b, 0o600)
}

func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil || len(b) <= at {
		t.Fatalf("%s has %d bytes: %v", path, len(b), err)
	}
	b[at] ^= 1
	overwrite(t, filepath.Dir(path), filepath.Base(path), string(b))
}

// TestDataFromTheLog: as long as the log is whole the state can be made again from it.
func TestDataFromTheLog(t *testing.T) {
	dir := used(t)
	remove(t, filepath.Join(dir, "data"))
	c := dial(t, start(t, dir).Addr)
	c.want("(integer) 201", "DBSIZE")
	c.want(`"1"`, "GET", "last")
}

// TestNoPermission: a directory that cannot be written names the remedy.
func TestNoPermission(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	srv, err := process.Launch(binary+" --port {port} --dir "+file, freePort(t), filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Kill()
	if err := srv.WaitReady(startMax); err == nil || !strings.Contains(srv.Tail(), "name another with --dir") {
		t.Errorf("a file for a directory: %v", err)
	}
}

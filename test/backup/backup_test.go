package backup

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fill makes keys of several types, some twice, and returns the revision.
func fill(n *node) string {
	n.t.Helper()
	return n.ask("SET a 1", "SET a 2", "HSET h f 1 g 2", "HDEL h f", "ZADD z 1 x 2 y", "RPUSH l a b c", "LPOP l",
		"SET gone 1", "DEL gone", "SET t 1 EX 99999", "SELECT 3", "SET other "+strings.Repeat("v", 5000), "REVISION")
}

// change undoes some of fill and adds to it.
func change(n *node) {
	n.t.Helper()
	n.ask("SET a 3", "DEL h", "ZADD z 3 x", "RPUSH l d", "SET new 1", "SELECT 3", "DEL other", "FLUSHDB")
}

func wantFilled(n *node) {
	n.t.Helper()
	n.want("GET a", `"2"`)
	n.want("HGET h g", `"2"`)
	n.want("HEXISTS h f", "(integer) 0")
	n.want("ZSCORE z x", `"1"`)
	n.want("LLEN l", "(integer) 2")
	n.want("EXISTS gone new", "(integer) 0")
	if got := n.ask("SELECT 3", "STRLEN other"); got != "(integer) 5000" {
		n.t.Errorf("STRLEN other = %s", got)
	}
}

func TestBackupAndRestore(t *testing.T) {
	n := start(t, "")
	revision := fill(n)
	dir := t.TempDir()
	first, second, past := filepath.Join(dir, "first"), filepath.Join(dir, "second"), filepath.Join(dir, "past")
	said := run(t, "backup", "--from", n.Addr, "--out", first)
	if "(integer) "+word(said, "revision") != revision {
		t.Errorf("backup says %q at revision %s", said, revision)
	}
	change(n)
	run(t, "backup", "--from", n.Addr, "--out", second)
	again := run(t, "backup", "--from", n.Addr, "--revision", word(said, "revision"), "--out", past)
	if word(again, "content") != word(said, "content") {
		t.Errorf("the content of one revision: %q then, %q later", said, again)
	}
	refused(t, "is there already", "backup", "--from", n.Addr, "--out", first)
	refused(t, "FUTUREREV", "backup", "--from", n.Addr, "--revision", "1000", "--out", filepath.Join(dir, "future"))
	if left := names(t, dir); left != "first past second" {
		t.Errorf("files left: %s", left)
	}
	cluster := n.field("RAFT INFO", "cluster")
	for _, file := range []string{first, past} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			made := filepath.Join(t.TempDir(), "new")
			out := run(t, "restore", "--from", file, "--dir", made)
			if word(out, "content") != word(said, "content") {
				t.Errorf("restored %q of %q", out, said)
			}
			refused(t, "is not empty", "restore", "--from", file, "--dir", made)
			r := start(t, made)
			wantFilled(r)
			r.want("REVISION", revision)
			if ttl := r.ask("TTL t"); ttl < "(integer) 99000" || len(ttl) != len("(integer) 99000") {
				t.Errorf("TTL t = %s", ttl)
			}
			if r.field("RAFT INFO", "cluster") == cluster {
				t.Error("the restored node belongs to the old cluster")
			}
			joinAndLook(t, r)
		})
	}
	r := start(t, restored(t, second))
	r.want("GET a", `"3"`)
	r.want("EXISTS h", "(integer) 0")
	r.want("AT "+word(said, "revision")+" GET a", `"2"`)
}

// joinAndLook lets a node join: it needs what is not in the log.
func joinAndLook(t *testing.T, r *node) {
	t.Helper()
	r.ask("SET after 1")
	joined := start(t, "", "--join", r.Addr)
	joined.eventually("GET after", `"1"`)
	wantFilled(joined)
	dir, last := t.TempDir(), strings.TrimPrefix(r.ask("REVISION"), "(integer) ")
	one := run(t, "backup", "--from", r.Addr, "--revision", last, "--out", filepath.Join(dir, "one"))
	other := run(t, "backup", "--from", joined.Addr, "--revision", last, "--out", filepath.Join(dir, "other"))
	if one != other {
		t.Errorf("the restored node has %q, the one that joined it %q", one, other)
	}
}

func restored(t *testing.T, file string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "new")
	run(t, "restore", "--from", file, "--dir", dir)
	return dir
}

// A backup of a directory is what the node had, however it ended.
func TestBackupOfDirectory(t *testing.T) {
	n := start(t, "")
	fill(n)
	file := filepath.Join(t.TempDir(), "running")
	said := run(t, "backup", "--from", n.Addr, "--out", file)
	refused(t, "in use", "backup", "--dir", n.dir, "--out", filepath.Join(t.TempDir(), "x"))
	n.Kill()
	file = filepath.Join(t.TempDir(), "killed")
	if out := run(t, "backup", "--dir", n.dir, "--out", file); word(out, "content") != word(said, "content") {
		t.Errorf("killed: %q, want %q", out, said)
	}
	wantFilled(start(t, restored(t, file)))
	n = start(t, n.dir)
	wantFilled(n)
	n.stop()
	cmd := run(t, "backup", "--dir", n.dir)
	if !strings.HasPrefix(cmd, "redoubt-backup 1\n") {
		t.Errorf("standard output begins with %.40q", cmd)
	}
	refused(t, "no data", "backup", "--dir", t.TempDir())
	refused(t, "is a directory", "restore", "--from", t.TempDir(), "--dir", filepath.Join(t.TempDir(), "new"))
}

// Whatever byte of a backup is not what was written, it is not restored, and nothing is left behind.
func TestDamagedBackup(t *testing.T) {
	n := start(t, "")
	fill(n)
	file := filepath.Join(t.TempDir(), "good")
	run(t, "backup", "--from", n.Addr, "--out", file)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad")
	try := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(bad, b, 0o644); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		refused(t, "", "restore", "--from", bad, "--dir", dir)
		if left := names(t, dir); left != "" && left != "LOCK" {
			t.Errorf("%s: left are %s", what, left)
		}
	}
	for _, at := range []int{0, 20, 150, len(good) / 2, len(good) - 1} {
		b := bytes.Clone(good)
		b[at] ^= 1
		try("a flipped bit", b)
	}
	for _, n := range []int{0, 30, len(good) / 2, len(good) - 1} {
		try("a short file", good[:n])
	}
	// Both checksums are right and the state is another's.
	n.ask("SET a other")
	file = filepath.Join(t.TempDir(), "other")
	run(t, "backup", "--from", n.Addr, "--out", file)
	other, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	split := []byte("\n\n")
	header, _, _ := bytes.Cut(good, split)
	_, state, _ := bytes.Cut(other, split)
	try("another's state", append(append(bytes.Clone(header), split...), state...))
}

// A backup of a node whose data change is those of one moment: the transfers in it are whole.
func TestBackupUnderLoad(t *testing.T) {
	n := start(t, "", "--requirepass", "secret")
	refused(t, "NOAUTH", "backup", "--from", n.Addr, "--out", filepath.Join(t.TempDir(), "x"))
	auth := "AUTH secret"
	stop, ended := make(chan struct{}), make(chan struct{})
	n.ask(auth, "SET from 0", "SET to 0")
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
				n.try(auth, "MULTI", "DECR from", "RPUSH filler "+strings.Repeat("x", 3000), "INCR to", "EXEC")
			}
		}
	}()
	file := filepath.Join(t.TempDir(), "busy")
	run(t, "backup", "--from", n.Addr, "--pass", "secret", "--out", file)
	close(stop)
	<-ended
	r := start(t, restored(t, file))
	if from, to := r.ask("GET from"), r.ask("GET to"); strings.Replace(from, "-", "", 1) != to {
		t.Errorf("from %s, to %s", from, to)
	}
}

package robust

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"golang.org/x/sys/unix"
)

// spoilStore starts a node whose log has a disk with room, and whose state is on one without a byte. Something is acknowledged that is
// in the log alone.
func spoilStore(t *testing.T, more ...string) (dir, data string, srv *process.Server) {
	t.Helper()
	dir = smallDisk(t, "900m")
	data = filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", data, "tmpfs", 0, "size=8m"); err != nil {
		t.Fatal(err)
	}
	srv = start(t, dir, more...)
	dial(t, srv.Addr).want("OK", "SET", "a", strings.Repeat("x", 100<<10))
	os.WriteFile(filepath.Join(data, "filler"), make([]byte, free(t, data)), 0o600) // to the last byte
	return dir, data, srv
}

// TestEndsWithoutStore: who cannot flush the state ends as soon as everybody else, says so, and has lost nothing: the log has it.
func TestEndsWithoutStore(t *testing.T) {
	for name, ask := range map[string]func(srv *process.Server){
		"SIGTERM":  func(srv *process.Server) { syscall.Kill(srv.Pid, syscall.SIGTERM) },
		"SHUTDOWN": func(srv *process.Server) { send(raw(t, srv.Addr), bulk("SHUTDOWN")) },
		"saving": func(srv *process.Server) { // the flush that hangs is not that of the end
			send(raw(t, srv.Addr), bulk("BGSAVE"))
			until(t, "a save that fails", func() bool { return strings.Contains(srv.Tail(), "the store could not write") })
			syscall.Kill(srv.Pid, syscall.SIGTERM)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, data, srv := spoilStore(t)
			began := time.Now()
			ask(srv)
			select {
			case <-srv.Done():
			case <-time.After(replyMax):
				t.Fatalf("still there after %s\n%s", replyMax, srv.Tail())
			}
			if took := time.Since(began); took > stopMax {
				t.Errorf("ended after %s, want %s", took, stopMax)
			}
			if err := srv.Stop(stopMax); err == nil || !strings.Contains(err.Error(), "exit status 1") {
				t.Errorf("ended with %v, want exit status 1", err)
			}
			if last := lastLine(srv.Tail()); !strings.Contains(last, "nothing acknowledged is lost") {
				t.Errorf("the last line is %q", last)
			}
			remove(t, filepath.Join(data, "filler"))
			dial(t, start(t, dir).Addr).want("(integer) 102400", "STRLEN", "a")
		})
	}
}

// TestSignalAfterShutdown: who asks a second time does not wait, whichever way was the first.
func TestSignalAfterShutdown(t *testing.T) {
	_, _, srv := spoilStore(t)
	began := time.Now()
	send(raw(t, srv.Addr), bulk("SHUTDOWN"))
	until(t, "the end begins", func() bool { return strings.Contains(srv.Tail(), "Ending: ") })
	syscall.Kill(srv.Pid, syscall.SIGTERM)
	select {
	case <-srv.Done():
	case <-time.After(replyMax):
		t.Fatalf("still there after %s\n%s", replyMax, srv.Tail())
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("ended after %s", took)
	}
}

// TestNoRoomForStore: a first start on a disk without room for the state ends and says so.
func TestNoRoomForStore(t *testing.T) {
	dir := smallDisk(t, "900m")
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", data, "tmpfs", 0, "size=12k"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(data, unix.MNT_DETACH)
	if said := lastLine(refused(t, dir)); !strings.Contains(said, "the disk is full") {
		t.Errorf("the last line is %q", said)
	}
}

// TestToolsOnFullDisk: restore and recover end where they have no room, and can be run again.
func TestToolsOnFullDisk(t *testing.T) {
	dir, small := t.TempDir(), smallDisk(t, "1m")
	srv := start(t, dir)
	c := dial(t, srv.Addr)
	random := rand.NewChaCha8([32]byte{})
	for i := range 50 {
		value := make([]byte, 50<<10) // that cannot be compressed
		random.Read(value)
		c.want("OK", "SET", fmt.Sprint("k", i), string(value))
	}
	file := filepath.Join(t.TempDir(), "backup")
	tool := func(args ...string) (said string, err error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), startMax)
		defer cancel()
		out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput()
		return string(out), err
	}
	if said, err := tool("backup", "--from", srv.Addr, "--out", file); err != nil {
		t.Fatal(said, err)
	}
	fresh := filepath.Join(small, "new")
	if said, err := tool("restore", "--from", file, "--dir", fresh); err == nil || !strings.Contains(said, "does not take the data") && !strings.Contains(said, "no space left") {
		t.Errorf("restore: %s (%v)", said, err)
	}
	resize(t, small, "900m")
	if said, err := tool("restore", "--from", file, "--dir", fresh); err != nil {
		t.Errorf("restore again: %s (%v)", said, err)
	}
	dial(t, start(t, fresh).Addr).want("(integer) 50", "DBSIZE")
}

package robust

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
	"golang.org/x/sys/unix"
)

// smallDisk mounts a disk of its own for the test, in a name space that ends with it, and returns its path.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with its mounts
	dir := t.TempDir()
	err := unix.Unshare(unix.CLONE_NEWNS)
	if err == nil {
		err = unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	}
	if err == nil {
		err = unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
	}
	if err != nil {
		t.Skipf("only root can make a small disk: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func resize(t *testing.T, dir, size string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size="+size); err != nil {
		t.Fatal(err)
	}
}

func free(t *testing.T, dir string) int64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail) * st.Bsize
}

// TestReserveByDirective: below the reserve growing writes are refused and all else goes on; above it they are taken again.
func TestReserveByDirective(t *testing.T) {
	srv := start(t, "")
	c := dial(t, srv.Addr)
	c.want("OK", "SET", "a", "1")
	c.want("OK", "SET", "b", "1")
	c.want("OK", "CONFIG", "SET", "free-space-reserve", "900000gb")
	const refusal = "(error) NOSPACE free disk space is below free-space-reserve; delete or compact, or make room"
	until(t, "refusal", func() bool { r, _ := c.Do("SET", "a", "2"); return r.Err() != nil })
	c.want(refusal, "SET", "a", "2")
	c.want(refusal, "APPEND", "a", "2")
	c.want("OK", "MULTI")
	c.want(refusal, "SET", "a", "3")
	c.want("(error) EXECABORT Transaction discarded because of previous errors.", "EXEC")
	c.want(`"1"`, "GET", "b")
	c.want("(integer) 1", "DEL", "b")
	c.want("(integer) 1", "EXPIRE", "a", "1000")
	if r, err := c.Do("REVISION"); err != nil || r.Int == 0 {
		t.Errorf("REVISION = %s, %v", r, err)
	} else if _, err := c.Do("COMPACT", fmt.Sprint(r.Int)); err != nil {
		t.Errorf("COMPACT: %v", err)
	}
	c.want("OK", "CONFIG", "SET", "free-space-reserve", "0")
	until(t, "writes are taken again", func() bool { r, _ := c.Do("SET", "a", "2"); return r.Err() == nil })
}

// fill writes values of 100 KB on several connections until each is refused or cut off, and returns how many each had
// acknowledged, and how many were refused with NOSPACE.
func fill(t *testing.T, addr string, connections int) (acked []int64, refused int64) {
	t.Helper()
	value := strings.Repeat("x", 100<<10)
	acked = make([]int64, connections)
	var count atomic.Int64
	var all sync.WaitGroup
	for id := range connections {
		c, err := wire.Dial(addr, replyMax)
		if err != nil {
			t.Fatal(err)
		}
		c.Deadline(time.Now().Add(startMax))
		all.Go(func() {
			defer c.Close()
			for {
				r, err := c.Do("SET", fmt.Sprintf("k:%d:%d", id, acked[id]+1), value)
				switch {
				case strings.HasPrefix(r.Text, "NOSPACE"):
					count.Add(1)
					return
				case err != nil:
					if r.Kind == '-' {
						t.Errorf("SET = %s", r)
					}
					return
				}
				acked[id]++
			}
		})
	}
	all.Wait()
	return acked, count.Load()
}

func checkFilled(t *testing.T, c *client, acked []int64) {
	t.Helper()
	total := int64(0)
	for id, n := range acked {
		total += n
		for k := int64(1); k <= n; k++ {
			if r, err := c.Do("STRLEN", fmt.Sprintf("k:%d:%d", id, k)); err != nil || r.Int != 100<<10 {
				t.Fatalf("connection %d: key %d of %d has %s bytes, %v", id, k, n, r, err)
			}
		}
	}
	t.Logf("%d values were acknowledged and are there", total)
}

// TestReserve: writers that are much faster than the disk is looked at do not get through the reserve.
func TestReserve(t *testing.T) {
	dir := smallDisk(t, "200m")
	srv := start(t, dir, "--free-space-reserve", "80mb", "--ballast-size", "0")
	acked, refused := fill(t, srv.Addr, 8)
	if refused != 8 {
		t.Fatalf("%d of 8 writers were told NOSPACE\n%s", refused, srv.Tail())
	}
	if left := free(t, dir); left < 20<<20 {
		t.Errorf("%d MB of the reserve of 80 are left", left>>20)
	}
	c := dial(t, srv.Addr)
	checkFilled(t, c, acked)
	c.want("(integer) 1", "DEL", "k:0:1")
	resize(t, dir, "600m")
	until(t, "writes are taken again", func() bool { r, _ := c.Do("SET", "a", "2"); return r.Err() == nil })
	srv.Kill()
	acked[0] = 0
	checkFilled(t, dial(t, start(t, dir).Addr), acked)
}

// TestFullDisk: with no reserve the log itself finds no room. The process says so and ends; with the ballast given up it
// starts again on the very same disk, and nothing is lost.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "160m")
	srv := start(t, dir, "--free-space-reserve", "0", "--ballast-size", "48mb")
	ballast := filepath.Join(dir, "ballast")
	until(t, "the ballast", func() bool { info, err := os.Stat(ballast); return err == nil && info.Size() == 48<<20 })
	acked, _ := fill(t, srv.Addr, 4)
	checkFullExit(t, srv)
	if left := free(t, dir); left > 4<<20 {
		t.Logf("%d MB were left", left>>20)
	}
	os.WriteFile(filepath.Join(dir, "filler"), make([]byte, free(t, dir)), 0o600) // to the last byte
	srv = start(t, dir, "--free-space-reserve", "40mb", "--ballast-size", "48mb")
	if _, err := os.Stat(ballast); err == nil {
		t.Error("the ballast is still there")
	}
	c := dial(t, srv.Addr)
	checkFilled(t, c, acked)
	c.want("(integer) 1", "DEL", "k:0:1")
	srv.Kill()
	acked[0] = 0
	resize(t, dir, "600m")
	srv = start(t, dir, "--free-space-reserve", "40mb", "--ballast-size", "48mb")
	checkFilled(t, dial(t, srv.Addr), acked)
	until(t, "the ballast", func() bool { info, err := os.Stat(ballast); return err == nil && info.Size() == 48<<20 })
}

// checkFullExit holds that the process ended by itself with a last line that says why.
func checkFullExit(t *testing.T, srv *process.Server) {
	t.Helper()
	select {
	case <-srv.Done():
	case <-time.After(replyMax):
		t.Fatalf("still there on a full disk\n%s", srv.Tail())
	}
	err := srv.Stop(stopMax)
	if err == nil || !strings.Contains(err.Error(), "exit status") {
		t.Errorf("ended with %v, want an exit status other than 0", err)
	}
	if last := lastLine(srv.Tail()); !strings.Contains(last, "is full") || !strings.Contains(last, "nothing acknowledged is lost") {
		t.Errorf("the last line is %q", last)
	}
}

// TestFullDiskWithoutBallast: a start that cannot be says so.
func TestFullDiskWithoutBallast(t *testing.T) {
	dir := smallDisk(t, "100m")
	srv := start(t, dir, "--free-space-reserve", "0", "--ballast-size", "0")
	acked, _ := fill(t, srv.Addr, 4)
	checkFullExit(t, srv)
	os.WriteFile(filepath.Join(dir, "filler"), make([]byte, free(t, dir)), 0o600)
	if said := refused(t, dir); !strings.Contains(lastLine(said), "full") {
		t.Errorf("the last line is %q", lastLine(said))
	}
	resize(t, dir, "600m")
	checkFilled(t, dial(t, start(t, dir).Addr), acked)
}

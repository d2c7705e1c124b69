package robust

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReadOnlyInside: what may not be written in the directory is no damage, and nobody else's.
func TestReadOnlyInside(t *testing.T) {
	dir := smallDisk(t, "900m")
	srv := start(t, dir)
	dial(t, srv.Addr).want("OK", "SET", "a", "1")
	srv.Kill()
	for _, name := range []string{"raft", "data"} {
		path := filepath.Join(dir, name)
		if err := unix.Mount(path, path, "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		if said := lastLine(refused(t, dir)); !strings.Contains(said, "check owner and permissions") || strings.Contains(said, "in use") || strings.Contains(said, "damaged") {
			t.Errorf("%s: %s", name, said)
		}
		if err := unix.Unmount(path, 0); err != nil {
			t.Fatal(err)
		}
	}
	dial(t, start(t, dir).Addr).want(`"1"`, "GET", "a")
}

package chaos

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// apart tells this process that it has mounts of its own.
const apart = "REDOUBT_CHAOS_APART"

// TestMain starts itself again with mounts of its own, if it may: a copy of them that another program takes would keep a
// disk alive that has just lost its power, and whatever ends this process ends its mounts.
func TestMain(m *testing.M) {
	unshare, err := exec.LookPath("unshare")
	self, err2 := os.Executable()
	if err == nil && err2 == nil && os.Getuid() == 0 && os.Getenv(apart) == "" && exec.Command(unshare, "-m", "true").Run() == nil {
		args := append([]string{unshare, "-m", "--propagation", "private", self}, os.Args[1:]...)
		_ = syscall.Exec(unshare, args, append(os.Environ(), apart+"=1"))
	}
	os.Exit(m.Run())
}

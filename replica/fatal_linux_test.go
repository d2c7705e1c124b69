package replica

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Some tests need a process that dies, so this binary runs itself. Which part a
// process plays is in its environment.
const roleVariable = "REPLICA_TEST_ROLE"

const (
	exitFatal = 3 // OnFatal was called
	exitSkip  = 4 // the part cannot be played here
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "failing machine":
		failing := newCounting()
		failing.fail = errors.New("the machine is broken")
		playWriter(failing, os.Args[1])
	case "small disk":
		playSmallDisk(os.Args[1])
	case "writer":
		playWriter(newCounting(), os.Args[1])
	}
}

// cast runs this binary in a role.
func cast(role, dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

func roleOptions(m Machine, dir string) Options {
	return Options{
		Dir: dir, Machine: m, Address: "127.0.0.1:" + fmt.Sprint(20000+os.Getpid()%10000),
		OnFatal: func(reason string) {
			fmt.Fprintln(os.Stderr, reason)
			os.Exit(exitFatal)
		},
	}
}

// playWriter writes until it dies, and prints what was acknowledged.
func playWriter(m Machine, dir string) {
	r, err := Open(roleOptions(m, dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitSkip)
	}
	_ = r.AwaitLeader(context.Background())
	for i := 0; ; i++ {
		datum := fmt.Sprint(i, " ", strings.Repeat("x", 100<<10))
		done := make(chan error, 1)
		r.propose([]byte(datum), patience, func(err error) { done <- err })
		if <-done == nil {
			fmt.Println(i)
		}
	}
}

// playSmallDisk mounts a small disk, has a writer fill it, makes it larger and
// looks for what the writer was told.
func playSmallDisk(dir string) {
	err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("tmpfs", dir, "tmpfs", 0, "size=40m")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitSkip)
	}
	writer := cast("writer", dir)
	writer.Stderr = os.Stderr
	told, _ := writer.Output()
	if writer.ProcessState.ExitCode() != exitFatal {
		fmt.Println("the writer ended with", writer.ProcessState)
		os.Exit(1)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=400m"); err != nil {
		fmt.Println("remount:", err)
		os.Exit(1)
	}
	m := newCounting()
	r, err := Open(roleOptions(m, dir))
	if err != nil {
		fmt.Println("open again:", err)
		os.Exit(1)
	}
	done := make(chan error, 1)
	r.ReadIndex(func(err error) { done <- err })
	if err := <-done; err != nil {
		fmt.Println("read again:", err)
		os.Exit(1)
	}
	lines := bufio.NewScanner(bytes.NewReader(told))
	for lines.Scan() {
		if !slices.ContainsFunc(m.log(), func(d string) bool { return strings.HasPrefix(d, lines.Text()+" ") }) {
			fmt.Println("lost", lines.Text())
			os.Exit(1)
		}
	}
	fmt.Println("kept", bytes.Count(told, []byte("\n")))
	os.Exit(0)
}

// TestMachineErrorStopsTheNode: what cannot be applied must not be skipped.
func TestMachineErrorStopsTheNode(t *testing.T) {
	cmd := cast("failing machine", t.TempDir())
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitFatal {
		t.Errorf("the process ended with %d, want %d", code, exitFatal)
	}
	if !strings.Contains(string(out), "the machine is broken") {
		t.Errorf("its last words do not say why:\n%s", out)
	}
}

// TestDiskFull fills the disk under the log: the process says so and stops, and
// with room it goes on with all that it acknowledged. Only root may mount disks.
func TestDiskFull(t *testing.T) {
	cmd := cast("small disk", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == exitSkip {
		t.Skipf("no disk to fill: %v %s", err, out)
	}
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if !strings.Contains(string(out), "the disk of the Raft log is full") {
		t.Errorf("the process did not say that the disk is full:\n%s", out)
	}
	t.Logf("%s", out[max(0, len(out)-200):])
}

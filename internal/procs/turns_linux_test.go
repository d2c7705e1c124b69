package procs

import (
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestShortTurns: every thread has the slice that was asked for, and the nice value that it had.
func TestShortTurns(t *testing.T) {
	nice, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Skipf("the kernel, or what confines this process, does not tell: %v", err)
	}
	if err := ShortTurns(); err != nil {
		t.Skipf("the kernel, or what confines this process, does not allow it: %v", err)
	}
	defer func() {
		if err := setTurns(3 * time.Millisecond); err != nil {
			t.Error(err)
		}
	}()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		attr, err := unix.SchedGetAttr(tid, 0)
		if err != nil {
			continue // it has ended
		}
		if attr.Runtime == 0 {
			t.Skip("a kernel before 6.12 has no slices")
		}
		if attr.Runtime != uint64(turn) || attr.Policy != unix.SCHED_NORMAL || attr.Nice != nice.Nice {
			t.Errorf("thread %d: %+v", tid, *attr)
		}
	}
}

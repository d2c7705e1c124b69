package replica

import (
	"errors"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOtherHost opens a directory on a machine that really has another name: in
// a thread with a name space of its own, which only root may make.
func TestOtherHost(t *testing.T) {
	m := newCounting()
	o := testOptions(t, m)
	r := mustOpen(t, o)
	id := r.ID()
	proposeAll(t, r, numbers(3))
	mustClose(t, r)

	o.Address = freeAddress(t)
	opened := make(chan *Replica, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its name
		err := errors.Join(unix.Unshare(unix.CLONE_NEWUTS), unix.Sethostname([]byte("elsewhere")))
		if err != nil {
			t.Logf("not allowed to change the host name: %v", err)
			opened <- nil
			return
		}
		if name, err := os.Hostname(); err != nil || name != "elsewhere" {
			t.Errorf("the host is called %q: %v", name, err)
		}
		r, err := Open(o)
		if err != nil {
			t.Errorf("Open: %v", err)
		}
		opened <- r
	}()
	r = await(t, opened)
	if r == nil {
		t.Skip("this process may not change its host name")
	}
	if r.ID() != id {
		t.Errorf("node %d was %d before", r.ID(), id)
	}
	awaitLog(t, r, m, numbers(3))
	mustClose(t, r)
	r = mustOpen(t, o) // and back home
	awaitLog(t, r, m, numbers(3))
}

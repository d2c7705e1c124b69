package evloop

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// sleep waits for events unless something was posted since the last look for that: whoever posts after it sees that the
// loop is asleep.
//
// First it gives way once. Who has just been handed work is run by this thread then, and not by another one that had to be
// woken for it: with 50 clients that write one key at a time it is a fifth of the processor time.
func (l *Loop) sleep(t Turns) int {
	runtime.Gosched()
	if n := l.look(0); n > 0 {
		return n
	}
	l.asleep.Store(true)
	if t.Posted() || l.ends.Load() {
		l.asleep.Store(false)
		return 0
	}
	n := 0
	if t.Parks() && l.parking.init(l) {
		n = l.parking.wait()
	} else {
		n = l.look(-1)
	}
	l.asleep.Store(false)
	return n
}

// parking is how a loop sleeps as a goroutine that waits for a socket: Go's own poller watches what the loop watches its connections by. No thread
// waits in a system call then, which Go's monitor would look after every 20 us, and whose processor it would give to another one.
//
// That pays where other goroutines have a part in each request, since they have a thread and a processor at once; a node that is alone has its
// events a microsecond later, and nothing for it.
type parking struct {
	file *os.File // the loop's epoll, by another descriptor; nil until it is needed
	raw  syscall.RawConn
	look func(uintptr) bool
	n    int  // events that look found
	none bool // Go's poller does not take it
}

// init tells whether the loop can sleep so.
func (p *parking) init(l *Loop) bool {
	if p.file != nil || p.none {
		return !p.none
	}
	p.none = true
	fd, err := unix.FcntlInt(uintptr(l.epoll), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return false
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or os would not hand it to the poller
		unix.Close(fd)
		return false
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return false
	}
	p.file, p.raw, p.none = file, raw, false
	p.look = func(uintptr) bool {
		p.n = l.look(0)
		return p.n > 0 // or be told of the next event
	}
	return true
}

// wait returns how many events there are. It is 0 if the poller does not take it after all.
func (p *parking) wait() int {
	p.n = 0
	if err := p.raw.Read(p.look); err != nil {
		p.none = true
	}
	return p.n
}

func (p *parking) close() {
	if p.file != nil {
		p.file.Close()
	}
}

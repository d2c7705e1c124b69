package evloop

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	eventsMax = 128      // that one look brings
	readMax   = 64 << 10 // bytes that one connection is read of before others are
)

// Owner is told what becomes of a connection, on the loop's goroutine.
type Owner interface {
	// Received has bytes that were read. They are the loop's again when it returns.
	Received(b []byte)
	// Taken follows when the socket has taken some of what it could not at once.
	Taken()
	// Ended tells that nothing more will come: err is nil when the other side has ended what it sends, and may still
	// read. The connection is to be closed by the owner, now or later.
	Ended(err error)
}

// Loop is one goroutine's connections.
type Loop struct {
	epoll  int
	bell   int // an eventfd that wakes the sleeping loop
	spare  int // a descriptor that turnAway can do without
	asleep atomic.Bool
	ends   atomic.Bool

	// What follows is the loop's goroutine's alone.
	conns   []*Conn // by descriptor; nil where there is none
	serial  int32
	parking parking
	others  map[int32]func() // what is watched beside connections, by descriptor
	buf     []byte
	events  [eventsMax]unix.EpollEvent
}

// New makes a loop without connections.
func New() (*Loop, error) {
	l := &Loop{buf: make([]byte, readMax), others: map[int32]func(){}}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if l.bell, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		unix.Close(l.epoll)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	if l.spare, err = unix.Dup(l.bell); err == nil {
		err = l.watch(unix.EPOLL_CTL_ADD, l.bell, 0, unix.EPOLLIN)
	}
	if err != nil {
		unix.Close(l.bell)
		unix.Close(l.epoll)
		return nil, err
	}
	return l, nil
}

// Turns is what a loop's user does between looks for events.
type Turns interface {
	// Begin and End bracket the events of one look; there may be none.
	Begin()
	End()
	// Idle is called when a look brought nothing. It tells whether there was anything to do; if not the loop sleeps until
	// an event or Wake.
	Idle() (busy bool)
	// Posted tells whether Wake was called for something that is still to be done.
	Posted() bool
	// Parks tells how the loop is to sleep: true is as a goroutine does, false as a thread. See parking.
	Parks() bool
}

// Run serves until Stop, then closes all connections without a word to their owners.
func (l *Loop) Run(t Turns) {
	defer l.close()
	for !l.ends.Load() {
		n := l.look(0)
		if n == 0 {
			if t.Idle() {
				continue
			}
			if n = l.sleep(t); n == 0 {
				continue
			}
		}
		t.Begin()
		for i := range n {
			l.event(&l.events[i])
		}
		t.End()
	}
}

// Wake has the loop call Idle soon, from any goroutine.
func (l *Loop) Wake() {
	if l.asleep.CompareAndSwap(true, false) {
		ring(l.bell)
	}
}

// Stop ends Run, from any goroutine.
func (l *Loop) Stop() {
	l.ends.Store(true)
	l.Wake() // a loop that is about to sleep looks at ends once more
}

func (l *Loop) close() {
	for _, c := range l.conns {
		if c != nil {
			c.Close()
		}
	}
	l.parking.close()
	unix.Close(l.epoll)
	unix.Close(l.spare)
	// The bell stays open: somebody may be about to ring it, and its number must not be another file's by then.
}

// look asks for events, and waits for some if wait is -1.
func (l *Loop) look(wait int) int {
	n, err := epollWait(l.epoll, l.events[:], wait)
	if err != nil && !errors.Is(err, unix.EINTR) {
		panic(fmt.Sprintf("epoll_wait: %v", err)) // only of a descriptor that is none
	}
	return max(n, 0)
}

// Listen has fn called with each connection that the listening socket fd, which must not block, has to give, as a
// descriptor that does not block. fd stays its owner's. To be called before Run.
func (l *Loop) Listen(fd int, fn func(fd int)) error {
	l.others[int32(fd)] = func() { l.acceptAll(fd, fn) }
	return l.watch(unix.EPOLL_CTL_ADD, fd, 0, unix.EPOLLIN)
}

// Hear has fn called when something has come to fd, an eventfd that is its owner's and that nobody needs to read: once for what came since
// the last time. To be called before Run.
func (l *Loop) Hear(fd int, fn func()) error {
	l.others[int32(fd)] = fn
	return l.watch(unix.EPOLL_CTL_ADD, fd, 0, unix.EPOLLIN|unix.EPOLLET)
}

// Add serves fd, which must not block and is the loop's from now on.
func (l *Loop) Add(fd int) (*Conn, error) {
	l.serial++
	c := &Conn{loop: l, fd: fd, serial: l.serial, wants: unix.EPOLLIN}
	if err := l.watch(unix.EPOLL_CTL_ADD, fd, c.serial, c.wants); err != nil {
		unix.Close(fd)
		return nil, err
	}
	for fd >= len(l.conns) {
		l.conns = append(l.conns, nil)
	}
	l.conns[fd] = c
	return c, nil
}

func (l *Loop) watch(op, fd int, serial int32, events uint32) error {
	e := unix.EpollEvent{Events: events, Fd: int32(fd), Pad: serial}
	if err := unix.EpollCtl(l.epoll, op, fd, &e); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// event handles one. A connection that an earlier one closed may have left some, and its descriptor may be another's by now.
func (l *Loop) event(e *unix.EpollEvent) {
	fd := int(e.Fd)
	if fd == l.bell {
		silence(fd)
		return
	}
	if fd >= len(l.conns) || l.conns[fd] == nil || l.conns[fd].serial != e.Pad {
		if fn := l.others[e.Fd]; fn != nil {
			fn()
		}
		return
	}
	c := l.conns[fd]
	if e.Events&unix.EPOLLOUT != 0 {
		c.send()
	}
	switch {
	case c.closed:
	case c.deaf:
		if e.Events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			c.Owner.Ended(unix.ECONNRESET)
		}
	case e.Events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0:
		c.receive()
	}
}

// acceptAll takes what there is, up to as many as one look brings of events.
func (l *Loop) acceptAll(listener int, fn func(fd int)) {
	for range eventsMax {
		fd, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case err == nil:
			fn(fd)
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
			l.turnAway(listener)
			return
		default:
			return
		}
	}
}

// turnAway closes one connection there is no descriptor for, by giving up the spare one for the moment: left in the queue,
// the connection would be an event for ever.
func (l *Loop) turnAway(listener int) {
	unix.Close(l.spare)
	if fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC); err == nil {
		unix.Close(fd)
	}
	l.spare, _ = unix.Dup(l.bell)
}

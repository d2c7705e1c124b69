package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
	"golang.org/x/sys/unix"
)

const (
	threaded  = true
	eventsMax = 256 // taken from the system at once
)

// thread runs all clients in one loop over epoll. A request costs it a read and a write and, where several replies have come, a part of an
// epoll_wait; nothing is allocated while the clock runs. It sends the next request of a client as soon as the reply is read, as a client
// of its own would, instead of reading all replies first, so that no server is served its requests in lots.
func (g generator) thread() (result, error) {
	t, err := newThread(g)
	if err != nil {
		return result{}, err
	}
	defer t.close()
	cpu, began := ownProcessor(), time.Now()
	if err := t.run(began); err != nil {
		return result{}, err
	}
	r := result{Requests: t.took.total, Failed: t.failed, Seconds: time.Since(began).Seconds(), Clients: ownProcessor() - cpu}
	if t.why != nil {
		r.Why = t.why.Error()
	}
	r.P50, r.P99 = millis(t.took.at(0.5)), millis(t.took.at(0.99))
	return r, nil
}

// thread is what the loop works with.
type thread struct {
	g        generator
	epoll    int
	clients  []client
	requests [][]byte // one of each value, without a key
	keyAt    int      // where the digits of the key belong
	random   *rand.Rand

	began  time.Time
	active int // clients with a request in flight
	took   histogram
	failed int
	why    error
}

// client is one connection.
type client struct {
	fd     int
	sent   time.Duration // since the beginning
	filled int           // bytes of the buffer
	buffer []byte
}

func newThread(g generator) (t *thread, err error) {
	t = &thread{g: g, random: rand.New(rand.NewPCG(uint64(g.job.clients), 1))}
	t.prepare()
	if t.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	for i := range g.job.clients {
		fd, err := dial(g.job.addr)
		if err == nil {
			t.clients = append(t.clients, client{fd: fd, buffer: make([]byte, bufferBytes)})
			err = unix.EpollCtl(t.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
		}
		if err != nil {
			t.close()
			return nil, err
		}
	}
	return t, nil
}

// dial connects, and takes the socket away from Go's own poller, which would be woken by every reply as well.
func dial(addr string) (fd int, err error) {
	c, err := net.DialTimeout("tcp", addr, replyMax)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := raw.Control(func(own uintptr) { fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	return fd, errors.Join(failed, err)
}

func (t *thread) close() {
	for i := range t.clients {
		unix.Close(t.clients[i].fd)
	}
	unix.Close(t.epoll)
}

// prepare makes the requests.
func (t *thread) prepare() {
	command := func(words ...string) []byte {
		b := wire.AppendCommand(nil, words...)
		if t.g.wait {
			b = wire.AppendCommand(b, "WAIT", "1", waitMillis)
		}
		return b
	}
	if !t.g.job.write {
		t.requests = [][]byte{command("GET", name(0))}
	} else {
		for _, v := range t.g.values {
			t.requests = append(t.requests, command("SET", name(0), v))
		}
	}
	t.keyAt = len("*3\r\n$3\r\nSET\r\n$9\r\nk")
}

// run goes on until every client has had its last reply.
func (t *thread) run(began time.Time) error {
	t.began = began
	for i := range t.clients {
		if err := t.send(&t.clients[i], time.Since(began)); err != nil {
			return err
		}
	}
	events := make([]unix.EpollEvent, eventsMax)
	for t.active = len(t.clients); t.active > 0; {
		left := t.g.job.seconds + t.g.patience - time.Since(began)
		if left <= 0 {
			return fmt.Errorf("no reply within %s", t.g.patience)
		}
		n, err := unix.EpollWait(t.epoll, events, int(left.Milliseconds())+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		for i := range max(n, 0) {
			if err := t.receive(&t.clients[events[i].Fd]); err != nil {
				return err
			}
		}
	}
	return nil
}

// send sends the client's next request. What one is short of fits into any socket that has nothing else in flight.
func (t *thread) send(c *client, now time.Duration) error {
	request := t.requests[0]
	if len(t.requests) > 1 {
		request = t.requests[t.random.IntN(len(t.requests))]
	}
	key := t.random.IntN(t.g.job.keys)
	for at := t.keyAt + keyBytes - 2; at >= t.keyAt; at-- {
		request[at] = byte('0' + key%10)
		key /= 10
	}
	c.sent = now
	for {
		n, err := unix.Write(c.fd, request)
		if err == nil && n < len(request) {
			return io.ErrShortWrite
		}
		if err == nil || !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// receive takes what has come, and goes on with the next request if that was all.
func (t *thread) receive(c *client) error {
	n, err := unix.Read(c.fd, c.buffer[c.filled:])
	if err != nil {
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			return nil
		}
		return err
	}
	if n == 0 {
		return io.ErrUnexpectedEOF
	}
	c.filled += n
	refused, done, err := t.look(c)
	if err != nil || !done {
		return err
	}
	c.filled = 0
	now := time.Since(t.began)
	if refused != nil {
		t.failed, t.why = t.failed+1, refused
	} else {
		t.took.add(now - c.sent)
	}
	if now >= t.g.job.seconds {
		t.active--
		return nil
	}
	return t.send(c, now)
}

// look tells whether the client has all replies to its request. It begins anew each time, as they hardly ever come in pieces.
func (t *thread) look(c *client) (refused error, done bool, err error) {
	rest := c.buffer[:c.filled]
	for i := range t.g.replies() {
		a, size, err := first(rest)
		if err != nil {
			return nil, false, err
		}
		if size == 0 {
			if c.filled == len(c.buffer) {
				return nil, false, fmt.Errorf("a reply of more than %d bytes", len(c.buffer))
			}
			return nil, false, nil
		}
		if wrong := judge(i, a.refused, a.missing, a.number); wrong != nil {
			refused = wrong
		}
		rest = rest[size:]
	}
	if len(rest) > 0 {
		return nil, false, fmt.Errorf("more than was asked for: %.40q", rest)
	}
	return refused, true, nil
}

package evloop

import (
	"golang.org/x/sys/unix"
)

// keepMax is the largest buffer of unsent bytes that is kept for the next time.
const keepMax = 64 << 10

// Conn is one connection. Its Owner is set before the loop looks for events again.
type Conn struct {
	Owner Owner

	loop   *Loop
	fd     int
	serial int32  // tells the connection from others that had its descriptor
	wants  uint32 // events the loop looks for
	out    []byte // what the socket has not taken, from sent on
	sent   int
	deaf   bool // nothing is read any more
	broken bool // nothing can be written any more
	closed bool
}

// Fd is the descriptor, for options and names. It is the loop's to close.
func (c *Conn) Fd() int { return c.fd }

// Buffered is how many bytes were written and not taken by the socket yet.
func (c *Conn) Buffered() int { return len(c.out) - c.sent }

// Write takes all of b: what the socket does not take now is kept and sent when it can be. After an error of the socket
// bytes vanish, and Ended follows.
func (c *Conn) Write(b []byte) {
	if c.closed || c.broken || len(b) == 0 {
		return
	}
	if len(c.out) == 0 {
		n, ok := c.put(b)
		if !ok || n == len(b) {
			return
		}
		b = b[n:]
	}
	c.out = append(c.out, b...)
	c.watch(c.wants | unix.EPOLLOUT)
}

// put is one write; false when there is no use in another one ever.
func (c *Conn) put(b []byte) (int, bool) {
	for {
		n, err := write(c.fd, b)
		switch err {
		case 0:
			return n, true
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, true
		default: // the loop hears of it as an event
			c.broken, c.out, c.sent = true, nil, 0
			return 0, false
		}
	}
}

// send goes on with what waits.
func (c *Conn) send() {
	if c.Buffered() > 0 {
		n, ok := c.put(c.out[c.sent:])
		if c.sent += n; !ok || n == 0 {
			return
		}
	}
	if c.Buffered() == 0 {
		if c.out, c.sent = c.out[:0], 0; cap(c.out) > keepMax {
			c.out = nil
		}
		c.watch(c.wants &^ unix.EPOLLOUT)
	} else if c.sent > len(c.out)/2 { // each byte is moved once at most
		c.out = c.out[:copy(c.out, c.out[c.sent:])]
		c.sent = 0
	}
	c.Owner.Taken()
}

// receive reads what there is, once: others wait too, and what is left is an event again.
func (c *Conn) receive() {
	buf := c.loop.buf
	n, err := read(c.fd, buf)
	switch {
	case n > 0:
		c.Owner.Received(buf[:n])
	case err == unix.EAGAIN || err == unix.EINTR:
	case err == 0:
		c.Deafen()
		c.Owner.Ended(nil)
	default:
		c.Deafen()
		c.Owner.Ended(err)
	}
}

// Deafen has nothing read any more.
func (c *Conn) Deafen() {
	if !c.deaf {
		c.deaf = true
		c.watch(c.wants &^ unix.EPOLLIN)
	}
}

func (c *Conn) watch(events uint32) {
	if c.closed || events == c.wants {
		return
	}
	c.wants = events
	// It fails only without memory in the kernel; a client that stands still is the least that comes of that.
	_ = c.loop.watch(unix.EPOLL_CTL_MOD, c.fd, c.serial, events)
}

// Close closes the socket, after a last try to send what waits. The owner hears nothing of it, and nothing any more.
func (c *Conn) Close() {
	if c.closed {
		return
	}
	if c.Buffered() > 0 {
		c.put(c.out[c.sent:])
	}
	c.closed = true
	c.out, c.sent = nil, 0
	if c.loop.conns[c.fd] == c {
		c.loop.conns[c.fd] = nil
	}
	unix.Close(c.fd)
}

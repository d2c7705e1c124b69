//go:build unix

package raftwire

import (
	"io"
	"net"
	"syscall"
)

// quick reads a connection by readNow. It waits as others do, and under the same deadlines. One goroutine reads.
type quick struct {
	*net.TCPConn
	raw  syscall.RawConn
	in   []byte
	n    int
	err  error
	call func(fd uintptr) bool // made once
}

// quickly makes conn a quick one if it is of TCP.
func quickly(conn net.Conn) net.Conn {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return conn
	}
	q := &quick{TCPConn: c, raw: raw}
	q.call = func(fd uintptr) bool {
		for {
			q.n, q.err = readNow(fd, q.in)
			if q.err != syscall.EINTR {
				return q.err != syscall.EAGAIN // or wait, and come again
			}
		}
	}
	return q
}

func (q *quick) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	q.in = b
	err := q.raw.Read(q.call)
	q.in = nil
	switch {
	case err != nil:
		return 0, err
	case q.err != nil:
		return 0, &net.OpError{Op: "read", Net: "tcp", Source: q.LocalAddr(), Addr: q.RemoteAddr(), Err: q.err}
	case q.n == 0:
		return 0, io.EOF
	}
	return q.n, nil
}

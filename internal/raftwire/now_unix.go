//go:build unix

package raftwire

import (
	"net"
	"syscall"
)

// now writes to a connection what its buffer in the kernel has room for.
type now struct {
	conn net.Conn
	raw  syscall.RawConn
	out  []byte
	n    int
	err  error
	call func(fd uintptr) bool // made once
}

// init takes the connection below an encrypted one.
func (w *now) init(conn net.Conn) {
	if w.conn = conn; conn == nil {
		return
	}
	if s, ok := conn.(*secured); ok {
		w.conn = s.below.Conn
	}
	if c, ok := w.conn.(syscall.Conn); ok {
		w.raw, _ = c.SyscallConn()
	}
	w.call = func(fd uintptr) bool {
		for {
			if w.n, w.err = writeNow(fd, w.out); w.err != syscall.EINTR {
				return true
			}
		}
	}
}

// possible tells whether the connection is one that can be written to so.
func (w *now) possible() bool { return w.raw != nil }

// write returns how much was written, which may be nothing.
func (w *now) write(b []byte) (int, error) {
	w.out = b
	if err := w.raw.Write(w.call); err != nil {
		return 0, err
	}
	w.out = nil
	if w.err == syscall.EAGAIN {
		return 0, nil
	}
	return max(w.n, 0), w.err
}

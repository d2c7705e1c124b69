package server

import (
	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// hangUp is the end of what a client sends. If replies are on their way (as for `printf ... | nc`), they are
// still written, to a duplicate of the socket, since gnet closes its own.
func (s *session) hangUp(c gnet.Conn) {
	if s.closed {
		return
	}
	if s.pendingWrites+s.pendingReads == 0 && !s.waiting {
		s.gone()
		return
	}
	fd, err := c.Dup()
	if err != nil {
		s.gone()
		return
	}
	s.conn = &lateConn{fd: fd}
	s.closing = true
	if s.waiting {
		s.close()
	}
}

// lateConn takes the last replies of a session whose client has stopped sending. What the socket does not
// take at once is lost, as it is when any connection closes.
type lateConn struct{ fd int }

func (t *lateConn) Write(b []byte) (int, error) { return unix.Write(t.fd, b) }
func (t *lateConn) Buffered() int               { return 0 }
func (t *lateConn) Close()                      { unix.Close(t.fd) }
func (t *lateConn) Kind() transportKind         { return overTCP }
func (t *lateConn) Remote() string              { return "" }
func (t *lateConn) Local() string               { return "" }

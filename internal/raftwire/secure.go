package raftwire

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

const handshakeMax = 5 * time.Second

// gathering puts the records of one message, 16 KiB each, into one write. TLS would write each for itself.
type gathering struct {
	net.Conn
	hold bool // do not write, but collect
	buf  []byte
}

func (g *gathering) Write(b []byte) (int, error) {
	if !g.hold {
		return g.Conn.Write(b)
	}
	g.buf = append(g.buf, b...)
	return len(b), nil
}

// secured is an encrypted connection to another node. Only one goroutine writes.
type secured struct {
	*tls.Conn
	below *gathering
}

func (s *secured) Write(b []byte) (int, error) {
	sealed, err := s.seal(b)
	if err != nil {
		return 0, err
	}
	if _, err := s.below.Conn.Write(sealed); err != nil {
		return 0, err
	}
	return len(b), nil
}

// seal returns what b is on the wire, valid until the next call.
func (s *secured) seal(b []byte) ([]byte, error) {
	if cap(s.below.buf) > bufferKeep {
		s.below.buf = nil
	}
	s.below.buf, s.below.hold = s.below.buf[:0], true
	_, err := s.Conn.Write(b)
	s.below.hold = false
	return s.below.buf, err
}

// secure makes conn an encrypted one by the client's side of a handshake.
func secure(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	below := &gathering{Conn: conn}
	s := &secured{tls.Client(below, config), below}
	return s, shake(ctx, s.Conn)
}

// accepted is secure for the other side, which writes no more than a farewell.
func accepted(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	s := tls.Server(conn, config)
	return s, shake(ctx, s)
}

func shake(ctx context.Context, conn *tls.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeMax)
	defer cancel()
	return conn.HandshakeContext(ctx)
}

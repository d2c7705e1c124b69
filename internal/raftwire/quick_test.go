package raftwire

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// TestQuick holds a quick connection against what others do: data, deadlines that pass, both kinds of end.
func TestQuick(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pair := func() (net.Conn, *net.TCPConn) {
		there, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		here, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = here.Close(), there.Close() })
		return quickly(here), there.(*net.TCPConn)
	}
	here, there := pair()
	b := make([]byte, 10)
	for range 2 {
		_ = here.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if n, err := here.Read(b); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read of nothing = %d, %v", n, err)
		}
		_ = here.SetReadDeadline(time.Now().Add(patience))
		if _, err := there.Write([]byte("text")); err != nil {
			t.Fatal(err)
		}
		if n, err := here.Read(b); string(b[:n]) != "text" || err != nil {
			t.Errorf("Read = %q, %v", b[:n], err)
		}
	}
	_ = there.CloseWrite()
	if n, err := here.Read(b); n != 0 || err != io.EOF {
		t.Errorf("Read at the end = %d, %v", n, err)
	}
	here, there = pair()
	_ = there.SetLinger(0)
	_ = there.Close()
	var broken *net.OpError
	if n, err := here.Read(b); n != 0 || !errors.As(err, &broken) {
		t.Errorf("Read of a reset connection = %d, %v", n, err)
	}
	_ = here.Close()
	if n, err := here.Read(b); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read of a closed connection = %d, %v", n, err)
	}
}

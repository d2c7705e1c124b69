// Package redistest starts a real redis-server, the judge of what ours says, for the tests of packages that have no server of
// their own. Tests of whole servers use test/process.
package redistest

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const readyText = "ready to accept connections at"

// Server is one that runs until the test ends.
type Server struct {
	Socket string // a unix socket
	Dir    string // its own
}

// Path is where redis-server is. Without one the test is skipped.
func Path(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	return path
}

// Start starts one, with an empty data set and these arguments, and skips the test where there is none.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	path := Path(t)
	dir, err := os.MkdirTemp("", "redis") // t.TempDir is too long for a unix socket on some systems
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{Socket: filepath.Join(dir, "s"), Dir: dir}
	server := exec.Command(path, append(args, "--port", "0", "--unixsocket", s.Socket, "--dir", dir)...)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), readyText) {
	}
	go io.Copy(io.Discard, out) // ends with the server
	return s
}

// Dial connects until the test ends.
func (s *Server) Dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", s.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

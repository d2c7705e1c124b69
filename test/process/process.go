// Package process runs a server as a real process, the way an operator would: started from a command line, ready when its
// log says so, ended by a signal. Black-box tests and benchmarks share it, for this server and for redis-server alike.
package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	readyLine = "Ready to accept connections" // what both servers log once it is true
	tailLines = 40                            // of the log, kept for error messages

	// Client ports are taken below the range that kernels lend to outgoing connections, so that no client of a test can sit on
	// the port of a server that is about to come back. The Raft port is the client port plus 10000, below that range as well.
	portFirst    = 20000
	portLast     = 22700
	raftDistance = 10000
)

// Command lines with {port} and {dir} where they belong. Two single quotes stand for an empty argument.
const (
	// Redis is redis-server with an fsync before every acknowledgement, the promise that ours is compared with.
	Redis = "redis-server --port {port} --dir {dir} --appendonly yes --appendfsync always --save ''"
	// Redoubt is this server, as it comes.
	Redoubt = "{redoubt} --port {port} --dir {dir}"
)

// Errors of a start.
var ErrNotReady = errors.New("process: the server ended before it was ready")

// Server is one running process.
type Server struct {
	Addr string // where clients connect
	Port int
	Pid  int

	cmd   *exec.Cmd
	ready chan struct{} // closed when the log says so
	done  chan struct{} // closed when the process has ended and its log is read to the end

	mu    sync.Mutex // guards tail and state
	tail  []string
	state error
}

// Build compiles cmd/redoubt into dir and returns the path of the binary. It works from any folder of the module.
func Build(dir string) (string, error) {
	binary := filepath.Join(dir, "redoubt")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/redoubt-db/redoubt/cmd/redoubt").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("process: go build: %w\n%s", err, out)
	}
	return binary, nil
}

// Resolve makes a command line of a name: "redoubt" is built into dir, "redis" is the installed redis-server, and anything else
// is a command line already.
func Resolve(name, dir string) (string, error) {
	switch name {
	case "redis":
		return Redis, nil
	case "", "redoubt":
		binary, err := Build(dir)
		return strings.ReplaceAll(Redoubt, "{redoubt}", binary), err
	}
	return name, nil
}

// FreePort returns a client port that nobody listens on now, and whose Raft port is free too.
func FreePort() (int, error) {
	for range 200 {
		port := portFirst + rand.IntN(portLast-portFirst)
		if free(port) && free(port+raftDistance) {
			return port, nil
		}
	}
	return 0, errors.New("process: no free port")
}

func free(port int) bool {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// Launch starts the command on the port and the data directory and does not wait for it to be ready.
func Launch(command string, port int, dir string, more ...string) (*Server, error) {
	return LaunchLogged(io.Discard, command, port, dir, more...)
}

// LaunchLogged is Launch, with all that the server says copied to said.
func LaunchLogged(said io.Writer, command string, port int, dir string, more ...string) (*Server, error) {
	noteSources()
	var args []string
	for _, field := range strings.Fields(command) {
		if field == "''" {
			field = ""
		}
		args = append(args, strings.NewReplacer("{port}", strconv.Itoa(port), "{dir}", dir).Replace(field))
	}
	cmd := exec.Command(args[0], append(args[1:], more...)...)
	cmd.Dir = dir
	log, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	w.Close()
	if err != nil {
		log.Close()
		return nil, err
	}
	s := &Server{Addr: "127.0.0.1:" + strconv.Itoa(port), Port: port, Pid: cmd.Process.Pid,
		cmd: cmd, ready: make(chan struct{}), done: make(chan struct{})}
	go s.follow(log, said)
	return s, nil
}

// Start launches the command and returns when it is ready.
func Start(command string, port int, dir string, within time.Duration, more ...string) (*Server, error) {
	s, err := Launch(command, port, dir, more...)
	if err != nil {
		return nil, err
	}
	if err := s.WaitReady(within); err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// WaitReady returns when the server has logged that it accepts connections, or with what it said instead.
func (s *Server) WaitReady(within time.Duration) error {
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	select {
	case <-s.ready:
		return nil
	case <-s.done:
		return fmt.Errorf("%w (%v)\n%s", ErrNotReady, s.state, s.Tail())
	case <-timeout.C:
		return fmt.Errorf("process: not ready within %s\n%s", within, s.Tail())
	}
}

// Done is closed when the process has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// Kill sends SIGKILL and returns when the process is gone.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	<-s.done
}

// Stop sends SIGTERM, waits for the end and returns how it ended: nil is exit code 0 in time.
func (s *Server) Stop(within time.Duration) error {
	s.cmd.Process.Signal(syscall.SIGTERM)
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	select {
	case <-s.done:
		return s.state
	case <-timeout.C:
		s.Kill()
		return fmt.Errorf("process: still there %s after SIGTERM\n%s", within, s.Tail())
	}
}

// Tail returns the last lines of the log.
func (s *Server) Tail() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.tail, "\n")
}

// RSS returns the resident memory of the process in bytes.
func (s *Server) RSS() (int64, error) { return s.status("VmRSS") }

// PeakRSS returns the most resident memory that the process ever had, or 0 where the system does not say.
func (s *Server) PeakRSS() int64 {
	n, _ := s.status("VmHWM")
	return n
}

// status reads a number of bytes from /proc, so on Linux only.
func (s *Server) status(field string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, field+": %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("process: no %s in /proc", field)
}

// follow reads the log to its end, then collects the process.
func (s *Server) follow(log io.ReadCloser, said io.Writer) {
	defer log.Close()
	ready := false
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			io.WriteString(said, line)
			s.remember(strings.TrimRight(line, "\n"))
		}
		if !ready && strings.Contains(line, readyLine) {
			ready = true
			close(s.ready)
		}
		if err != nil {
			break
		}
	}
	s.state = s.cmd.Wait() // read by others only after done is closed
	close(s.done)
}

func (s *Server) remember(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tail) == tailLines {
		s.tail = append(s.tail[:0], s.tail[1:]...)
	}
	s.tail = append(s.tail, line)
}

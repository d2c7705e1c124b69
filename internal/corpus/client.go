package corpus

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Client is an Executor on one connection to a server.
type Client struct {
	conn net.Conn
	in   *bufio.Reader
}

// Dial connects to a server's address ("tcp" or "unix") and empties it.
func Dial(network, address string) (*Client, error) {
	conn, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn, in: bufio.NewReader(conn)}
	if got, err := c.Do([]string{"FLUSHALL"}); err != nil || got != "OK" {
		return nil, errors.Join(fmt.Errorf("FLUSHALL: %s", got), err, conn.Close())
	}
	return c, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Do sends a command and reads its reply.
func (c *Client) Do(args []string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := c.conn.Write([]byte(b.String())); err != nil {
		return "", err
	}
	r, err := readReply(c.in, 0)
	return r.print(""), err
}

// Proto sends HELLO.
func (c *Client) Proto(version int) error {
	got, err := c.Do([]string{"HELLO", strconv.Itoa(version)})
	if strings.HasPrefix(got, "(error)") {
		return errors.New(got)
	}
	return err
}

// Redis is a real redis-server, started for a test.
type Redis struct {
	dir     string
	process *exec.Cmd
}

// ErrNoRedis: no redis-server is installed.
var ErrNoRedis = errors.New("corpus: redis-server is not installed")

// StartRedis starts the installed redis-server, without persistence, on a socket in a directory of its own.
func StartRedis() (*Redis, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNoRedis
	}
	dir, err := os.MkdirTemp("", "corpus")
	if err != nil {
		return nil, err
	}
	r := &Redis{dir: dir}
	r.process = exec.Command(path, "--port", "0", "--unixsocket", r.socket(), "--save", "", "--appendonly", "no", "--dir", dir,
		"--enable-debug-command", "yes")
	out, err := r.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.process.Start(); err != nil {
		return nil, err
	}
	// It says on its output when it is ready; then the pipe may be dropped, since it says little more.
	for scan := bufio.NewScanner(out); scan.Scan(); {
		if strings.Contains(scan.Text(), "eady to accept connections") {
			return r, nil
		}
	}
	return nil, errors.Join(errors.New("corpus: redis-server did not start"), r.Close())
}

func (r *Redis) socket() string { return filepath.Join(r.dir, "socket") }

// Close ends the server and removes its directory.
func (r *Redis) Close() error {
	killed := r.process.Process.Kill()
	_ = r.process.Wait() // it says that it was killed
	return errors.Join(killed, os.RemoveAll(r.dir))
}

// Dial is a new connection to the server, which is emptied.
func (r *Redis) Dial() (*RedisClient, error) {
	c, err := Dial("unix", r.socket())
	return &RedisClient{c}, err
}

// RedisClient is a Client of a real Redis.
type RedisClient struct{ *Client }

// Foreign says that it is not ours.
func (*RedisClient) Foreign() {}

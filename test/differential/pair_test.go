package differential

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	startMax = time.Minute
	replyMax = 3 * time.Minute // for a pipeline; a server that stalls longer fails the test. Beside a benchmark everything takes its time

	// redisCommand keeps nothing on disk, so that it is quick.
	redisCommand = "redis-server --port {port} --dir {dir} --save '' --appendonly no"
)

// directives make collections change how they are kept long before they are large. Scripts change them.
var directives = []string{"hash-max-listpack-entries", "16", "hash-max-listpack-value", "48", "set-max-intset-entries", "16",
	"zset-max-listpack-entries", "16", "zset-max-listpack-value", "48", "list-max-listpack-size", "16", "list-compress-depth", "0",
	"hll-sparse-max-bytes", "3000", "maxmemory-policy", "noeviction", "slowlog-max-len", "128"}

// side is one of the two servers and a connection to it.
type side struct {
	name    string
	command string
	port    int
	dir     string
	srv     *process.Server
	conn    *wire.Conn // the one that the script runs on
	control *wire.Conn // the one that looks at the state

	proto      int
	clients    []*wire.Conn // those that wait
	news       *wire.Conn   // hears notifications; nil if nobody asked for them
	subscriber *wire.Conn   // the one that channels are subscribed on
}

// setting is how an epoch is run.
type setting struct {
	proto int
	news  bool // notifications are compared
}

// pair is redis first, ours second.
type pair struct {
	sides    [2]*side
	pipeline int
	known    []difference // that can show with the families chosen
}

// newPair starts both servers.
func newPair(t *testing.T, server string, pipeline int) *pair {
	t.Helper()
	t.Setenv("LC_ALL", "C") // SORT ALPHA compares by it
	command, err := process.Resolve(server, t.TempDir())
	if server == "redis" {
		command, err = redisCommand, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{pipeline: pipeline}
	for i, name := range []string{"redis", "here"} {
		s := &side{name: name, command: []string{redisCommand, command}[i], dir: t.TempDir()}
		p.sides[i] = s
		if s.port, err = process.FreePort(); err == nil {
			err = s.start()
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.srv.Kill() })
	}
	return p
}

func (s *side) start() (err error) {
	if s.srv, err = process.Start(s.command, s.port, s.dir, startMax); err != nil {
		return err
	}
	if s.control, err = wire.Dial(s.srv.Addr, startMax); err != nil {
		return err
	}
	s.news = nil
	return s.configure()
}

// configure sets what scripts may have changed.
func (s *side) configure() error {
	s.control.Deadline(time.Now().Add(replyMax))
	if _, err := s.control.Do(append([]string{"CONFIG", "SET"}, directives...)...); err != nil {
		return fmt.Errorf("%s: CONFIG SET: %w", s.name, err)
	}
	return nil
}

// fresh gives the side an empty keyspace and a new connection; a server that has died is started again.
func (s *side) fresh(how setting) error {
	select {
	case <-s.srv.Done():
		if err := s.start(); err != nil {
			return err
		}
	default:
	}
	if s.conn != nil {
		s.conn.Close()
	}
	if s.subscriber != nil {
		s.subscriber.Close()
		s.subscriber = nil
	}
	s.closeClients()
	if err := s.configure(); err != nil {
		return err
	}
	if err := s.listen(how.news); err != nil {
		return err
	}
	s.proto = how.proto
	var err error
	if s.conn, err = wire.Dial(s.srv.Addr, startMax); err != nil {
		return err
	}
	s.conn.Append("HELLO", strconv.Itoa(how.proto))
	s.conn.Append("FLUSHALL")
	s.conn.Deadline(time.Now().Add(replyMax))
	if err := s.conn.Flush(); err != nil {
		return err
	}
	for range 2 {
		r, err := s.conn.Read()
		if err = errors.Join(err, r.Err()); err != nil {
			return err
		}
	}
	return nil
}

// do sends one command and returns its reply; its error is the connection's.
func (s *side) do(args []string) (wire.Reply, error) {
	s.conn.Deadline(time.Now().Add(replyMax))
	s.conn.Append(args...)
	if err := s.conn.Flush(); err != nil {
		return wire.Reply{}, s.lost(err)
	}
	r, err := s.conn.Read()
	return r, s.lost(err)
}

// lost says whose connection it was.
func (s *side) lost(err error) error {
	if err == nil {
		return nil
	}
	return &lostError{side: s.name, err: err}
}

// lostError is a connection that ended or a reply that did not come in time.
type lostError struct {
	side string
	err  error
}

func (e *lostError) Error() string { return e.side + " does not answer: " + e.err.Error() }

func (e *lostError) Unwrap() error { return e.err }

// both sends the commands to both servers, which work at the same time, and returns the replies of each. On an error these are those
// that came before it.
func (p *pair) both(commands ...[]string) (replies [2][]wire.Reply, err error) {
	return p.through(func(s *side) *wire.Conn { return s.conn }, commands)
}

// look is both, on the connections that look at the state.
func (p *pair) look(commands ...[]string) (replies [2][]wire.Reply, err error) {
	return p.through(func(s *side) *wire.Conn { return s.control }, commands)
}

func (p *pair) through(of func(*side) *wire.Conn, commands [][]string) (replies [2][]wire.Reply, err error) {
	for _, s := range p.sides {
		c := of(s)
		c.Deadline(time.Now().Add(replyMax))
		for _, args := range commands {
			c.Append(args...)
		}
		if err := c.Flush(); err != nil {
			return replies, s.lost(err)
		}
	}
	for i, s := range p.sides {
		for range commands {
			r, err := of(s).Read()
			if err != nil {
				return replies, s.lost(err)
			}
			replies[i] = append(replies[i], r)
		}
	}
	return replies, nil
}

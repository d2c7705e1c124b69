package backup

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/resp"
)

// Limits of talking to a node.
const (
	dialMax  = 10 * time.Second
	startMax = 30 * time.Minute // the node reads all of its content before the first byte
	pieceMax = 16 << 20
	listMax  = 64
)

// Remote is a node that runs.
type Remote struct {
	Address        string // host:port of its client port
	User, Password string
	TLS            *tls.Config // nil: plain
}

// Take backs up a running node over its client port, as of a revision, the newest if that is 0.
func Take(from Remote, revision uint64, file string, w io.Writer) (Header, error) {
	c, err := dial(from)
	if err != nil {
		return Header{}, err
	}
	defer c.conn.Close()
	args := []string{"BACKUP", "START"}
	if revision != 0 {
		args = append(args, strconv.FormatUint(revision, 10))
	}
	r, err := c.do(startMax, args...)
	if err != nil {
		return Header{}, err
	}
	remote, err := c.begun(r)
	if err != nil {
		return Header{}, err
	}
	err = write(remote, file, w)
	if err != nil {
		_, _ = c.do(dialMax, "BACKUP", "STOP", remote.id) // it would be stopped for idleness anyway
	}
	return remote.h, err
}

// client speaks RESP2 to a node.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

// reply is text for all but arrays.
type reply struct {
	text string
	list []reply
	null bool
}

var errReply = errors.New("the reply is not in Redis' protocol")

func dial(to Remote) (*client, error) {
	var conn net.Conn
	var err error
	dialer := &net.Dialer{Timeout: dialMax}
	if to.TLS != nil {
		conn, err = tls.DialWithDialer(dialer, "tcp", to.Address, to.TLS)
	} else {
		conn, err = dialer.Dial("tcp", to.Address)
	}
	if err != nil {
		return nil, err
	}
	c := &client{conn, bufio.NewReaderSize(conn, 1<<20)}
	if to.Password != "" {
		args := []string{"AUTH", to.Password}
		if to.User != "" {
			args = []string{"AUTH", to.User, to.Password}
		}
		if _, err := c.do(dialMax, args...); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return c, nil
}

// do sends a command and returns the reply; an error reply is an error.
func (c *client) do(within time.Duration, args ...string) (reply, error) {
	if err := c.conn.SetDeadline(time.Now().Add(within)); err != nil {
		return reply{}, err
	}
	b := resp.AppendHeader(nil, '*', len(args))
	for _, a := range args {
		b = resp.BulkString(a).Append(b, resp.RESP2)
	}
	if _, err := c.conn.Write(b); err != nil {
		return reply{}, err
	}
	r, err := c.read()
	if err != nil {
		return reply{}, fmt.Errorf("%s: %w", c.conn.RemoteAddr(), err)
	}
	return r, nil
}

func (c *client) read() (reply, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return reply{}, errReply
	}
	switch line[0] {
	case '+', ':':
		return reply{text: line[1:]}, nil
	case '-':
		return reply{}, errors.New(line[1:])
	}
	n, err := strconv.Atoi(line[1:])
	switch {
	case err != nil:
		return reply{}, errReply
	case n < 0:
		return reply{null: true}, nil
	case line[0] == '$' && n <= pieceMax:
		b := make([]byte, n+2)
		_, err := io.ReadFull(c.in, b)
		return reply{text: string(b[:n])}, err
	case line[0] != '*' || n > listMax:
		return reply{}, errReply
	}
	var r reply
	for range n {
		x, err := c.read()
		if err != nil {
			return reply{}, err
		}
		r.list = append(r.list, x)
	}
	return r, nil
}

// running is a backup that a node has begun.
type running struct {
	c  *client
	id string
	h  Header
}

// begun reads the answer to BACKUP START, names and values in turn. Names it does not know are of later versions.
func (c *client) begun(r reply) (*running, error) {
	b := &running{c: c}
	var bad error
	for i := 0; i+1 < len(r.list); i += 2 {
		value := r.list[i+1].text
		number := func(base int) uint64 {
			n, err := strconv.ParseUint(value, base, 64)
			bad = errors.Join(bad, err)
			return n
		}
		switch r.list[i].text {
		case "id":
			b.id = value
		case "cluster":
			b.h.Cluster = number(16)
		case "node":
			b.h.Node = number(16)
		case "revision":
			b.h.Revision = number(10)
		case "compacted":
			b.h.Compacted = number(10)
		case "applied":
			b.h.Applied = number(10)
		case "logtime":
			b.h.LogTime = int64(number(10))
		case "content":
			b.h.Content = number(16)
		}
	}
	if bad != nil || b.id == "" {
		return nil, errors.Join(errReply, bad)
	}
	return b, nil
}

func (b *running) header() Header { return b.h }

func (b *running) writeTo(w io.Writer) error {
	for {
		r, err := b.c.do(startMax, "BACKUP", "READ", b.id)
		if err != nil || r.null {
			return err
		}
		if _, err := io.WriteString(w, r.text); err != nil {
			return err
		}
	}
}

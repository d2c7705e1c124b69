// Package wire is a RESP client with nothing in between: what a test appends is what the server gets, and a reply is what
// it sent. It shares no code with the server on purpose, so that one mistake cannot hide in both.
package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

const (
	readBuffer = 64 << 10
	bulkMax    = 512 << 20 // of a reply; more is a broken stream
	elemsMax   = 16 << 20
)

// Reply is one value. Kind is its RESP type byte: + - : $ * and RESP3's _ , # ! = ( % ~ >.
type Reply struct {
	Kind  byte
	Nil   bool
	Int   int64
	Text  string
	Elems []Reply // of a map: key, value, key, value
}

// Err returns the error that the reply is, or nil.
func (r Reply) Err() error {
	if r.Kind == '-' || r.Kind == '!' {
		return errors.New(r.Text)
	}
	return nil
}

// String shows the reply as redis-cli would.
func (r Reply) String() string {
	switch {
	case r.Nil:
		return "(nil)"
	case r.Kind == ':':
		return "(integer) " + strconv.FormatInt(r.Int, 10)
	case r.Kind == '-' || r.Kind == '!':
		return "(error) " + r.Text
	case r.Kind == '$':
		return strconv.Quote(r.Text)
	case r.Kind == '*' || r.Kind == '%' || r.Kind == '~' || r.Kind == '>':
		return fmt.Sprint(r.Elems)
	}
	return r.Text
}

// Conn is one connection. One goroutine may write and another read.
type Conn struct {
	net net.Conn
	r   *bufio.Reader
	out []byte
}

// Dial connects within the time given.
func Dial(addr string, within time.Duration) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, within)
	if err != nil {
		return nil, err
	}
	return New(c), nil
}

// New is a client on a connection that is there already: over TLS, a unix socket, or one that a test sends rubbish on.
func New(c net.Conn) *Conn { return &Conn{net: c, r: bufio.NewReaderSize(c, readBuffer)} }

// Close closes the connection.
func (c *Conn) Close() error { return c.net.Close() }

// Deadline fails every read and write after t.
func (c *Conn) Deadline(t time.Time) { c.net.SetDeadline(t) }

// Append queues a command.
func (c *Conn) Append(args ...string) {
	c.out = AppendCommand(c.out, args...)
}

// AppendCommand appends the command's bytes to dst.
func AppendCommand(dst []byte, args ...string) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(len(args)), 10)
	dst = append(dst, "\r\n"...)
	for _, a := range args {
		dst = append(dst, '$')
		dst = strconv.AppendInt(dst, int64(len(a)), 10)
		dst = append(dst, "\r\n"...)
		dst = append(dst, a...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// Flush sends what was queued.
func (c *Conn) Flush() error {
	_, err := c.net.Write(c.out)
	c.out = c.out[:0]
	return err
}

// Do sends one command and reads its reply. An error reply is an error too.
func (c *Conn) Do(args ...string) (Reply, error) {
	c.Append(args...)
	if err := c.Flush(); err != nil {
		return Reply{}, err
	}
	r, err := c.Read()
	if err != nil {
		return r, err
	}
	return r, r.Err()
}

// Read reads one reply. Its error is the connection's; an error reply is no error here.
func (c *Conn) Read() (Reply, error) {
	line, err := c.line()
	if err != nil {
		return Reply{}, err
	}
	if line == "" {
		return Reply{}, errors.New("wire: an empty line for a reply")
	}
	r := Reply{Kind: line[0], Text: line[1:]}
	switch r.Kind {
	case '+', '-', ',', '#', '(':
		return r, nil
	case '_':
		r.Nil = true
		return r, nil
	case ':':
		r.Int, err = strconv.ParseInt(r.Text, 10, 64)
		return r, err
	case '$', '=', '!':
		return c.bulk(r)
	case '*', '~', '>', '%':
		return c.elems(r)
	}
	return r, fmt.Errorf("wire: a reply that begins with %q", line)
}

func (c *Conn) line() (string, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return "", fmt.Errorf("wire: a line ends without CR: %q", line)
	}
	return line[:len(line)-2], nil
}

func (c *Conn) bulk(r Reply) (Reply, error) {
	n, err := strconv.Atoi(r.Text)
	if err != nil || n < -1 || n > bulkMax {
		return r, fmt.Errorf("wire: a bulk of length %q", r.Text)
	}
	if r.Text = ""; n < 0 {
		r.Nil = true
		return r, nil
	}
	data := make([]byte, n+2)
	if _, err := io.ReadFull(c.r, data); err != nil {
		return r, err
	}
	r.Text = string(data[:n])
	return r, nil
}

func (c *Conn) elems(r Reply) (Reply, error) {
	n, err := strconv.Atoi(r.Text)
	if err != nil || n < -1 || n > elemsMax {
		return r, fmt.Errorf("wire: an array of length %q", r.Text)
	}
	if r.Text = ""; n < 0 {
		r.Nil = true
		return r, nil
	}
	if r.Kind == '%' {
		n *= 2
	}
	for range n {
		e, err := c.Read()
		if err != nil {
			return r, err
		}
		r.Elems = append(r.Elems, e)
	}
	return r, nil
}

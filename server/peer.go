package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/resp"
)

// Limits of what another member is asked, and of what it answers.
const (
	peerDialMax  = time.Second
	peerTextMax  = 1 << 20
	peerListMax  = 1 << 16
	peerDepthMax = 8
)

// peerConn is a connection to the client port of another member. One goroutine uses it.
type peerConn struct {
	conn net.Conn
	in   *bufio.Reader
}

// peerReply is a reply in RESP2: text for all but arrays.
type peerReply struct {
	text string
	list []peerReply
	err  bool
}

// errPeer is what a member answered in place of what it was asked.
type errPeer string

func (e errPeer) Error() string { return string(e) }

// dialPeer connects to a member's client port, as masteruser if the configuration says so. It gives up when ctx ends.
func dialPeer(ctx context.Context, view *conf.View, address string) (*peerConn, error) {
	conn, err := dialMember(ctx, view, address)
	if err != nil {
		return nil, err
	}
	p := &peerConn{conn: conn, in: bufio.NewReader(conn)}
	defer context.AfterFunc(ctx, p.close)()
	if password := view.String("masterauth"); password != "" {
		args := []string{"AUTH", password}
		if user := view.String("masteruser"); user != "" {
			args = []string{"AUTH", user, password}
		}
		if _, err := p.do(peerDialMax, args...); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

func (p *peerConn) close() { p.conn.Close() }

// do sends a command and returns the reply; an error reply is an errPeer.
func (p *peerConn) do(within time.Duration, args ...string) (peerReply, error) {
	if err := p.conn.SetDeadline(time.Now().Add(within)); err != nil {
		return peerReply{}, err
	}
	b := resp.AppendHeader(nil, '*', len(args))
	for _, a := range args {
		b = resp.BulkString(a).Append(b, resp.RESP2)
	}
	if _, err := p.conn.Write(b); err != nil {
		return peerReply{}, err
	}
	r, err := p.read(0)
	if err == nil && r.err {
		err = errPeer(r.text)
	}
	return r, err
}

var errPeerReply = errors.New("the reply is not in Redis' protocol")

func (p *peerConn) read(depth int) (peerReply, error) {
	line, err := p.in.ReadString('\n')
	if err != nil {
		return peerReply{}, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" || depth > peerDepthMax {
		return peerReply{}, errPeerReply
	}
	switch line[0] {
	case '+', ':':
		return peerReply{text: line[1:]}, nil
	case '-':
		return peerReply{text: line[1:], err: true}, nil
	}
	n, err := strconv.Atoi(line[1:])
	switch {
	case err != nil:
		return peerReply{}, errPeerReply
	case n < 0:
		return peerReply{}, nil
	case line[0] == '$' && n <= peerTextMax:
		b := make([]byte, n+2)
		_, err := io.ReadFull(p.in, b)
		return peerReply{text: string(b[:n])}, err
	case line[0] != '*' || n > peerListMax:
		return peerReply{}, errPeerReply
	}
	var r peerReply
	for range n {
		x, err := p.read(depth + 1)
		if err != nil {
			return peerReply{}, err
		}
		r.list = append(r.list, x)
	}
	return r, nil
}

// askPeer is dialPeer and do, for who asks once.
func askPeer(view *conf.View, address string, within time.Duration, args ...string) (peerReply, error) {
	p, err := dialPeer(context.Background(), view, address)
	if err != nil {
		return peerReply{}, fmt.Errorf("%s: %w", address, err)
	}
	defer p.close()
	r, err := p.do(within, args...)
	if err != nil {
		return r, fmt.Errorf("%s: %w", address, err)
	}
	return r, nil
}

// addressList reads addresses with commas between them.
func addressList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

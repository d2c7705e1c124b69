package chaos

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/test/cluster"
	"github.com/redoubt-db/redoubt/test/wire"
)

const replyMax = 12 * time.Second // longer than write-timeout and any pause

// outcome is what a client knows about a request.
type outcome int

const (
	done    outcome = iota + 1 // it took effect, between request and reply
	refused                    // it did not, and will not
	unknown                    // it may have, and may yet
)

func (o outcome) String() string { return [...]string{"", "done", "refused", "unknown"}[o] }

// client is one connection at a time to one node.
type client struct {
	id    int
	node  *cluster.Node
	rng   *rand.Rand
	first []string // is sent first on each connection, such as READONLY
	conn  *wire.Conn
	conns int // connections so far
}

// do sends commands in one go and returns the last one's reply. Commands before it must not fail but with it.
func (c *client) do(commands ...[]string) (wire.Reply, outcome) {
	if c.conn == nil {
		conn, err := wire.Dial(c.node.Addr(), time.Second)
		if err != nil {
			return wire.Reply{}, refused
		}
		c.conn = conn
		c.conns++
		if c.first != nil {
			commands = append([][]string{c.first}, commands...)
		}
	}
	c.conn.Deadline(time.Now().Add(replyMax))
	for _, args := range commands {
		c.conn.Append(args...)
	}
	if err := c.conn.Flush(); err != nil {
		return c.lost()
	}
	var last wire.Reply
	result := done
	for range commands {
		r, err := c.conn.Read()
		if err != nil {
			return c.lost()
		}
		if r.Err() != nil {
			result = max(result, errorOutcome(r.Text))
		}
		last = r
	}
	return last, result
}

func (c *client) lost() (wire.Reply, outcome) {
	c.close()
	return wire.Reply{}, unknown
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// errorOutcome reads the errors of a write that was not acknowledged. Others are about the commands themselves, and
// nothing here sends commands that may fail, but for leases that are gone.
func errorOutcome(text string) outcome {
	for _, sure := range []string{"NOQUORUM", "LOADING", "BUSY", "NOSPACE", "EXECABORT"} {
		if strings.HasPrefix(text, sure) {
			return refused
		}
	}
	return unknown
}

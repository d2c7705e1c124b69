package command

import (
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// args are a command's arguments, the name first. They alias the request.
type args [][]byte

// ReadCall is one execution of a reading command.
type ReadCall struct {
	args
	View  *keyspace.View
	Proto resp.Protocol // for the few replies whose shape, not only encoding, depends on it
	reply resp.Reply
}

// WriteCall is one execution of a writing command.
type WriteCall struct {
	args
	Tx    *keyspace.Tx
	Proto resp.Protocol // shapes the reply alone; what is written never depends on it

	// Audience counts who listens to a channel on the node that replies: for the reply alone, and nil where none is
	// built. What is written must not depend on it.
	Audience func(channel []byte, sharded bool) int64
}

// Reset makes c the call of args on view, so that one ReadCall serves many commands.
func (c *ReadCall) Reset(argv [][]byte, view *keyspace.View, p resp.Protocol) {
	c.args, c.View, c.Proto = argv, view, p
}

// Reset makes c the call of args in tx.
func (c *WriteCall) Reset(argv [][]byte, tx *keyspace.Tx, p resp.Protocol) {
	c.args, c.Tx, c.Proto = argv, tx, p
}

// long begins a long reply, whose value is good until the next call: Reset need not be told.
func (c *ReadCall) long() *resp.Reply {
	c.reply.Reset(c.Proto)
	return &c.reply
}

// Len is the number of arguments, the name included.
func (a args) Len() int { return len(a) }

// At is argument i; 0 is the name as it was sent.
func (a args) At(i int) []byte { return a[i] }

// From are the arguments from i on.
func (a args) From(i int) [][]byte { return a[i:] }

// Is compares argument i with an upper-case word, in any case.
func (a args) Is(i int, word string) bool { return i < len(a) && equalFold(a[i], word) }

// Int is argument i as a 64-bit integer in Redis' strict form: no spaces, plus sign or leading zeros.
func (a args) Int(i int) (int64, error) {
	n, ok := parseInt(a[i])
	if !ok {
		return 0, errNotInteger
	}
	return n, nil
}

// Float is argument i as a finite or infinite double; NaN and surrounding spaces are refused.
func (a args) Float(i int) (float64, error) {
	f, ok := parseFloat(a[i])
	if !ok {
		return 0, errNotFloat
	}
	return f, nil
}

func parseInt(b []byte) (int64, bool) { return keyspace.ParseInt(b) }

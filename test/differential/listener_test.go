package differential

// Commands of a connection that subscribes: replies come in any number, so a PING behind them shows where they end.

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	listenerMark = "no more"
	messageMax   = 20 * time.Second // for messages that redis has told to arrive here
)

// listener runs a command on the connection that subscribes.
func (p *pair) listener(c call) (want, got wire.Reply, wrong string, err error) {
	var replies [2][]string
	for i, s := range p.sides {
		if s.subscriber == nil {
			if s.subscriber, err = wire.Dial(s.srv.Addr, startMax); err != nil {
				return want, got, "", err
			}
		}
		if replies[i], err = s.listenerDo(c.args); err != nil {
			return want, got, "", err
		}
	}
	for until := time.Now().Add(messageMax); len(replies[1]) < len(replies[0]) && time.Now().Before(until); {
		more, err := p.sides[1].listenerDo(nil)
		if err != nil {
			return want, got, "", err
		}
		replies[1] = append(replies[1], more...)
	}
	name := strings.ToUpper(c.args[0])
	for i := range replies {
		sortMessages(replies[i])
	}
	theirs, ours := strings.Join(replies[0], "\n"), strings.Join(replies[1], "\n")
	switch {
	case name == "HELLO": // tells names and versions
		return want, got, "", nil
	case strings.HasSuffix(name, "UNSUBSCRIBE") && len(c.args) == 1: // from all, in an order of its own
		return want, got, differs(len(replies[0]) != len(replies[1])), nil
	}
	return wire.Reply{Kind: '$', Text: theirs}, wire.Reply{Kind: '$', Text: ours}, differs(theirs != ours), nil
}

// sortMessages gives messages that came by patterns and stand together one order: which pattern comes first is redis' own affair.
func sortMessages(replies []string) {
	pattern := func(s string) bool { return strings.Contains(s, `"pmessage"`) }
	for i := 0; i < len(replies); i++ {
		end := i
		for end < len(replies) && pattern(replies[end]) {
			end++
		}
		slices.Sort(replies[i:end])
		i = end
	}
}

// listenerDo returns all that comes until the mark.
func (s *side) listenerDo(args []string) (out []string, err error) {
	c := s.subscriber
	c.Deadline(time.Now().Add(replyMax))
	if args != nil {
		c.Append(args...)
	}
	c.Append("PING", listenerMark)
	if err := c.Flush(); err != nil {
		return nil, s.lost(err)
	}
	for {
		r, err := c.Read()
		if err != nil {
			return out, s.lost(err)
		}
		if r.Text == listenerMark || len(r.Elems) == 2 && r.Elems[1].Text == listenerMark {
			return out, nil
		}
		out = append(out, fmt.Sprintf("%c %s", r.Kind, canon(r)))
	}
}

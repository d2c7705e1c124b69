package differential

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redoubt-db/redoubt/test/wire"
)

const stateEvery = 1000 // steps between two comparisons of everything that is held

// finding is a difference that nobody has written down.
type finding struct {
	at        int  // the step
	call      call // the command, or none if the state differs
	what      string
	want, got string
}

// replay runs a script from an empty keyspace and returns the first difference. An error is one of the harness or of redis; a server
// of ours that does not answer is a finding.
func (p *pair) replay(how setting, script []step) (*finding, error) {
	for _, s := range p.sides {
		if err := s.fresh(how); err != nil {
			return nil, err
		}
	}
	for from := 0; from < len(script); {
		to := p.batch(script, from)
		f, err := p.run(script, from, to)
		if err == nil && f == nil && how.news {
			f, err = p.compareNews(to-1, !script[from].steers() || hasWaiters(script[from]))
		}
		if err == nil && f == nil && (to == len(script) || to/stateEvery > from/stateEvery) {
			f, err = p.compareState()
			if f != nil {
				f.at = to - 1
			}
		}
		if f != nil || err != nil {
			return p.judge(f, err, to-1)
		}
		from = to
	}
	return nil, nil
}

// judge turns the loss of our server into a finding.
func (p *pair) judge(f *finding, err error, at int) (*finding, error) {
	var lost *lostError
	if errors.As(err, &lost) && lost.side == p.sides[1].name {
		select { // a connection that was lost because the server died is worth its last words
		case <-p.sides[1].srv.Done():
			return &finding{at: at, what: err.Error() + "\n" + p.sides[1].srv.Tail()}, nil
		default:
		}
		return &finding{at: at, what: err.Error()}, nil
	}
	return f, err
}

// batch returns the end of the steps from the given one that can go in one pipeline.
func (p *pair) batch(script []step, from int) int {
	if script[from].steers() {
		return from + 1
	}
	to, commands := from, 0
	for to < len(script) && !script[to].steers() && (to == from || commands+len(script[to]) <= p.pipeline) {
		commands += len(script[to])
		to++
	}
	return to
}

// run sends the steps and compares the replies.
func (p *pair) run(script []step, from, to int) (*finding, error) {
	if hasWaiters(script[from]) {
		return p.wait(script[from], from)
	}
	if script[from].steers() {
		c := script[from][0]
		want, got, wrong, err := p.steer(c)
		if err != nil || wrong == "" || p.documented(c.args, want, got) {
			return nil, err
		}
		return &finding{at: from, call: c, what: wrong, want: want.String(), got: got.String()}, nil
	}
	var commands [][]string
	for _, s := range script[from:to] {
		for _, c := range s {
			commands = append(commands, c.args)
		}
	}
	replies, err := p.both(commands...)
	// What came before a connection was lost may say more than the loss.
	want, got := replies[0], replies[1]
	for i := from; i < to; i++ {
		n := min(len(script[i]), len(want), len(got))
		if f := p.compare(script[i][:n], want[:n], got[:n]); f != nil {
			f.at = i
			return f, nil
		}
		want, got = want[n:], got[n:]
	}
	if n := min(len(replies[0]), len(replies[1])); err != nil && n < len(commands) {
		err = fmt.Errorf("%w; what was not answered:\n%s", err, lines(commands[n:]))
	}
	return nil, err
}

// compare holds the replies of a step to the laws of its commands; those of queued commands are elements of EXEC's.
func (p *pair) compare(s step, want, got []wire.Reply) *finding {
	var queued []call
	for i, c := range s {
		switch {
		case want[i].Text == "QUEUED":
			queued = append(queued, c)
		case c.spec == nil && strings.EqualFold(c.args[0], "MULTI") && want[i].Err() == nil:
			queued = nil // an EXEC with arguments has ended the one before
		}
		// EXEC of a transaction that ran; one that is alone in its step finds nothing to run.
		if len(queued) > 0 && strings.EqualFold(c.args[0], "EXEC") && want[i].Kind == '*' && got[i].Kind == '*' && len(want[i].Elems) == len(queued) && len(got[i].Elems) == len(queued) {
			for j, q := range queued {
				if f := p.difference(q, want[i].Elems[j], got[i].Elems[j]); f != nil {
					f.what = "in EXEC: " + f.what
					return f
				}
			}
			queued = nil
			continue
		}
		if f := p.difference(c, want[i], got[i]); f != nil {
			return f
		}
	}
	return nil
}

func (p *pair) difference(c call, want, got wire.Reply) *finding {
	if c.law().same(want, got) || p.documented(c.args, want, got) {
		return nil
	}
	return &finding{call: c, what: "replies differ", want: shown(want), got: shown(got)}
}

func (p *pair) documented(args []string, want, got wire.Reply) bool {
	for _, d := range p.known {
		if d.covers != nil && d.covers(args, want, got) {
			return true
		}
	}
	return false
}

// shown is the reply with its type, since that may be all that differs.
func shown(r wire.Reply) string {
	text := r.String()
	if len(text) > 4000 {
		text = text[:4000] + "..."
	}
	return fmt.Sprintf("%c %s", r.Kind, text)
}

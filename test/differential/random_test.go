package differential

import (
	"fmt"
	"slices"
	"strings"

	"github.com/redoubt-db/redoubt/test/wire"
)

const iterationsMax = 100_000 // of one SCAN; more is a cursor that does not come back to 0

// steer runs a step whose replies decide what is sent next. It returns what is wrong, or "".
func (p *pair) steer(c call) (want, got wire.Reply, wrong string, err error) {
	switch c.law() {
	case scan:
		return p.scan(c)
	case exchange:
		return p.exchange(c)
	case lapse:
		return p.lapse(c)
	case guarded:
		return p.guarded(c)
	case listener:
		return p.listener(c)
	}
	return p.chance(c)
}

// holder is what lists the members that a command chooses from, and how many elements make one of its choices.
func holder(args []string) (list []string, width int) {
	switch name := strings.ToUpper(args[0]); {
	case name == "RANDOMKEY":
		return []string{"KEYS", "*"}, 1
	case len(args) < 2:
		return []string{"PING"}, 1
	case name == "HRANDFIELD" && len(args) > 3:
		return []string{"HGETALL", args[1]}, 2
	case name == "HRANDFIELD":
		return []string{"HKEYS", args[1]}, 1
	case name == "ZRANDMEMBER" && len(args) > 3:
		return []string{"ZRANGE", args[1], "0", "-1", "WITHSCORES"}, 2
	case name == "ZRANDMEMBER":
		return []string{"ZRANGE", args[1], "0", "-1"}, 1
	}
	return []string{"SMEMBERS", args[1]}, 1
}

// chance holds what each server chose to the laws: it was there, it is as much as asked for, and nothing comes twice that must not. What the
// one has popped is then popped from the other.
func (p *pair) chance(c call) (want, got wire.Reply, wrong string, err error) {
	list, width := holder(c.args)
	all, err := p.both(list, c.args)
	if err != nil {
		return want, got, "", err
	}
	for i := range all {
		for j := range all[i] {
			if width == 2 {
				all[i][j] = scoresWithoutMinusZero(all[i][j])
			}
		}
	}
	want, got = all[0][1], all[1][1]
	if !unordered.same(all[0][0], all[1][0]) {
		return want, got, fmt.Sprintf("%s differs before it", list[0]), nil
	}
	if want.Err() != nil || got.Err() != nil || want.Kind != got.Kind || want.Nil != got.Nil {
		return want, got, differs(canon(want) != canon(got)), nil
	}
	repeats := len(c.args) > 2 && strings.HasPrefix(c.args[2], "-")
	for i, reply := range []wire.Reply{want, got} {
		there := chunks(all[i][0], width)
		chosen := chunks(reply, width)
		if reply.Elems == nil && !reply.Nil && reply.Kind == '$' {
			chosen = []string{canon(reply)}
		}
		if wrong := lawful(there, chosen, repeats); wrong != "" {
			return want, got, p.sides[i].name + ": " + wrong, nil
		}
	}
	if len(want.Elems) != len(got.Elems) {
		return want, got, "not as many", nil
	}
	if strings.EqualFold(c.args[0], "SPOP") {
		err = p.level(c.args[1], want, got)
	}
	return want, got, "", err
}

func differs(yes bool) string {
	if yes {
		return "replies differ"
	}
	return ""
}

func lawful(there, chosen []string, repeats bool) string {
	for i, m := range chosen {
		if !slices.Contains(there, m) {
			return fmt.Sprintf("%s was not there", m)
		}
		if !repeats && slices.Contains(chosen[:i], m) {
			return fmt.Sprintf("%s was chosen twice", m)
		}
	}
	return ""
}

// level makes ours hold what redis holds: what ours popped and redis did not comes back, and the other way round. What comes back comes
// first, so that the set never becomes empty and keeps its deadline.
func (p *pair) level(key string, want, got wire.Reply) error {
	words := func(r wire.Reply) (out []string) {
		if r.Kind == '$' && !r.Nil {
			return []string{r.Text}
		}
		for _, e := range r.Elems {
			out = append(out, e.Text)
		}
		return out
	}
	theirs, ours := words(want), words(got)
	without := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(m string) bool { return slices.Contains(b, m) })
	}
	back, away := without(ours, theirs), without(theirs, ours)
	if len(back) == 0 {
		return nil // as many were popped on each side, so there is nothing to take away either
	}
	if _, err := p.sides[1].do(append([]string{"SADD", key}, back...)); err != nil {
		return err
	}
	if _, err := p.sides[1].do(append([]string{"SREM", key}, away...)); err != nil {
		return err
	}
	return p.levelEncoding(key)
}

// levelEncoding makes ours an intset if redis' is one: it makes a new set of a few that are left, and chance decides whether these are
// integers.
func (p *pair) levelEncoding(key string) error {
	var encoding [2]string
	for i, s := range p.sides {
		r, err := s.do([]string{"OBJECT", "ENCODING", key})
		if err != nil {
			return err
		}
		encoding[i] = r.Text
	}
	if encoding[0] != "intset" || encoding[1] == "intset" {
		return nil
	}
	deadline, err := p.sides[1].do([]string{"PEXPIRETIME", key})
	if err != nil {
		return err
	}
	if _, err := p.sides[1].do([]string{"SUNIONSTORE", key, key}); err != nil || deadline.Int < 0 {
		return err
	}
	_, err = p.sides[1].do([]string{"PEXPIREAT", key, fmt.Sprint(deadline.Int)})
	return err
}

// scan iterates on both sides to the end: each must have returned everything, though in an order of its own.
func (p *pair) scan(c call) (want, got wire.Reply, wrong string, err error) {
	at := 1
	if !strings.EqualFold(c.args[0], "SCAN") {
		at = 2
	}
	var found [2][]string
	var last [2]wire.Reply
	for i, s := range p.sides {
		args := slices.Clone(c.args)
		for n := 0; ; n++ {
			r, err := s.do(args)
			if last[i] = r; err != nil {
				return want, got, "", err
			}
			if r.Err() != nil || len(r.Elems) != 2 {
				break
			}
			width := 1
			if at == 2 && !strings.EqualFold(c.args[0], "SSCAN") {
				width = 2
			}
			if strings.EqualFold(c.args[0], "ZSCAN") {
				r.Elems[1] = scoresWithoutMinusZero(r.Elems[1])
			}
			found[i] = append(found[i], chunks(r.Elems[1], width)...)
			if c.args[at] != "0" || r.Elems[0].Text == "0" {
				break
			}
			if n > iterationsMax {
				return last[0], last[1], s.name + ": the iteration does not end", nil
			}
			args[at] = r.Elems[0].Text
		}
		found[i] = slices.Compact(sorted(found[i]))
	}
	want, got = last[0], last[1]
	switch {
	case want.Err() != nil || got.Err() != nil || len(want.Elems) != len(got.Elems):
		return want, got, differs(canon(want) != canon(got)), nil
	case c.args[at] == "0" && !slices.Equal(found[0], found[1]):
		return want, got, fmt.Sprintf("the whole iterations differ:\n  %s\n  %s", found[0], found[1]), nil
	}
	return want, got, "", nil
}

// exchange gives each server what the other has dumped, in place of its own. The comparison of the whole state sees what became of it.
func (p *pair) exchange(c call) (want, got wire.Reply, wrong string, err error) {
	dumps, err := p.both(c.args)
	if err != nil {
		return want, got, "", err
	}
	want, got = dumps[0][0], dumps[1][0]
	if want.Kind != '$' || want.Nil || got.Kind != '$' || got.Nil {
		return want, got, differs(canon(want) != canon(got)), nil
	}
	var replies [2]wire.Reply
	for i, s := range p.sides {
		if replies[i], err = s.do([]string{"RESTORE", c.args[1], "0", dumps[1-i][0].Text, "REPLACE"}); err != nil {
			return want, got, "", err
		}
	}
	return replies[0], replies[1], differs(canon(replies[0]) != canon(replies[1]) || replies[0].Err() != nil), nil
}

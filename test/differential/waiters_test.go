package differential

// Steps with clients that wait: some begin to, on connections of their own; then the connection of the script does something that
// may serve them; then those who are still waiting are unblocked. Who got what must be the same on both sides.

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	waitersMax = 3
	servedMax  = time.Minute // for a client that redis has served to be served here
	lookAgain  = 200 * time.Microsecond
)

// blockingNames are the commands that may wait.
var blockingNames = []string{"BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP"}

// bringers are what serves those who wait, beside all that comes by chance.
var bringers = parseAll("LPUSH list value+", "RPUSH list value+", "ZADD zset ( score member )+", "LMOVE list list LEFT RIGHT", "RPOPLPUSH list list",
	"RENAME list list", "RENAME zset zset", "COPY list list { REPLACE | DB db }", "COPY zset zset { REPLACE | DB db }", "MOVE list 1", "MOVE zset 1", "SWAPDB 0 1",
	"SORT set ALPHA STORE list", "ZUNIONSTORE zset 1 zset", "ZRANGESTORE zset zset 0 -1", "GEOADD zset lon lat member", "RESTORE list 0 payload REPLACE",
	"LINSERT list AFTER member value", "ZINCRBY zset score member", "DEL list", "SET list value", "EXPIRE list 300000")

func parseAll(lines ...string) []*command {
	var all []*command
	for _, l := range lines {
		all = append(all, &command{line: l, name: strings.Fields(l)[0], plain: true})
	}
	return all
}

// waiting is a step of that kind. SWAPDB brings several keys at once, in an order that is redis' own, so it is not sent to those who wait
// for several.
func (d deck) waiting(g *generator) step {
	for {
		s, several := d.waitingOnce(g)
		if !several || !slices.ContainsFunc(s, func(c call) bool { return strings.EqualFold(c.args[0], "SWAPDB") }) {
			return s
		}
	}
}

func (d deck) waitingOnce(g *generator) (_ step, several bool) {
	s := step{{args: []string{"SELECT", "0"}}}
	var waiters step
	empty := []string{"DEL"}
	for i := range 1 + g.IntN(waitersMax) {
		c := d.blocking[g.IntN(len(d.blocking))]
		g.forever = true
		args := g.emit(nil, &c.syntax)
		g.forever = false
		several = several || len(args) > 3 && !slices.Contains([]string{"BLMOVE", "BRPOPLPUSH"}, c.name)
		waiters = append(waiters, call{args: args, spec: c, on: i + 1, db: g.one("0", "0", "0", "1")})
		empty = append(empty, args[1:]...)
	}
	if g.oneIn(2) {
		s = append(s, call{args: empty})
	}
	s = append(s, waiters...)
	for range 1 + g.IntN(3) {
		switch g.IntN(6) {
		case 0:
			s = append(s, d.transaction(g)...)
		case 1:
			s = append(s, d.one(g, beside)...)
		case 2:
			s = append(s, call{args: []string{"MULTI"}}, d.bringer(g), d.bringer(g), call{args: []string{"EXEC"}})
		default:
			s = append(s, d.bringer(g))
		}
	}
	return s, several
}

func (d deck) bringer(g *generator) call {
	c := bringers[g.IntN(len(bringers))]
	if c.syntax.op == 0 {
		n := parse(c.line)
		return call{args: g.emit(nil, &n), spec: c}
	}
	return call{args: g.emit(nil, &c.syntax), spec: c}
}

// client is one that may wait.
type client struct {
	conn  *wire.Conn
	id    string
	reply chan wire.Reply // one of no kind if the connection ended

	args  []string
	db    string
	typ   string // of the keys that can serve it
	other bool   // while it waited, one of its keys was of another type
}

// begin sends a command on a connection of its own.
func (s *side) begin(c call) (*client, error) {
	conn, err := wire.Dial(s.srv.Addr, startMax)
	if err != nil {
		return nil, err
	}
	s.clients = append(s.clients, conn)
	conn.Deadline(time.Now().Add(replyMax))
	for _, args := range [][]string{{"HELLO", fmt.Sprint(s.proto)}, {"SELECT", c.db}, {"CLIENT", "ID"}} {
		conn.Append(args...)
	}
	conn.Append(c.args...)
	if err := conn.Flush(); err != nil {
		return nil, s.lost(err)
	}
	w := &client{conn: conn, reply: make(chan wire.Reply, 1), args: c.args, db: c.db, typ: "list"}
	if strings.HasPrefix(c.spec.name, "BZ") {
		w.typ = "zset"
	}
	for range 3 {
		r, err := conn.Read()
		if err != nil {
			return nil, s.lost(err)
		}
		w.id = r.Text
	}
	go func() { // ends with the reply or the connection, which fresh closes
		r, err := conn.Read()
		if err != nil {
			r = wire.Reply{}
		}
		w.reply <- r
	}()
	return w, nil
}

// settled waits until the client waits or was answered, and says whether it waits.
func (s *side) settled(w *client) (waits bool, err error) {
	until := time.Now().Add(servedMax)
	for time.Now().Before(until) {
		if len(w.reply) > 0 {
			return false, nil
		}
		s.control.Deadline(time.Now().Add(replyMax))
		r, err := s.control.Do("CLIENT", "LIST", "ID", w.id)
		if err != nil {
			return false, s.lost(err)
		}
		for _, field := range strings.Fields(r.Text) {
			if flags, ok := strings.CutPrefix(field, "flags="); ok && strings.Contains(flags, "b") {
				return true, nil
			}
		}
		select {
		case r := <-w.reply:
			w.reply <- r
		case <-time.After(lookAgain):
		}
	}
	return false, s.lost(fmt.Errorf("neither blocked nor answered"))
}

var errGone = fmt.Errorf("a client that waited has lost its connection")

// finish unblocks the client if it is waiting still, and says whether it was.
func (s *side) finish(w *client, how string) (r wire.Reply, waited bool, err error) {
	s.control.Deadline(time.Now().Add(replyMax))
	u, err := s.control.Do("CLIENT", "UNBLOCK", w.id, how)
	if err != nil {
		return r, false, s.lost(err)
	}
	select {
	case r := <-w.reply:
		if r.Kind == 0 {
			return r, false, s.lost(errGone)
		}
		return r, u.Int == 1, nil
	case <-time.After(servedMax):
		return r, false, s.lost(fmt.Errorf("CLIENT UNBLOCK said %s, and the client has no reply", u))
	}
}

// wait runs such a step.
func (p *pair) wait(s step, at int) (*finding, error) {
	defer func() {
		for _, x := range p.sides {
			x.closeClients()
		}
	}()
	var clients [2][]*client
	var calls []call
	for i := 0; i < len(s); {
		if s[i].on == 0 {
			end := unit(s, i)
			f, err := p.plainCalls(s[i:end], at)
			if f == nil && err == nil {
				err = p.serve(clients)
			}
			if f != nil || err != nil {
				return f, err
			}
			i = end
			continue
		}
		for j, x := range p.sides {
			w, err := x.begin(s[i])
			if err == nil {
				_, err = x.settled(w)
			}
			if err != nil {
				return nil, err
			}
			clients[j] = append(clients[j], w)
		}
		calls = append(calls, s[i])
		i++
	}
	for i, c := range calls {
		if f, err := p.part(c, clients[0][i], clients[1][i], []string{"TIMEOUT", "ERROR"}[i%2]); f != nil || err != nil {
			if f != nil {
				f.at = at
			}
			return f, err
		}
	}
	return nil, nil
}

// unit is the end of what begins there: a command, or a transaction from WATCH or MULTI to its end. What comes behind is sent when those
// that are served have been: here they may be served a moment later than the reply to what served them.
func unit(s step, from int) int {
	name := strings.ToUpper(s[from].args[0])
	if name != "WATCH" && name != "MULTI" {
		return from + 1
	}
	end := from + 1
	for end < len(s) && s[end].on == 0 && !slices.Contains([]string{"EXEC", "DISCARD"}, strings.ToUpper(s[end-1].args[0])) {
		end++
	}
	return end
}

// serve waits until those who were served there have been here.
func (p *pair) serve(clients [2][]*client) error {
	pause := time.NewTicker(lookAgain)
	defer pause.Stop()
	for i, theirs := range clients[0] {
		waits, err := p.sides[0].settled(theirs)
		if err != nil {
			return err
		}
		if waits {
			err = p.sides[0].note(theirs)
		}
		if err != nil {
			return err
		}
		for until := time.Now().Add(servedMax); !waits && len(clients[1][i].reply) == 0 && time.Now().Before(until); {
			<-pause.C
		}
	}
	return nil
}

// note finds out whether a key that the client waits for is of a type that cannot serve it. When such a value is replaced by one that can,
// as RENAME does, redis does not see it.
func (s *side) note(w *client) error {
	s.control.Deadline(time.Now().Add(replyMax))
	s.control.Append("SELECT", w.db)
	for _, key := range w.args[1:] {
		s.control.Append("TYPE", key)
	}
	if err := s.control.Flush(); err != nil {
		return s.lost(err)
	}
	for i := range w.args { // the reply to SELECT stands for the name
		r, err := s.control.Read()
		if err != nil {
			return s.lost(err)
		}
		w.other = w.other || i > 0 && r.Text != "none" && r.Text != w.typ
	}
	return nil
}

// plainCalls runs what the connection of the script does.
func (p *pair) plainCalls(s step, at int) (*finding, error) {
	var commands [][]string
	for _, c := range s {
		commands = append(commands, c.args)
	}
	replies, err := p.both(commands...)
	n := min(len(replies[0]), len(replies[1]))
	if f := p.compare(s[:n], replies[0][:n], replies[1][:n]); f != nil {
		f.at = at
		return f, nil
	}
	return nil, err
}

// part ends the waiting of a client on both sides.
func (p *pair) part(c call, theirs, ours *client, how string) (*finding, error) {
	want, waited, err := p.sides[0].finish(theirs, how)
	if err != nil {
		return nil, err
	}
	if !waited { // was served: here it may be on its way
		select {
		case r := <-ours.reply:
			ours.reply <- r
		case <-time.After(servedMax):
			return &finding{call: c, what: "was served there, and waits here", want: shown(want), got: "nothing"}, nil
		}
	}
	got, waitedHere, err := p.sides[1].finish(ours, how)
	if err != nil {
		return nil, err
	}
	if waited && !waitedHere && theirs.other { // docs/compatibility.md: from here on both hold something else
		_, err := p.both([]string{"FLUSHALL"})
		return nil, err
	}
	if f := p.difference(c, want, got); f != nil {
		f.what = fmt.Sprintf("client %d got something else", c.on)
		return f, nil
	}
	if waited != waitedHere {
		return &finding{call: c, what: fmt.Sprintf("client %d waited there: %t, here: %t", c.on, waited, waitedHere), want: shown(want), got: shown(got)}, nil
	}
	return nil, nil
}

func (s *side) closeClients() {
	for _, c := range s.clients {
		c.Close()
	}
	s.clients = s.clients[:0]
}

func hasWaiters(s step) bool { return slices.ContainsFunc(s, func(c call) bool { return c.on > 0 }) }

package server

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/mvcc"
)

// untilBlocked returns when so many clients are blocked.
func (n *testNode) untilBlocked(t *testing.T, want int64) {
	t.Helper()
	c := n.wire(t)
	defer c.Close()
	line := fmt.Sprintf("blocked_clients:%d\r\n", want)
	for end := time.Now().Add(20 * time.Second); ; {
		r, err := c.Do("INFO", "clients")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(r.Text, line) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("INFO clients = %s, want %s", r.Text, line)
		}
	}
}

// waiting are clients that send the same command, one after the other, so that they are blocked in this order.
func (n *testNode) waiting(t *testing.T, count int, command ...string) (list []*wireClient) {
	t.Helper()
	before := n.waiters.blocked.Load()
	for i := range count {
		c := n.wire(t)
		c.send(command...)
		n.untilBlocked(t, before+int64(i)+1)
		list = append(list, c)
	}
	return list
}

// nobodyLeft fails unless the node has forgotten all who waited.
func (n *testNode) nobodyLeft(t *testing.T) {
	t.Helper()
	n.untilBlocked(t, 0)
	w := &n.waiters
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listed.Load() != 0 || len(w.lines) != 0 || len(w.dbs) != 0 {
		t.Errorf("%d clients wait in %d lines of %d databases, and nobody is blocked", w.listed.Load(), len(w.lines), len(w.dbs))
	}
}

// TestBlockedRelease is what each command answers when something comes, and when nothing does, in both protocols.
func TestBlockedRelease(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	for _, test := range []struct{ command, write, reply, reply3, timeout, timeout3 string }{
		{"BLPOP a b 0.02", "RPUSH b 1 2", "* b 1", "* b 1", "* ", "_ "},
		{"BRPOP a b 0.02", "RPUSH b 1 2", "* b 2", "* b 2", "* ", "_ "},
		{"BLMOVE a b LEFT RIGHT 0.02", "RPUSH a 1", "$ 1", "$ 1", "* ", "_ "},
		{"BRPOPLPUSH a b 0.02", "RPUSH a 1", "$ 1", "$ 1", "* ", "_ "},
		{"BLMPOP 0.02 2 a b LEFT COUNT 2", "RPUSH b 1 2 3", "* b ", "* b ", "* ", "_ "},
		{"BZPOPMIN a b 0.02", "ZADD b 1 x 2 y", "* b x 1", "* b x 1", "* ", "_ "},
		{"BZPOPMAX a b 0.02", "ZADD b 1 x 2 y", "* b y 2", "* b y 2", "* ", "_ "},
		{"BZMPOP 0.02 2 a b MAX", "ZADD b 1 x", "* b ", "* b ", "* ", "_ "},
	} {
		for _, hello := range []string{"2", "3"} {
			w := n.wire(t)
			w.send("HELLO", hello)
			w.read()
			want, null := test.reply, test.timeout
			if hello == "3" {
				want, null = test.reply3, test.timeout3
			}
			w.send(strings.Fields(test.command)...)
			w.hears(null)
			w.send(strings.Fields(strings.Replace(test.command, "0.02", "0", 1))...)
			n.untilBlocked(t, 1)
			c.do(test.write)
			if got := w.read(); got != want {
				t.Errorf("%s in RESP%s = %q, want %q", test.command, hello, got, want)
			}
			c.want("FLUSHALL", "OK")
			n.nobodyLeft(t)
		}
	}
}

// TestBlockedInOrder pushes in one pipeline, in one command, in a transaction and one by one.
func TestBlockedInOrder(t *testing.T) {
	const clients = 10
	push := map[string]func(p *wireClient){
		"pipeline": func(p *wireClient) {
			for i := range clients {
				p.Append("RPUSH", "x", strconv.Itoa(i))
			}
		},
		"command": func(p *wireClient) { p.Append("RPUSH", "x", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9") },
		"transaction": func(p *wireClient) {
			p.Append("MULTI")
			for i := range clients {
				p.Append("RPUSH", "x", strconv.Itoa(i))
			}
			p.Append("EXEC")
		},
		"rename": func(p *wireClient) {
			p.Append("RPUSH", "y", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
			p.Append("RENAME", "y", "x")
		},
	}
	n := startNode(t)
	for name, do := range push {
		list := n.waiting(t, clients, "BLPOP", "x", "0")
		p := n.wire(t)
		do(p)
		if err := p.Flush(); err != nil {
			t.Fatal(err)
		}
		for i, c := range list {
			if got, want := c.read(), fmt.Sprintf("* x %d", i); got != want {
				t.Errorf("%s: client %d got %q, want %q", name, i, got, want)
			}
		}
		n.nobodyLeft(t)
	}
	list := n.waiting(t, clients, "BLPOP", "x", "0")
	p := n.wire(t)
	for i, c := range list {
		p.send("RPUSH", "x", strconv.Itoa(i))
		p.want(": 1")
		c.hears(fmt.Sprintf("* x %d", i))
	}
	n.nobodyLeft(t)
}

// TestBlockedBeforePop has a push and a pop in one pipeline: who waits is served between them.
func TestBlockedBeforePop(t *testing.T) {
	n := startNode(t)
	for range 50 {
		w := n.waiting(t, 1, "BLPOP", "x", "0")[0]
		p := n.wire(t)
		p.Append("RPUSH", "x", "a")
		p.Append("LPOP", "x")
		p.Append("RPUSH", "x", "b", "c")
		p.Append("LPOP", "x")
		p.Append("LPOP", "x")
		if err := p.Flush(); err != nil {
			t.Fatal(err)
		}
		p.hears(": 1", "$ ", ": 2", "$ b", "$ c")
		w.hears("* x a")
	}
	n.nobodyLeft(t)
}

// TestBlockedChain moves an element along clients that wait for one another's destination.
func TestBlockedChain(t *testing.T) {
	n := startNode(t)
	a := n.waiting(t, 1, "BLMOVE", "a", "b", "LEFT", "LEFT", "0")[0]
	b := n.waiting(t, 1, "BRPOPLPUSH", "b", "c", "0")[0]
	c := n.waiting(t, 1, "BLPOP", "c", "0")[0]
	round := n.waiting(t, 3, "BLMOVE", "r", "r", "LEFT", "LEFT", "0")
	p := n.wire(t)
	p.Append("RPUSH", "a", "x")
	p.Append("EXISTS", "a", "b", "c")
	p.Append("RPUSH", "r", "y")
	p.Append("LRANGE", "r", "0", "-1")
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	p.hears(": 1", ": 0", ": 1", "* y")
	a.hears("$ x")
	b.hears("$ x")
	c.hears("* c x")
	for _, r := range round {
		r.hears("$ y")
	}
	n.nobodyLeft(t)
}

// TestBlockedWakeUps is every other way in which a key may come to hold something.
func TestBlockedWakeUps(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	c.want("RPUSH src 1", "(integer) 1")
	dump := c.do("DUMP src")
	c.want("FLUSHALL", "OK")
	for _, test := range []struct{ blocked, reply, writes string }{
		{"BLPOP x 0", "* x 1", "RPUSH y 1|RENAME y x"},
		{"BLPOP x 0", "* x 1", "RPUSH y 1|RENAMENX y x"},
		{"BLPOP x 0", "* x 1", "RPUSH y 1|COPY y x|DEL y"},
		{"BLPOP x 0", "* x 1", "SET x s|RPUSH y 1|COPY y x REPLACE"},
		{"BLPOP x 0", "* x 1", "RESTORE x 0 " + dump},
		{"BLPOP x 0", "* x 1", "SADD s 1|SORT s STORE x"},
		{"BLPOP x 0", "* x 1", "SELECT 1|RPUSH x 1|MOVE x 0|SELECT 0"},
		{"BLPOP x 0", "* x 1", "SELECT 1|RPUSH x 1|SELECT 0|SWAPDB 0 1"},
		{"BLPOP x 0", "* x 2", "MULTI|RPUSH x 1|DEL x|SET x s|DEL x|RPUSH x 2|EXEC"},
		{"BLPOP x 0", "* x 1", "SET x s|ZADD x 1 1|DEL x|RPUSH x 1"},
		{"BLPOP x y 0", "* y 1", "SET x s|RPUSH y 1"},
		{"BLMPOP 0 2 x y LEFT", "* y ", "SET x s|RPUSH y 1"},
		{"BLPOP x y 0", "* y 2", "MULTI|RPUSH y 2|RPUSH x 1|EXEC"},
		{"BLPOP x x x 0", "* x 1", "RPUSH x 1"},
		{"BZPOPMIN x 0", "* x m 1", "ZADD y 1 m|ZUNIONSTORE x 1 y"},
		{"BZPOPMIN x 0", "* x m 1", "ZADD y 1 m|ZRANGESTORE x y 0 -1"},
		{"BZPOPMIN x 0", "* x m 1", "ZINCRBY x 1 m"},
		{"BZPOPMIN x 0", "* x m 1", "RPUSH x 1|DEL x|ZADD x NX 1 m"},
		{"BLMOVE x d LEFT LEFT 0", "- WRONGTYPE Operation against a key holding the wrong kind of value", "SET d s|RPUSH x 1"},
	} {
		w := n.waiting(t, 1, strings.Fields(test.blocked)...)[0]
		for _, line := range strings.Split(test.writes, "|") {
			c.do(line)
		}
		if got := w.read(); got != test.reply {
			t.Errorf("%s behind %s = %q, want %q", test.blocked, test.writes, got, test.reply)
		}
		c.want("FLUSHALL", "OK")
		n.nobodyLeft(t)
	}
}

// TestBlockedHandsOn: a client that cannot take what came leaves it to the next.
func TestBlockedHandsOn(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	c.want("SET d s", "OK")
	bad := n.waiting(t, 1, "BLMOVE", "x", "d", "LEFT", "LEFT", "0")[0]
	good := n.waiting(t, 1, "BLPOP", "x", "0")[0]
	c.want("RPUSH x 1", "(integer) 1")
	bad.hears("- WRONGTYPE Operation against a key holding the wrong kind of value")
	good.hears("* x 1")
	n.nobodyLeft(t)
}

// TestBlockedElsewhere: keys of the same name in another database, or of another type, serve nobody, and hide nobody.
func TestBlockedElsewhere(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	lists := n.waiting(t, 5, "BLPOP", "x", "0")
	sets := n.waiting(t, 1, "BZPOPMIN", "x", "0")
	other := n.wire(t)
	other.send("SELECT", "7")
	other.hears("+ OK")
	other.send("BLPOP", "x", "0")
	n.untilBlocked(t, 7)
	c.want("SELECT 7", "OK")
	c.want("RPUSH y 1", "(integer) 1")
	c.want("RENAME y x", "OK")
	other.hears("* x 1")
	c.want("SELECT 0", "OK")
	c.want("ZADD x 1 m", "(integer) 1")
	sets[0].hears("* x m 1")
	c.want("RPUSH x 1 2 3 4 5", "(integer) 5")
	for i, l := range lists {
		l.hears(fmt.Sprintf("* x %d", i+1))
	}
	n.nobodyLeft(t)
}

// TestBlockedEnds is every way in which waiting ends without an element, and that what comes later is not popped.
func TestBlockedEnds(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	id := func(w *wireClient) string {
		w.send("CLIENT", "ID")
		r, err := w.Read()
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatInt(r.Int, 10)
	}
	unblocked := "- UNBLOCKED client unblocked via CLIENT UNBLOCK"
	for _, test := range []struct{ how, reply string }{
		{"CLIENT UNBLOCK %s", "* "},
		{"CLIENT UNBLOCK %s TIMEOUT", "* "},
		{"CLIENT UNBLOCK %s ERROR", unblocked},
		{"CLIENT KILL ID %s", ""},
	} {
		w := n.wire(t)
		own := id(w)
		w.send("BLPOP", "x", "0")
		n.untilBlocked(t, 1)
		c.contains("CLIENT LIST ID "+own, "flags=b ", "cmd=blpop")
		c.want(fmt.Sprintf(test.how, own), "(integer) 1")
		if test.reply != "" {
			w.hears(test.reply)
			c.want(fmt.Sprintf(test.how, own), "(integer) 0")
		}
		n.nobodyLeft(t)
	}
	w := n.wire(t)
	w.send("BLPOP", "x", "0")
	n.untilBlocked(t, 1)
	w.Close()
	n.nobodyLeft(t)
	w = n.wire(t)
	w.send("BLPOP", "x", "0")
	n.untilBlocked(t, 1)
	w.send("QUIT") // is not looked at before the answer
	c.want("RPUSH x 1 2", "(integer) 2")
	w.hears("* x 1", "+ OK")
	c.want("LRANGE x 0 -1", `1) "2"`)
	c.contains("INFO errorstats", "errorstat_UNBLOCKED:count=1")
	n.nobodyLeft(t)
}

// TestBlockedTimeout holds timeouts to 50 ms, while other clients write to the key in vain.
func TestBlockedTimeout(t *testing.T) {
	n := startNode(t)
	w, p := n.wire(t), n.wire(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, line := range []string{"MULTI", "RPUSH x 1", "DEL x", "EXEC"} {
				p.Append(strings.Fields(line)...)
			}
			p.Flush()
			for range 4 {
				p.Read()
			}
		}
	}()
	for _, timeout := range []time.Duration{10 * time.Millisecond, 120 * time.Millisecond, 300 * time.Millisecond} {
		late := time.Hour
		for range 5 { // the best counts: the machine may be busy with other things
			start := time.Now()
			w.send("BLPOP", "x", fmt.Sprint(timeout.Seconds()))
			w.hears("* ")
			took := time.Since(start)
			if took < timeout {
				t.Errorf("a timeout of %v came after %v", timeout, took)
			}
			if late = min(late, took-timeout); late <= 50*time.Millisecond {
				break
			}
		}
		if late > 50*time.Millisecond {
			t.Errorf("a timeout of %v came %v late", timeout, late)
		}
	}
	close(stop)
	<-stopped
	n.nobodyLeft(t)
}

// TestBlockedNot is where these commands do not wait.
func TestBlockedNot(t *testing.T) {
	n := startNode(t)
	w := n.wire(t)
	w.send("MULTI")
	w.send("BLPOP", "x", "0")
	w.send("BLMOVE", "x", "y", "LEFT", "LEFT", "0")
	w.send("BZMPOP", "0", "1", "z", "MIN")
	w.send("RPUSH", "x", "1")
	w.send("BRPOP", "x", "0")
	w.send("EXEC")
	w.hears("+ OK", "+ QUEUED", "+ QUEUED", "+ QUEUED", "+ QUEUED", "+ QUEUED")
	r, err := w.Read()
	if err != nil || len(r.Elems) != 5 || !r.Elems[0].Nil || !r.Elems[1].Nil || !r.Elems[2].Nil || len(r.Elems[4].Elems) != 2 {
		t.Errorf("EXEC = %v, %v", r, err)
	}
	w.send("BLPOP", "x", "-1")
	w.send("BLPOP", "x", "never")
	w.hears("- ERR timeout is negative", "- ERR timeout is not a float or out of range")
	n.nobodyLeft(t)
}

// TestBlockedPipeline runs what a blocked client sent behind its command when it is served, and has CLIENT REPLY hold its reply back.
func TestBlockedPipeline(t *testing.T) {
	n := startNode(t)
	c, w := n.dial(t), n.wire(t)
	for _, line := range []string{"SET before 1", "CLIENT REPLY SKIP", "BLPOP x 0", "SET after 1", "BLPOP x 0", "GET after", "CLIENT REPLY OFF", "BLPOP x 0", "CLIENT REPLY ON"} {
		w.Append(strings.Fields(line)...)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	n.untilBlocked(t, 1)
	c.want("EXISTS before after", "(integer) 1")
	c.want("RPUSH x 1", "(integer) 1")
	n.untilBlocked(t, 1)
	c.want("RPUSH x 2", "(integer) 1")
	c.want("RPUSH x 3", "(integer) 1")
	w.hears("+ OK", "+ OK", "* x 2", "$ 1", "+ OK")
	n.nobodyLeft(t)
}

// TestBlockedPause: who waits is served when the writes that a pause holds back are carried out.
func TestBlockedPause(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	w := n.waiting(t, 1, "BLPOP", "x", "0")[0]
	c.want("CLIENT PAUSE 100000 WRITE", "OK")
	p := n.wire(t)
	p.send("RPUSH", "x", "1")
	c.want("CLIENT UNPAUSE", "OK")
	p.hears(": 1")
	w.hears("* x 1")
	n.nobodyLeft(t)
}

// TestBlockedIsNoWork: the time that a client waits is neither the command's nor in the slow log.
func TestBlockedIsNoWork(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	c.want("CONFIG SET slowlog-log-slower-than 100000", "OK")
	w := n.wire(t)
	w.send("BLPOP", "x", "0.2")
	w.hears("* ")
	c.want("SLOWLOG LEN", "(integer) 0")
	c.contains("INFO commandstats", "cmdstat_blpop:calls=1,")
}

// TestBlockedIsNotIdle: timeout closes who says nothing, and not who waits.
func TestBlockedIsNotIdle(t *testing.T) {
	n := startNode(t, "--timeout", "1")
	w := n.waiting(t, 1, "BLPOP", "x", "0")[0]
	idle := n.wire(t)
	if r, err := idle.Read(); err == nil {
		t.Fatalf("an idle client got %v", r)
	}
	p := n.wire(t)
	p.send("RPUSH", "x", "1")
	w.hears("* x 1")
	w.send("PING")
	w.hears("+ PONG")
}

// TestBlockedMany has thousands of clients wait for one key, one of them served, and all of them gone at once.
func TestBlockedMany(t *testing.T) {
	const clients = 2000
	n := startNode(t, "--maxclients", "5000")
	var list []*wireClient
	for range clients {
		w := n.wire(t)
		w.send("BLPOP", "x", "0")
		list = append(list, w)
	}
	n.untilBlocked(t, clients)
	c := n.dial(t)
	before := n.machine.Stats().Requests
	c.want("RPUSH x 1", "(integer) 1")
	n.untilBlocked(t, clients-1)
	if tries := n.machine.Stats().Requests - before; tries > 100 {
		t.Errorf("one element was tried for %d clients", tries)
	}
	for _, w := range list {
		w.Close()
	}
	n.nobodyLeft(t)
	keys := []string{"BLPOP"}
	for i := range 5000 {
		keys = append(keys, "k"+strconv.Itoa(i))
	}
	w := n.waiting(t, 1, append(keys, "0")...)[0]
	c.want("RPUSH k4711 1", "(integer) 1")
	w.hears("* k4711 1")
	n.nobodyLeft(t)
}

// TestBlockedShutdown: waiting clients do not hold up the end of the node.
func TestBlockedShutdown(t *testing.T) {
	n := startNode(t)
	w := n.waiting(t, 1, "BLPOP", "x", "0")[0]
	start := time.Now()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > closeMax {
		t.Errorf("it took %v", took)
	}
	if r, err := w.Read(); err == nil {
		t.Errorf("the client got %v", r)
	}
}

// TestLineOrder holds the lines against a list that is searched from its front.
func TestLineOrder(t *testing.T) {
	w := &waiters{}
	one, both := lineKey{"a", 0, mvcc.List}, lineKey{"b", 0, mvcc.List}
	var all []*waiter
	s := &session{loop: &loop{}}
	for i := range 100 {
		b := &waiter{s: s, typ: mvcc.List, most: 1, keys: []string{"a"}}
		if i%3 == 0 {
			b.keys = []string{"b", "a", "b"}
		}
		w.list(b)
		all = append(all, b)
	}
	first := func(id lineKey) *waiter {
		for _, b := range all {
			if !b.gone && !b.trying && !b.leaving && (id == one || len(b.keys) > 1) {
				return b
			}
		}
		return nil
	}
	rnd := uint64(1)
	for range 5000 {
		rnd = rnd*6364136223846793005 + 1442695040888963407
		b := all[rnd>>33%uint64(len(all))]
		switch rnd >> 60 {
		case 0:
			if len(all) > 20 {
				w.drop(b)
			}
		case 1, 2, 3, 4, 5, 6, 7:
			if b.trying {
				w.list(b)
			}
		default:
			id := one
			if rnd>>59&1 == 0 {
				id = both
			}
			want := first(id)
			got := w.takeBehind(nil, id, 1, 1)
			if want == nil && len(got) > 0 || want != nil && (len(got) != 1 || got[0].b != want) {
				t.Fatalf("took %v, want %v", got, want)
			}
		}
	}
	for _, b := range all {
		w.drop(b)
	}
	if len(w.lines) != 0 || len(w.dbs) != 0 || w.any() {
		t.Errorf("%d lines are left", len(w.lines))
	}
}

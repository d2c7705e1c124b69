package server

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// read is one reply or message, its words joined by blanks.
func (c *wireClient) read() string {
	c.t.Helper()
	r, err := c.Read()
	if err != nil {
		c.t.Fatal(err)
	}
	if len(r.Elems) == 0 {
		return string(r.Kind) + " " + r.Text
	}
	words := []string{string(r.Kind)}
	for _, e := range r.Elems {
		if e.Kind == ':' {
			e.Text = strconv.FormatInt(e.Int, 10)
		}
		words = append(words, e.Text)
	}
	return strings.Join(words, " ")
}

// hears fails unless these come next.
func (c *wireClient) hears(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.read(); got != w {
			c.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

// TestSubscriber is what a subscriber gets, and may send, in both protocols.
func TestSubscriber(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	for mark, hello := range map[string]string{"*": "2", ">": "3"} {
		s := n.wire(t)
		s.send("HELLO", hello)
		s.read()
		s.send("SUBSCRIBE", "a", "b", "a")
		s.hears(mark+" subscribe a 1", mark+" subscribe b 2", mark+" subscribe a 2")
		s.send("PSUBSCRIBE", "?")
		s.hears(mark + " psubscribe ? 3")
		s.send("SSUBSCRIBE", "a")
		s.hears(mark + " ssubscribe a 1")
		c.want("PUBLISH a 1", "(integer) 2")
		c.want("PUBLISH x 2", "(integer) 1")
		c.want("PUBLISH long 3", "(integer) 0")
		c.want("SPUBLISH a 4", "(integer) 1")
		s.hears(mark+" message a 1", mark+" pmessage ? a 1", mark+" pmessage ? x 2", mark+" smessage a 4")
		c.contains("CLIENT LIST TYPE pubsub", "flags=P", "sub=2 psub=1 ssub=1")
		c.contains("INFO stats", "pubsub_channels:2\r\npubsub_patterns:1\r\npubsubshard_channels:1\r\n")
		s.send("PING")
		s.send("GET", "a")
		if mark == "*" {
			s.hears("* pong ", "- ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
		} else {
			s.hears("+ PONG", "_ ")
		}
		s.send("UNSUBSCRIBE")
		s.hears(mark+" unsubscribe a 2", mark+" unsubscribe b 1")
		s.send("PUNSUBSCRIBE", "none", "?")
		s.hears(mark+" punsubscribe none 1", mark+" punsubscribe ? 0")
		s.send("RESET")
		s.hears("+ RESET")
		c.want("SPUBLISH a 5", "(integer) 0")
		if n.hub.listening() {
			t.Error("the node still listens after the last one has stopped")
		}
	}
}

// TestMessageBehindWrites has a subscriber read what was written before the message on the same connection.
func TestMessageBehindWrites(t *testing.T) {
	n := startNode(t)
	s, r, w := n.wire(t), n.dial(t), n.wire(t)
	s.send("SUBSCRIBE", "news")
	s.hears("* subscribe news 1")
	const rounds = 300
	for i := range rounds {
		w.Append("SET", "k", strconv.Itoa(i))
		w.Append("PUBLISH", "news", strconv.Itoa(i))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range rounds {
		s.hears(fmt.Sprintf("* message news %d", i))
		if i%30 != 0 {
			continue
		}
		if got, _ := strconv.Atoi(strings.Trim(r.do("GET k"), `"`)); got < i {
			t.Fatalf("GET k = %d behind message %d", got, i)
		}
	}
	for range rounds {
		w.hears("+ OK", ": 1")
	}
}

// TestMessageTakesNoRevision: a message leaves nothing behind.
func TestMessageTakesNoRevision(t *testing.T) {
	c := startNode(t).dial(t)
	before := c.do("REVISION")
	c.want("PUBLISH a b", "(integer) 0")
	c.want("MULTI", "OK")
	c.want("PUBLISH a b", "QUEUED")
	c.want("EXEC", "1) (integer) 0")
	c.want("REVISION", before)
}

// TestMessagesOfTransaction: subscribers in the transaction are replies of their own, and messages come before its reply.
func TestMessagesOfTransaction(t *testing.T) {
	w := startNode(t).wire(t)
	w.send("HELLO", "3")
	w.read()
	w.send("SUBSCRIBE", "a")
	w.hears("> subscribe a 1")
	w.send("MULTI")
	w.send("PUBLISH", "a", "1")
	w.send("SSUBSCRIBE", "b")
	w.send("PUBLISH", "a", "2")
	w.send("EXEC")
	w.hears("+ OK", "+ QUEUED", "+ QUEUED", "+ QUEUED", "> message a 1", "> message a 2",
		"* 1 ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client 1")
}

// TestManySubscribers has every subscriber get every message in order, whatever loop it lives on.
func TestManySubscribers(t *testing.T) {
	n := startNode(t, "--io-threads", "4")
	const subscribers, messages = 60, 100
	var all []*wireClient
	for range subscribers {
		s := n.wire(t)
		s.send("SUBSCRIBE", "all")
		s.hears("* subscribe all 1")
		all = append(all, s)
	}
	w := n.wire(t)
	for i := range messages {
		w.Append("PUBLISH", "all", strconv.Itoa(i))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		for i := range messages {
			s.hears(fmt.Sprintf("* message all %d", i))
		}
	}
	for _, s := range all[1:] {
		s.Close()
	}
	c := n.dial(t)
	waitFor(t, "the connections that were closed to be forgotten", func() bool { return n.hub.count(byChannel, []byte("all")) == 1 })
	c.want("PUBLISH all last", "(integer) 1")
	all[0].hears("* message all last")
}

// TestSlowSubscriber: one that does not read is cut by the limits of its class, and only that one.
func TestSlowSubscriber(t *testing.T) {
	for name, limit := range map[string]string{"hard": "pubsub 1mb 0 0", "soft": "pubsub 0 100kb 1"} {
		t.Run(name, func(t *testing.T) {
			n := startNode(t, "--client-output-buffer-limit", limit)
			slow, quick, c := n.wire(t), n.wire(t), n.dial(t)
			slow.send("SUBSCRIBE", "a")
			slow.hears("* subscribe a 1")
			quick.send("SUBSCRIBE", "a")
			quick.hears("* subscribe a 1")
			message := strings.Repeat("x", 100<<10)
			waitFor(t, "the slow subscriber to be cut", func() bool {
				c.do("PUBLISH a " + message)
				quick.hears("* message a " + message)
				return n.hub.count(byChannel, []byte("a")) == 1
			})
			c.want("CLIENT KILL TYPE pubsub", "(integer) 1")
			c.want("PUBSUB CHANNELS", "(empty array)")
		})
	}
}

// waitFor tries until it holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick, end := time.NewTicker(time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestNotifications has the events of a pipeline, a transaction and a deadline told in order.
func TestNotifications(t *testing.T) {
	n := startNode(t)
	c, s := n.dial(t), n.wire(t)
	c.want("CONFIG SET notify-keyspace-events EAmn", "OK")
	c.want("CONFIG GET notify-keyspace-events", "1) \"notify-keyspace-events\"\n2) \"AEm\"")
	s.send("PSUBSCRIBE", "__keyevent@*")
	s.hears("* psubscribe __keyevent@* 1")
	event := func(name, key string) string { return "* pmessage __keyevent@* __keyevent@0__:" + name + " " + key }
	c.want("SET a 1 EX 100", "OK")
	s.hears(event("new", "a"), event("set", "a"), event("expire", "a"))
	c.want("MULTI", "OK")
	c.want("APPEND a x", "QUEUED")
	c.want("INCR a", "QUEUED") // fails, and tells nothing
	c.want("PUBLISH __keyevent@0__:mine x", "QUEUED")
	c.want("GET none", "QUEUED")
	c.want("EXEC", "1) (integer) 2\n2) (error) ERR value is not an integer or out of range\n3) (integer) 1\n4) (nil)")
	s.hears(event("append", "a"), event("mine", "x"), event("keymiss", "none"))
	c.want("GET none", "(nil)")
	c.want("OBJECT ENCODING none", "(nil)")
	c.want("SORT none", "(empty array)")
	c.want("GEORADIUS none 1 2 3 km", "(empty array)")
	c.want("SDIFFSTORE to none", "(integer) 0")
	c.want("ZUNIONSTORE to 1 none", "(integer) 0")
	c.want("ZRANGESTORE to none 0 1", "(integer) 0")
	c.want("KEYS none", "(empty array)")
	for range 5 {
		s.hears(event("keymiss", "none"))
	}
	c.want("PEXPIRE a 5", "(integer) 1")
	s.hears(event("keymiss", "none"), event("expire", "a"), event("expired", "a"))
	c.want("BITFIELD f OVERFLOW FAIL SET u8 0 999", "1) (nil)") // makes the string as long as it would have to be, and says no more
	s.hears(event("new", "f"))
	c.want("LEASE GRANT 60000 ID 5", "(integer) 5")
	c.want("SET b 1 LEASE 5", "OK")
	c.want("LEASE REVOKE 5", "(integer) 1")
	s.hears(event("new", "b"), event("set", "b"), event("expire", "b"), event("del", "b"))
}

// TestNotificationClassesAreLogged: the classes are the cluster's, and change with the writes around them.
func TestNotificationClassesAreLogged(t *testing.T) {
	n := startNode(t)
	c, s := n.dial(t), n.wire(t)
	c.want("CONFIG SET notify-keyspace-events KEA", "OK")
	c.want("CONFIG SET notify-keyspace-events En", "OK")
	s.send("PSUBSCRIBE", "*")
	s.hears("* psubscribe * 1")
	c.want("SET a 1", "OK")
	c.want("CONFIG SET notify-keyspace-events g$", "OK") // neither K nor E
	c.want("SET b 1", "OK")
	c.want("CONFIG SET notify-keyspace-events K$", "OK")
	c.want("SET c 1", "OK")
	s.hears("* pmessage * __keyevent@0__:new a", "* pmessage * __keyspace@0__:c set")
	n.machine.RLock()
	got := n.machine.Space().Config()
	n.machine.RUnlock()
	if len(got) != 1 || got[0] != [2]string{"notify-keyspace-events", "$K"} {
		t.Errorf("the log has %q", got)
	}
}

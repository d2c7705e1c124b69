package server

import (
	"fmt"
	"testing"
)

// TestKeyspaceHits: the numbers are those of Redis 7.0 after the same commands.
func TestKeyspaceHits(t *testing.T) {
	c := startNode(t).dial(t)
	var hits, misses int64
	for _, step := range []struct {
		line         string
		hits, misses int64
	}{
		{"SET k v", 0, 0}, {"GET k", 1, 0}, {"GET none", 0, 1}, {"MGET k none k", 2, 1}, {"EXISTS k none", 1, 1}, {"TTL k", 1, 0},
		{"TYPE k", 1, 0}, {"TYPE none", 0, 1}, {"STRLEN none", 0, 1}, {"OBJECT ENCODING k", 1, 0}, {"TOUCH k none", 1, 1}, {"APPEND k w", 0, 0},
		{"INCR n", 0, 0}, {"DEL none", 0, 0}, {"GETSET k v", 1, 0}, {"GETDEL none", 0, 1}, {"GETEX k", 1, 0}, {"WATCH k none", 0, 0},
		{"DBSIZE", 0, 0}, {"RANDOMKEY", 0, 0},
	} {
		c.do(step.line)
		hits, misses = hits+step.hits, misses+step.misses
		if gotHits, gotMisses := c.field("stats", "keyspace_hits"), c.field("stats", "keyspace_misses"); gotHits != hits || gotMisses != misses {
			t.Errorf("%s: %+d hits and %+d misses, want %+d and %+d", step.line, gotHits-hits+step.hits, gotMisses-misses+step.misses, step.hits, step.misses)
			hits, misses = gotHits, gotMisses
		}
	}
	c.want("CONFIG RESETSTAT", "OK")
	if hits, misses := c.field("stats", "keyspace_hits"), c.field("stats", "keyspace_misses"); hits+misses != 0 {
		t.Errorf("after CONFIG RESETSTAT: %d hits, %d misses", hits, misses)
	}
}

// TestHitsInPipelines counts a read behind a write, and those of a transaction, once each.
func TestHitsInPipelines(t *testing.T) {
	n := startNode(t)
	w := n.wire(t)
	for i := range 50 {
		w.Append("SET", fmt.Sprint("k", i), "v")
		w.Append("GET", fmt.Sprint("k", i))
		w.Append("GET", "none")
	}
	w.Append("MULTI")
	w.Append("GET", "k1")
	w.Append("GET", "none")
	w.send("EXEC")
	for range 154 {
		if _, err := w.Read(); err != nil {
			t.Fatal(err)
		}
	}
	c := n.dial(t)
	if hits, misses := c.field("stats", "keyspace_hits"), c.field("stats", "keyspace_misses"); hits != 51 || misses != 51 {
		t.Errorf("%d hits and %d misses, want 51 and 51", hits, misses)
	}
}

// TestResetConsistency: RESET gives the connection the consistency that the configuration says, as when it opened.
func TestResetConsistency(t *testing.T) {
	for consistency, change := range map[string]string{"linearizable": "READONLY", "stale": "READWRITE"} {
		n := startNode(t, "--read-consistency", consistency)
		c := n.dial(t)
		stale := func() bool {
			s := n.clients.all()[0]
			answer := make(chan bool)
			s.loop.post(func() { answer <- s.stale })
			return <-answer
		}
		c.want("PING", "PONG")
		before := stale()
		c.want(change, "OK")
		changed := stale()
		c.want("RESET", "RESET")
		if before == changed || stale() != before {
			t.Errorf("%s: local reads %t at first, %t after %s, %t after RESET", consistency, before, changed, change, stale())
		}
	}
}

// TestAskingIsNoUse: TTL, TYPE and EXISTS do not alter the last access time, and what reads the value does.
func TestAskingIsNoUse(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	c.want("SET k v", "OK")
	n.machine.RLock()
	view := n.machine.View(0, n.clock.estimate(), true)
	it, _ := view.Find([]byte("k"))
	n.machine.Space().Store.Access(it.Ref, uint32(view.Now()/1000-1000)<<8) // a second of the clock in the upper 24 bits
	n.machine.RUnlock()
	for _, line := range []string{"TTL k", "PTTL k", "EXPIRETIME k", "TYPE k", "EXISTS k", "OBJECT ENCODING k"} {
		c.do(line)
		if got := c.do("OBJECT IDLETIME k"); len(got) < len("(integer) 1000") {
			t.Errorf("after %s the key is idle for %s s, want 1000", line, got)
		}
	}
	c.do("GET k")
	c.want("OBJECT IDLETIME k", "(integer) 0")
}

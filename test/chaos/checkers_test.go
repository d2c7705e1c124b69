package chaos

import (
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

// The judge is judged: histories of what must not happen, written down as a client would have seen them.

// told is one line of such a history: begin and end in milliseconds, client, command, = and the reply as redis-cli shows
// it, or ? for none, or ! for a refusal. Replies of several elements stand in brackets.
//
//	0 5 1 INCR counter = 1
func told(t *testing.T, text string) (ops []op) {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		asked, answer, found := strings.Cut(strings.TrimSpace(line), " = ")
		words := strings.Fields(asked)
		if !found || len(words) < 4 {
			t.Fatalf("what is %q?", line)
		}
		var begin, end, client int64
		for i, n := range []*int64{&begin, &end, &client} {
			*n = integer(t, words[i])
		}
		o := op{kind: words[3], client: int(client), args: words[3:], begin: time.Duration(begin) * time.Millisecond, end: time.Duration(end) * time.Millisecond}
		switch {
		case o.kind == "CALM":
			o.kind, o.args = calm, o.args[1:]
		case o.kind == "STALE":
			o.kind, o.args = kindStale, o.args[1:]
		case o.kind == "LAST":
			o.kind, o.args = calm+" GET", o.args[1:]
		case len(o.args) == 5 && o.args[3] == "IFREV":
			o.kind = kindIfRev
		}
		o.reply, o.result = answered(t, answer)
		ops = append(ops, o)
	}
	return ops
}

func integer(t *testing.T, text string) (n int64) {
	t.Helper()
	for _, c := range text {
		if c < '0' || c > '9' {
			t.Fatalf("%q is no number", text)
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

func answered(t *testing.T, text string) (wire.Reply, outcome) {
	t.Helper()
	switch {
	case text == "?":
		return wire.Reply{}, unknown
	case text == "!":
		return wire.Reply{Kind: '-', Text: "NOQUORUM"}, refused
	case text == "nil":
		return wire.Reply{Kind: '$', Nil: true}, done
	case text == "OK":
		return wire.Reply{Kind: '+', Text: "OK"}, done
	case strings.HasPrefix(text, "NOLEASE"):
		return wire.Reply{Kind: '-', Text: text}, unknown
	case strings.HasPrefix(text, "("):
		return wire.Reply{Kind: ':', Int: integer(t, strings.Trim(text, "()"))}, done
	case strings.HasPrefix(text, "["):
		r := wire.Reply{Kind: '*'}
		for _, word := range strings.Fields(strings.Trim(text, "[]")) {
			e, _ := answered(t, word)
			r.Elems = append(r.Elems, e)
		}
		return r, done
	}
	return wire.Reply{Kind: '$', Text: text}, done
}

func TestCheckers(t *testing.T) {
	type checker = func([]op) []string
	for _, test := range []struct {
		name    string
		check   checker
		history string
		want    string // in what is said; "" is nothing
	}{
		{"an INCR that is not known may count or not", checkCounters, `
			0 5 1 INCR k = (1)
			0 9 2 INCR k = ?
			6 9 1 INCR k = (3)
			20 21 0 LAST GET k = 3`, ""},
		{"a lost INCR", checkCounters, `
			0 5 1 INCR k = (1)
			6 9 1 INCR k = (2)
			20 21 0 LAST GET k = 1`, "1 in the end; 2 were answered and 0"},
		{"a doubled INCR", checkCounters, `
			0 5 1 INCR k = (1)
			6 9 1 INCR k = (3)
			20 21 0 LAST GET k = 3`, "it was 3 when only 2"},
		{"a doubled INCR, seen in the end alone", checkCounters, `
			0 5 1 INCR k = (1)
			20 21 0 LAST GET k = 2`, "2 in the end; 1 were answered"},
		{"one number for two", checkCounters, `
			0 5 1 INCR k = (1)
			0 9 2 INCR k = (1)`, "two clients were told 1"},
		{"numbers out of order", checkCounters, `
			0 5 1 INCR k = (2)
			6 9 2 INCR k = (1)`, "2 was answered before the lower 1"},
		{"a read of the past", checkCounters, `
			0 5 1 INCR k = (1)
			6 7 2 GET k = nil`, "0 was read after 1 had been answered"},
		{"a stale read of the past", checkCounters, `
			0 5 1 INCR k = (1)
			6 7 2 STALE GET k = nil`, ""},
		{"stale reads that go back", checkCounters, `
			0 5 1 INCR k = (1)
			6 7 2 STALE GET k = 1
			8 9 2 STALE GET k = nil`, "went back from 1 to 0"},
		{"a read of the future", checkCounters, `
			0 5 1 INCR k = (1)
			6 7 2 STALE GET k = 2`, "it was 2 when only 1"},
		{"a lost compare-and-set", checkCounters, `
			0 5 1 SET k 1 IFREV 0 = OK
			0 6 2 SET k 1 IFREV 0 = nil
			20 21 0 LAST GET k = nil`, "0 in the end; 1 were answered"},

		{"a register", checkObjects, `
			0 5 1 SET k a = OK
			3 9 2 GET k = nil
			6 20 1 SET k b = ?
			21 22 2 GET k = b`, ""},
		{"a lost write", checkObjects, `
			0 5 1 SET k a = OK
			6 9 2 GET k = nil`, "not linearizable"},
		{"a refused write that came", checkObjects, `
			0 5 1 SET k a = !
			6 9 2 GET k = a`, "not linearizable"},
		{"a write of unknown outcome that goes again", checkObjects, `
			0 5 1 SET k a = ?
			6 9 2 GET k = a
			10 11 2 GET k = nil`, "not linearizable"},
		{"a member popped twice", checkObjects, `
			0 5 1 SADD k a = (1)
			6 7 1 SPOP k = a
			8 9 2 SPOP k = a`, "not linearizable"},
		{"a pop that is not known", checkObjects, `
			0 5 1 SADD k a = (1)
			0 5 2 SADD k b = (1)
			6 99 1 SPOP k = ?
			8 9 2 SMEMBERS k = [b]`, ""},
		{"a field that HGETALL lost", checkObjects, `
			0 5 1 HSET k a 1 = (1)
			6 7 1 HINCRBY k b 2 = (2)
			8 9 2 HGETALL k = [b 2]`, "not linearizable"},
		{"a sorted set", checkObjects, `
			0 5 1 ZADD k 3 a = (1)
			6 7 1 ZINCRBY k 1 b = 1
			8 9 2 ZRANGE k 0 -1 WITHSCORES = [b 1 a 3]
			10 11 2 ZPOPMIN k = [b 1]
			12 13 2 ZPOPMIN k = [a 3]
			14 15 2 ZPOPMIN k = []`, ""},
		{"a list in the wrong order", checkObjects, `
			0 5 1 RPUSH k a = (1)
			6 7 1 RPUSH k b = (2)
			8 9 2 RPOP k = a`, "not linearizable"},

		{"queues", checkQueues, `
			0 5 1 RPUSH fifo 1.1 = (1)
			6 7 1 RPUSH fifo 1.2 = (2)
			8 9 1 RPUSH fifo 1.3 = ?
			8 20 2 BLPOP fifo 0.4 = [fifo 1.1]
			20 30 2 LPOP fifo = ?
			40 41 0 LRANGE fifo 0 -1 = []`, ""},
		{"an element popped twice", checkQueues, `
			0 5 1 LPUSH heap 1.1 = (1)
			6 7 2 RPOP heap = 1.1
			8 9 3 BLPOP heap 0.4 = [heap 1.1]`, "1.1 was there 2 times"},
		{"an element popped, and there in the end", checkQueues, `
			0 5 1 LPUSH heap 1.1 = (1)
			6 7 2 RPOP heap = 1.1
			40 41 0 LRANGE heap 0 -1 = [1.1]`, "1.1 was there 2 times"},
		{"an element that is gone", checkQueues, `
			0 5 1 LPUSH heap 1.1 = (1)
			6 7 2 BLPOP heap 0.4 = nil
			40 41 0 LRANGE heap 0 -1 = []`, "1 elements are gone, and at most 0"},
		{"an element that a refused push brought", checkQueues, `
			0 5 1 LPUSH heap 1.1 = !
			6 7 2 RPOP heap = 1.1`, "never pushed"},
		{"an element moved after it was popped", checkQueues, `
			0 5 1 LPUSH heap 1.1 = (1)
			6 7 2 RPOP heap = 1.1
			8 9 3 LMOVE heap other LEFT LEFT = 1.1`, "after it was popped"},
		{"an element that overtook", checkQueues, `
			0 5 1 RPUSH fifo 1.1 = (1)
			6 7 1 RPUSH fifo 1.2 = (2)
			8 9 2 LPOP fifo = 1.2
			10 11 3 LPOP fifo = 1.1`, "overtook"},

		{"a time to live", checkExpiry, `
			0 5 1 SET k v PX 1000 = OK
			900 905 1 GET k = nil`, ""},
		{"an early expiry", checkExpiry, `
			0 5 1 SET k v PX 1000 = OK
			880 890 1 GET k = nil`, "gone 110ms early"},
		{"an early expiry of PEXPIRE", checkExpiry, `
			0 5 1 SET k v = OK
			1000 1005 1 PEXPIRE k 1000 = (1)
			1880 1890 1 GET k = nil`, "gone 110ms early"},
		{"a key that came back", checkExpiry, `
			0 5 1 SET k v PX 1000 = OK
			1100 1105 1 GET k = nil
			1200 1205 1 GET k = v`, "came back"},
		{"a key that does not go", checkExpiry, `
			0 5 1 SET k v PX 1000 = OK
			16006 16007 1 GET k = v`, "late"},

		{"a lease kept alive, then revoked", checkLeases, lease + `
			600 610 1 LEASE KEEPALIVE 7 = (1000)
			1590 1595 1 MGET lease:7:0 lease:7:1 = [1 1]
			1595 1600 1 LEASE REVOKE 7 = (2)
			1601 1602 1 MGET lease:7:0 lease:7:1 = [nil nil]`, ""},
		{"a lease that ends though it is kept alive", checkLeases, lease + `
			600 610 1 LEASE KEEPALIVE 7 = (1000)
			1400 1405 1 MGET lease:7:0 lease:7:1 = [nil nil]`, "gone 195ms early"},
		{"a lease that KEEPALIVE finds gone early", checkLeases, lease + `
			600 610 1 LEASE KEEPALIVE 7 = NOLEASE no such lease`, "gone 390ms early"},
		{"a KEEPALIVE that is not known promises nothing", checkLeases, lease + `
			600 610 1 LEASE KEEPALIVE 7 = ?
			1400 1405 1 MGET lease:7:0 lease:7:1 = [nil nil]`, ""},
		{"half a lease", checkLeases, lease + `
			1400 1405 1 MGET lease:7:0 lease:7:1 = [1 nil]`, "one key of two"},
		{"a lease that comes back", checkLeases, lease + `
			1400 1405 1 MGET lease:7:0 lease:7:1 = [nil nil]
			1500 1505 1 MGET lease:7:0 lease:7:1 = [1 1]`, "came back"},
		{"a lease that a revoke does not end", checkLeases, lease + `
			100 105 1 LEASE REVOKE 7 = (2)
			106 107 1 MGET lease:7:0 lease:7:1 = [1 1]`, "after the lease was revoked"},
		{"a lease that does not end", checkLeases, lease + `
			2000 2000 0 CALM = OK
			48001 48005 1 MGET lease:7:0 lease:7:1 = [1 1]`, "though nobody keeps"},
	} {
		got := strings.Join(test.check(told(t, test.history)), "\n")
		if !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s: said %q, want %q", test.name, got, test.want)
		}
	}
}

const lease = `
	0 1 1 LEASE GRANT 1000 ID 7 = (7)
	1 2 1 MSET lease:7:0 1 lease:7:1 1 = OK
	2 3 1 LEASE ATTACH 7 lease:7:0 lease:7:1 = (2)`

func TestBankChecker(t *testing.T) {
	audit := func(last string) []op {
		ops := told(t, "0 5 1 MGET = [100 100 100 100 100 "+last+"]")
		ops[0].kind = kindAudit
		return ops
	}
	if wrong := checkBank(audit("100")); wrong != nil {
		t.Errorf("said %v, want nothing", wrong)
	}
	if wrong := checkBank(audit("99")); len(wrong) != 1 {
		t.Errorf("said %v, want that money is gone", wrong)
	}
}

package robust

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	orderConnections = 12
	orderCommands    = 4000
	pipelineMax      = 200
)

// TestPipelinesAreAnsweredInOrder sends pipelines of everything, torn into random pieces, on many connections with keys of
// their own, and compares each reply with what the commands give when run one after another. Values go cold, keys expire.
func TestPipelinesAreAnsweredInOrder(t *testing.T) {
	srv := start(t, "", "--maxmemory", "2mb", "--io-threads", "2", "--databases", "64")
	var all sync.WaitGroup
	for id := range orderConnections {
		conn := raw(t, srv.Addr)
		conn.SetDeadline(time.Now().Add(startMax))
		all.Go(func() {
			o := &ordered{rng: rand.New(rand.NewPCG(uint64(id), 4)), id: id, dbs: [2]map[string]string{{}, {}}}
			if err := o.run(conn, t); err != nil {
				t.Errorf("connection %d: %v", id, err)
			}
		})
	}
	all.Wait()
}

// ordered is one connection and the model of its keys, which lie in two databases.
type ordered struct {
	rng  *rand.Rand
	id   int
	dbs  [2]map[string]string
	db   int
	out  []byte
	want []string
	sent []string
}

func (o *ordered) run(conn net.Conn, t *testing.T) error {
	replies := wire.New(conn)
	o.send("+OK", "SELECT", strconv.Itoa(o.base()))
	for done := 0; done < orderCommands; {
		for range 1 + o.rng.IntN(pipelineMax) {
			o.next()
			done++
		}
		written := make(chan struct{})
		out := o.out
		go func() { // beside the reading, so that neither side's buffers can fill for good
			defer close(written)
			o.fragments(conn, out)
		}()
		for i, want := range o.want {
			r, err := replies.Read()
			if err != nil {
				return fmt.Errorf("reply to %s: %w", o.sent[i], err)
			}
			if got := shown(r, strings.HasPrefix(o.sent[i], `["KEYS"`)); got != want && want != anything {
				return fmt.Errorf("%s = %.200s, want %.200s, behind %q", o.sent[i], got, want, o.sent[max(0, i-6):i])
			}
		}
		<-written
		o.out, o.want, o.sent = nil, o.want[:0], o.sent[:0]
	}
	return nil
}

// fragments writes out in pieces; TCP_NODELAY is Go's default.
func (o *ordered) fragments(conn net.Conn, out []byte) {
	rng := rand.New(rand.NewPCG(uint64(len(out)), 1))
	for len(out) > 0 {
		n := min(len(out), 1+rng.IntN(1+rng.IntN(4000)))
		if _, err := conn.Write(out[:n]); err != nil {
			return
		}
		out = out[n:]
	}
}

// shown prints a reply; the keys that KEYS found, alone or in a transaction, in order.
func shown(r wire.Reply, keys bool) string {
	switch {
	case r.Nil:
		return "nil"
	case r.Kind == ':':
		return ":" + strconv.FormatInt(r.Int, 10)
	case r.Kind == '*':
		var parts []string
		for _, e := range r.Elems {
			parts = append(parts, shown(e, true))
		}
		if keys {
			slices.Sort(parts)
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return string(r.Kind) + r.Text
}

func (o *ordered) send(want string, args ...string) {
	o.out = wire.AppendCommand(o.out, args...)
	o.want = append(o.want, want)
	o.sent = append(o.sent, fmt.Sprintf("%.60q", args))
}

// next adds a command, or a whole transaction.
func (o *ordered) next() {
	switch o.rng.IntN(24) {
	case 0:
		o.transaction()
	case 1:
		o.db = 1 - o.db
		o.send("+OK", "SELECT", strconv.Itoa(o.base()+o.db))
	case 2:
		key := o.key()
		o.send("+OK", "WATCH", key)
		o.send("+OK", "UNWATCH")
	case 3:
		o.expired()
	default:
		args := o.command()
		o.send(o.apply(args), args...)
	}
}

func (o *ordered) key() string { return "k" + strconv.Itoa(o.rng.IntN(30)) }

func (o *ordered) command() []string {
	key := o.key()
	switch o.rng.IntN(14) {
	case 0, 1, 2:
		return []string{"SET", key, strings.Repeat(string(rune('a'+o.rng.IntN(26))), 1+o.rng.IntN(1+o.rng.IntN(12000)))}
	case 3, 4, 5, 6:
		return []string{"GET", key}
	case 7:
		return []string{"INCR", "n" + key}
	case 8:
		return []string{"DEL", key}
	case 9:
		return []string{"PING"}
	case 10:
		return []string{"DBSIZE"}
	case 11:
		return []string{"STRLEN", key}
	case 12:
		return []string{"KEYS", "*"}
	}
	return []string{"EXISTS", key, "n" + key}
}

// apply is the model.
func (o *ordered) apply(args []string) string {
	db := o.dbs[o.db]
	switch args[0] {
	case "SET":
		db[args[1]] = args[2]
		return "+OK"
	case "GET":
		if v, ok := db[args[1]]; ok {
			return "$" + v
		}
		return "nil"
	case "INCR":
		n, _ := strconv.Atoi(db[args[1]])
		db[args[1]] = strconv.Itoa(n + 1)
		return ":" + strconv.Itoa(n+1)
	case "DEL":
		_, ok := db[args[1]]
		delete(db, args[1])
		return truth(ok)
	case "PING":
		return "+PONG"
	case "DBSIZE":
		return ":" + strconv.Itoa(len(db))
	case "STRLEN":
		return ":" + strconv.Itoa(len(db[args[1]]))
	case "EXISTS":
		n := 0
		for _, key := range args[1:] {
			if _, ok := db[key]; ok {
				n++
			}
		}
		return ":" + strconv.Itoa(n)
	case "KEYS":
		var names []string
		for name := range db {
			names = append(names, "$"+name)
		}
		slices.Sort(names)
		return "[" + strings.Join(names, " ") + "]"
	}
	panic(args[0])
}

func truth(b bool) string {
	if b {
		return ":1"
	}
	return ":0"
}

// transaction queues a few commands, perhaps behind a WATCH whose key changes first.
func (o *ordered) transaction() {
	watched, fails := o.rng.IntN(2) == 0, false
	if watched {
		key := o.key()
		o.send("+OK", "WATCH", key)
		if fails = o.rng.IntN(2) == 0; fails {
			set := []string{"SET", key, "changed"}
			o.send(o.apply(set), set...)
		}
	}
	o.send("+OK", "MULTI")
	discard := o.rng.IntN(6) == 0
	var replies []string
	for range o.rng.IntN(5) {
		args := o.command()
		o.send("+QUEUED", args...)
		if !fails && !discard {
			replies = append(replies, o.apply(args))
		}
	}
	switch {
	case discard:
		o.send("+OK", "DISCARD")
	case fails:
		o.send("nil", "EXEC")
	default:
		o.send("["+strings.Join(replies, " ")+"]", "EXEC")
	}
}

// anything stands for a reply that depends on time.
const anything = "?"

// expired ends a key by a deadline: one that has passed, or one that passes while the pipeline runs, in a database of its own.
func (o *ordered) expired() {
	key := o.key()
	switch o.rng.IntN(3) {
	case 0:
		_, there := o.dbs[o.db][key]
		o.send(truth(there), "PEXPIRE", key, "-1")
		delete(o.dbs[o.db], key)
	case 1:
		o.send("+OK", "SELECT", strconv.Itoa(o.base()+2))
		o.send("+OK", "SET", key, "x", "PX", strconv.Itoa(1+o.rng.IntN(10)))
		o.send("+OK", "SELECT", strconv.Itoa(o.base()+o.db))
	default:
		o.send("+OK", "SELECT", strconv.Itoa(o.base()+2))
		for range 5 {
			o.send(anything, "GET", o.key())
		}
		o.send("+OK", "SELECT", strconv.Itoa(o.base()+o.db))
	}
}

// base is the first of the connection's databases.
func (o *ordered) base() int { return 3 * o.id }

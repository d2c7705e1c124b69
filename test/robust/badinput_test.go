package robust

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	// stallMax is how long a neighbour may wait for a PING while others misbehave, on a machine that is busy with other tests.
	stallMax = 500 * time.Millisecond
	// memoryMax is what the resident memory may grow to while they do.
	memoryMax = 700 << 20
)

// TestProtocolErrors: what cannot be read is answered with Redis' words, and the connection is closed.
func TestProtocolErrors(t *testing.T) {
	srv := start(t, "")
	for _, c := range []struct{ name, send, want string }{
		{"count is no number", "*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
		{"count is too large", "*2147483648\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
		{"count without end", "*" + strings.Repeat("1", 70000), "-ERR Protocol error: too big mbulk count string\r\n"},
		{"bulk is too large", "*1\r\n$536870913\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		{"bulk is negative", "*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		{"no bulk", "*1\r\nGET\r\n", "-ERR Protocol error: expected '$', got 'G'\r\n"},
		{"quotes", "SET a \"b\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"},
		{"inline without end", strings.Repeat("x", 70000), "-ERR Protocol error: too big inline request\r\n"},
		{"behind what was right", bulk("SET", "a", "1") + bulk("INCR", "a") + "*x\r\n", "+OK\r\n:2\r\n-ERR Protocol error: invalid multibulk length\r\n"},
		{"behind a read", bulk("GET", "none") + "*1\r\nGET\r\n", "$-1\r\n-ERR Protocol error: expected '$', got 'G'\r\n"},
	} {
		conn := raw(t, srv.Addr)
		send(conn, c.send)
		if got := rest(t, conn); got != c.want {
			t.Errorf("%s: %.200q, want %q", c.name, got, c.want)
		}
	}
	for _, c := range []struct{ name, send, want string }{
		{"nothing to do", "\r\n\r\n*0\r\n*-1\r\n*-10\r\n" + "PING\r\n", "+PONG\r\n"},
		{"unknown command", "HELO\r\n", "-ERR unknown command 'HELO', with args beginning with: \r\n"},
		{"wrong number", "GET\r\n", "-ERR wrong number of arguments for 'get' command\r\n"},
	} {
		conn := raw(t, srv.Addr)
		send(conn, c.send)
		if got := line(t, conn); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestHalfACommand: a client that goes away in the middle of a command leaves nothing behind.
func TestHalfACommand(t *testing.T) {
	srv := start(t, "")
	c := dial(t, srv.Addr)
	c.want("OK", "SET", "a", "1")
	whole := bulk("SET", "a", strings.Repeat("2", 100))
	before := descriptors(t, srv)
	for cut := 1; cut < len(whole); cut++ {
		conn := raw(t, srv.Addr)
		send(conn, whole[:cut])
		conn.Close()
	}
	until(t, "all descriptors closed", func() bool { return descriptors(t, srv) <= before })
	c.want(`"1"`, "GET", "a")
}

// TestQueryBufferLimit: a command that never ends is cut off.
func TestQueryBufferLimit(t *testing.T) {
	srv := start(t, "", "--client-query-buffer-limit", "1mb")
	stop := neighbour(t, srv.Addr)
	conn := raw(t, srv.Addr)
	send(conn, "*2\r\n$3\r\nGET\r\n$100000000\r\n"+strings.Repeat("x", 4<<20))
	if got := rest(t, conn); got != "" {
		t.Errorf("the client was told %.80q, Redis says nothing", got)
	}
	if worst := stop(); worst > stallMax {
		t.Errorf("a neighbour waited %s", worst)
	}
	dial(t, srv.Addr).want("PONG", "PING")
}

// TestRandomBytes sends what a generator makes of bytes that look like the protocol, on many connections.
func TestRandomBytes(t *testing.T) {
	const connections, rounds = 20, 30
	srv := start(t, "", "--client-query-buffer-limit", "1mb", "--timeout", "60")
	stop := neighbour(t, srv.Addr)
	var all sync.WaitGroup
	for id := range connections {
		rng := rand.New(rand.NewPCG(uint64(id), 8))
		all.Go(func() {
			for range rounds {
				conn, err := net.DialTimeout("tcp", srv.Addr, replyMax)
				if err != nil {
					t.Error(err)
					return
				}
				conn.SetDeadline(time.Now().Add(replyMax))
				conn.Write(garbage(rng))
				conn.(*net.TCPConn).CloseWrite()
				if _, err := io.Copy(io.Discard, conn); err != nil && !strings.Contains(err.Error(), "reset") {
					t.Errorf("neither an answer nor an end: %v", err)
				}
				conn.Close()
			}
		})
	}
	all.Wait()
	if worst := stop(); worst > stallMax {
		t.Errorf("a neighbour waited %s", worst)
	}
	dial(t, srv.Addr).want("PONG", "PING")
}

// garbage is a mix of noise, pieces of the protocol and commands with strange arguments.
func garbage(rng *rand.Rand) []byte {
	pieces := []string{"*", "$", "\r\n", "\n", "\r", "-1", "0", "1", "3", "99999999999", "GET", "SET", "a", " ", "\"", "'", "\x00", "*1\r\n", "$3\r\n", "\\x",
		"MULTI\r\n", "EXEC\r\n", "PING\r\n", "INFO\r\n", "COMMAND\r\n", "HELLO 3\r\n"}
	commands := []string{"SET", "GET", "SETRANGE", "GETRANGE", "BITFIELD", "SCAN", "EXPIRE", "CLIENT", "CONFIG", "OBJECT", "AT", "HISTORY", "COMPACT", "WATCHREV", "LEASE", "LCS", "BITPOS",
		"SETBIT", "COPY", "SELECT", "HELLO", "AUTH", "MULTI", "EXEC", "WATCH", "RESET", "SORT", "DEBUG", "COMMAND"}
	words := []string{"a", "b", "", "-1", "0", "1", "9223372036854775807", "-9223372036854775808", "1e400", "nan", "EX", "PX", "GET", "LIST", "LEN", "TYPE", "INFO", "\x00\xff", "*", "[", "KEYS", "FROM"}
	var out []byte
	for range rng.IntN(40) {
		switch rng.IntN(3) {
		case 0:
			for range rng.IntN(50) {
				out = append(out, byte(rng.Uint32()))
			}
		case 1:
			out = append(out, pieces[rng.IntN(len(pieces))]...)
		default:
			args := []string{commands[rng.IntN(len(commands))]}
			for range rng.IntN(6) {
				args = append(args, words[rng.IntN(len(words))])
			}
			out = wire.AppendCommand(out, args...)
		}
	}
	return out
}

// TestClientThatNeverReads asks for far more than it takes. It is disconnected at client-output-buffer-limit.
func TestClientThatNeverReads(t *testing.T) {
	srv := start(t, "")
	c := dial(t, srv.Addr)
	c.want("OK", "CONFIG", "SET", "client-output-buffer-limit", "normal 8mb 0 0")
	c.want("OK", "SET", "big", strings.Repeat("x", 1<<20))
	for _, first := range []string{"", bulk("SET", "small", "1")} { // reads alone, and reads that ride behind a write
		stop := neighbour(t, srv.Addr)
		conn := deaf(t, srv.Addr)
		send(conn, first+strings.Repeat(bulk("GET", "big"), 1000))
		until(t, "the client is disconnected", func() bool { return !strings.Contains(clients(c), conn.LocalAddr().String()) })
		if worst := stop(); worst > stallMax {
			t.Errorf("a neighbour waited %s", worst)
		}
		conn.Close()
	}
	if peak := srv.PeakRSS(); peak > memoryMax {
		t.Errorf("the server took %d MB", peak>>20)
	}
}

func clients(c *client) string {
	r, err := c.Do("CLIENT", "LIST")
	if err != nil {
		c.t.Fatal(err)
	}
	return r.Text
}

// TestSoftOutputLimit: more than the soft limit is suffered for the seconds given, and no longer.
func TestSoftOutputLimit(t *testing.T) {
	srv := start(t, "", "--client-output-buffer-limit", "normal 0 1mb 1")
	c := dial(t, srv.Addr)
	c.want("OK", "SET", "big", strings.Repeat("x", 1<<20))
	conn := deaf(t, srv.Addr)
	began := time.Now()
	send(conn, strings.Repeat(bulk("GET", "big"), 20))
	until(t, "the client is disconnected", func() bool { return !strings.Contains(clients(c), conn.LocalAddr().String()) })
	if took := time.Since(began); took < time.Second {
		t.Errorf("disconnected after %s, want a second at least", took)
	}
}

// deaf is a connection that is known to the server and will read no more.
func deaf(t *testing.T, addr string) net.Conn {
	conn := raw(t, addr)
	conn.SetReadBuffer(4096)
	send(conn, "PING\r\n")
	line(t, conn)
	return conn
}

// TestDeafWithoutLimit: without a limit, as by default, such a client waits for itself and costs bounded memory; when it
// reads again it gets everything.
func TestDeafWithoutLimit(t *testing.T) {
	const asked, size = 400, 1 << 20
	srv := start(t, "")
	c := dial(t, srv.Addr)
	c.want("OK", "SET", "big", strings.Repeat("x", size))
	conn := raw(t, srv.Addr)
	send(conn, strings.Repeat(bulk("GET", "big"), asked)+bulk("INCR", "last"))
	until(t, "replies that wait", func() bool { return waitingFor(c, conn) > 12<<20 })
	stop := neighbour(t, srv.Addr)
	want := int64(asked*(size+len("$1048576\r\n\r\n")) + len(":1\r\n"))
	if n, err := io.CopyN(io.Discard, conn, want); err != nil {
		t.Errorf("%d of %d bytes came: %v", n, want, err)
	}
	if worst := stop(); worst > stallMax {
		t.Errorf("a neighbour waited %s", worst)
	}
	if peak := srv.PeakRSS(); peak > memoryMax {
		t.Errorf("the server took %d MB", peak>>20)
	}
	c.want(`"1"`, "GET", "last")
}

// waitingFor is how many bytes of replies a client has yet to take, by CLIENT LIST.
func waitingFor(c *client, conn net.Conn) (bytes int64) {
	for text := range strings.Lines(clients(c)) {
		if _, rest, ok := strings.Cut(text, " omem="); ok && strings.Contains(text, " addr="+conn.LocalAddr().String()) {
			fmt.Sscan(rest, &bytes)
		}
	}
	return bytes
}

// TestPipelineWithoutReading: a million writes sent before the first reply is read are all done and all answered.
func TestPipelineWithoutReading(t *testing.T) {
	const total = 1_000_000
	srv := start(t, "")
	stop := neighbour(t, srv.Addr)
	conn := raw(t, srv.Addr)
	conn.SetDeadline(time.Now().Add(startMax))
	var all []byte
	for i := range total {
		all = wire.AppendCommand(all, "SET", fmt.Sprint("k", i%1000), "v")
	}
	if _, err := conn.Write(all); err != nil {
		t.Fatal(err)
	}
	replies := make([]byte, total*len("+OK\r\n"))
	if _, err := io.ReadFull(conn, replies); err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("+OK\r\n", total); string(replies) != want {
		t.Error("not all replies are +OK")
	}
	if worst := stop(); worst > stallMax {
		t.Errorf("a neighbour waited %s", worst)
	}
	if peak := srv.PeakRSS(); peak > memoryMax {
		t.Errorf("the server took %d MB", peak>>20)
	}
	dial(t, srv.Addr).want("(integer) 1000", "DBSIZE")
}

// TestComeAndGo connects and leaves in every way, and looks for what stays.
func TestComeAndGo(t *testing.T) {
	srv := start(t, "")
	c := dial(t, srv.Addr)
	c.want("OK", "SET", "a", "1")
	before := descriptors(t, srv)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 250 {
				conn, err := net.DialTimeout("tcp", srv.Addr, replyMax)
				if err != nil {
					t.Error(err)
					return
				}
				switch (i + worker) % 5 {
				case 1:
					send(conn, bulk("GET", "a"))
				case 2:
					send(conn, bulk("INCR", "n")+bulk("GET", "n")+bulk("QUIT"))
				case 3:
					conn.(*net.TCPConn).SetLinger(0) // reset
					send(conn, strings.Repeat(bulk("INCR", "n"), 100))
				case 4:
					send(conn, bulk("MULTI")+bulk("INCR", "n")+bulk("WATCH"))
				}
				conn.Close()
			}
		})
	}
	all.Wait()
	until(t, "all descriptors closed", func() bool { return descriptors(t, srv) <= before })
	until(t, "all sessions gone", func() bool { return strings.Count(clients(c), "\n") == 1 })
}

// TestMaxClients: one too many is told so.
func TestMaxClients(t *testing.T) {
	srv := start(t, "", "--maxclients", "3")
	var held []*client
	for range 3 {
		c := dial(t, srv.Addr)
		c.want("PONG", "PING")
		held = append(held, c)
	}
	conn := raw(t, srv.Addr)
	if got := rest(t, conn); got != "-ERR max number of clients reached\r\n" {
		t.Errorf("one too many was told %q", got)
	}
	held[0].Close()
	until(t, "room for another", func() bool {
		c, err := wire.Dial(srv.Addr, replyMax)
		if err != nil {
			return false
		}
		defer c.Close()
		r, err := c.Do("PING")
		return err == nil && r.Text == "PONG"
	})
}

// TestTimeout: who says nothing is disconnected, who does stays.
func TestTimeout(t *testing.T) {
	srv := start(t, "", "--timeout", "1")
	silent := raw(t, srv.Addr)
	busy := dial(t, srv.Addr)
	gone := make(chan string, 1)
	go func() { b, _ := io.ReadAll(silent); gone <- string(b) }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-gone:
			done = true
		case <-tick.C:
			busy.want("PONG", "PING")
		}
	}
	busy.want("PONG", "PING")
}

// TestHalfClose: a client that sends and shuts its side down, as printf in a pipe does, still gets every reply.
func TestHalfClose(t *testing.T) {
	srv := start(t, "")
	const mixed = 2000
	var long, longWant strings.Builder
	long.WriteString(bulk("FLUSHALL"))
	longWant.WriteString("+OK\r\n")
	for i := range mixed {
		key := fmt.Sprint("k", i)
		long.WriteString(bulk("GET", key) + bulk("SET", key, "v") + bulk("GET", key) + bulk("PING") + bulk("DBSIZE"))
		fmt.Fprintf(&longWant, "$-1\r\n+OK\r\n$1\r\nv\r\n+PONG\r\n:%d\r\n", i+1)
	}
	for _, c := range []struct{ name, send, want string }{
		{"a write and a read", "SET a 1\r\nGET a\r\n", "+OK\r\n$1\r\n1\r\n"},
		{"a walk", "FLUSHALL\r\nSET a 1\r\nKEYS *\r\nDEL a\r\nGET a\r\n", "+OK\r\n+OK\r\n*1\r\n$1\r\na\r\n:1\r\n$-1\r\n"},
		{"nothing", "", ""},
		{"a walk at the end", "SET a 1\r\nKEYS a\r\n", "+OK\r\n*1\r\n$1\r\na\r\n"},
		{"half a command", bulk("SET", "a", "1") + "*2\r\n$3\r\nGE", "+OK\r\n"},
		{"a long mix that waits for itself", long.String(), longWant.String()},
		{"quit", "SET a 1\r\nQUIT\r\nSET a 2\r\n", "+OK\r\n+OK\r\n"},
	} {
		conn := raw(t, srv.Addr)
		send(conn, c.send)
		conn.CloseWrite()
		if got := rest(t, conn); got != c.want {
			t.Errorf("%s: %d bytes %.200q, want %d bytes %.200q", c.name, len(got), got, len(c.want), c.want)
		}
	}
}

// TestQuitBehindALargeReply: the connection closes when the reply is read, not before.
func TestQuitBehindALargeReply(t *testing.T) {
	srv := start(t, "")
	const size = 32 << 20
	dial(t, srv.Addr).want("OK", "SET", "big", strings.Repeat("x", size))
	for _, last := range []string{"QUIT\r\n", "*x\r\n"} {
		conn := raw(t, srv.Addr)
		send(conn, "GET big\r\n"+last)
		if got := rest(t, conn); len(got) < size || !strings.HasSuffix(got[size:], "\r\n") || strings.Count(got[size:], "\r\n") != 2 {
			t.Errorf("%q behind a reply of %d bytes: %d bytes came", last, size, len(got))
		}
	}
}

package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/internal/redistest"
	"github.com/redoubt-db/redoubt/rdb"
	"github.com/redoubt-db/redoubt/test/wire"
)

// askCopy sends lines, of which the last one asks for a copy, and reads up to the file: the replies before it, and its length.
func askCopy(t *testing.T, addr string, lines ...string) (client net.Conn, in *bufio.Reader, replies []string, size int) {
	t.Helper()
	client, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	client.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(client, "%s\r\n", strings.Join(lines, "\r\n"))
	in = bufio.NewReader(client)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "":
		case line[0] == '$':
			if size, err = strconv.Atoi(line[1:]); err != nil {
				t.Fatal(err)
			}
			return client, in, replies, size
		default:
			replies = append(replies, line)
			if line[0] == '-' {
				t.Fatalf("%q is answered by %q", lines, replies)
			}
		}
	}
}

// copyOf is the file of a SYNC; the connection ends behind it.
func copyOf(t *testing.T, addr string, lines ...string) []byte {
	t.Helper()
	_, in, _, size := askCopy(t, addr, lines...)
	file, err := io.ReadAll(in)
	if err != nil || len(file) != size {
		t.Fatalf("the file has %d bytes, want %d, %v", len(file), size, err)
	}
	return file
}

// keyLine is a key as a line, the same whoever holds it.
func keyLine(db int, name []byte, deadline int64, v *rdb.Value) string {
	slices.SortFunc(v.Set, bytes.Compare)
	slices.SortFunc(v.Hash, func(a, b rdb.Field) int { return bytes.Compare(a.Name, b.Name) })
	return fmt.Sprintf("%d %q %d %d %q %q %q %v %v", db, name, deadline, v.Type, v.String, v.List, v.Set, v.Hash, v.ZSet)
}

func fileLines(t *testing.T, file []byte) (lines []string, aux map[string]string) {
	t.Helper()
	aux = map[string]string{}
	err := rdb.ReadFile(bytes.NewReader(file), rdb.Visitor{
		Key: func(k rdb.Key) error { lines = append(lines, keyLine(k.DB, k.Name, k.Deadline, k.Value)); return nil },
		Aux: func(name, value []byte) error { aux[string(name)] = string(value); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines, aux
}

// walk asks a server of any make for all its keys.
func walk(t *testing.T, c *wire.Conn) (lines []string) {
	t.Helper()
	do := func(args ...string) wire.Reply {
		t.Helper()
		r, err := c.Do(args...)
		if err != nil || r.Kind == '-' {
			t.Fatalf("%s: %s, %v", args, r.Text, err)
		}
		return r
	}
	for db := range 16 {
		do("SELECT", strconv.Itoa(db))
		for _, key := range do("KEYS", "*").Elems {
			v, err := rdb.Decode([]byte(do("DUMP", key.Text).Text))
			if err != nil {
				t.Fatal(err)
			}
			deadline := do("PEXPIRETIME", key.Text).Int
			encoding := do("OBJECT", "ENCODING", key.Text).Text
			if encoding == "raw" { // what is short and was appended to is not, when it has been loaded
				encoding = "embstr"
			}
			lines = append(lines, keyLine(db, []byte(key.Text), max(deadline, 0), v)+" "+encoding)
		}
	}
	slices.Sort(lines)
	return lines
}

// fill makes keys of all types, small and large, in some databases.
func fill(t *testing.T, c *wire.Conn) {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 0))
	text := func() string {
		if rng.IntN(2) == 0 {
			return strconv.Itoa(rng.IntN(1e6) - 5e5)
		}
		return strings.Repeat(string(rune('a'+rng.IntN(26))), rng.IntN(30)) + fmt.Sprint(rng.Uint32())
	}
	n := 0
	sent := func(args ...string) {
		n++
		c.Append(args...)
	}
	for db := range 3 {
		sent("SELECT", strconv.Itoa(db*7))
		for i := range 60 {
			size := 1 + rng.IntN(20)
			if i%10 == 9 {
				size = 1500
			}
			for kind, args := range map[string][]string{"RPUSH": nil, "SADD": nil, "HSET": nil, "ZADD": nil} {
				args = append(args, kind, kind+strconv.Itoa(i))
				for range size {
					switch kind {
					case "ZADD":
						args = append(args, strconv.FormatFloat(rng.NormFloat64(), 'g', -1, 64))
					case "HSET":
						args = append(args, text())
					}
					args = append(args, text())
				}
				sent(args...)
			}
			sent("SADD", "numbers"+strconv.Itoa(i), strconv.Itoa(i), "7", "-900000")
			sent("SET", "string"+strconv.Itoa(i), strings.Repeat(text(), 1+rng.IntN(3000)))
			sent("PEXPIREAT", "SADD"+strconv.Itoa(i), strconv.Itoa(4_000_000_000_000+i))
			sent("SET", "short"+strconv.Itoa(i), text())
		}
	}
	sent("PFADD", "hll", "a", "b", "c")
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for range n {
		if r, err := c.Read(); err != nil || r.Kind == '-' {
			t.Fatal(r.Text, err)
		}
	}
}

// TestCopyIsLoadedByRedis: what SYNC gives is what this node has, and what a real server has that starts with it.
func TestCopyIsLoadedByRedis(t *testing.T) {
	n := startNode(t)
	c := n.wire(t)
	c.Deadline(time.Now().Add(time.Minute))
	fill(t, c.Conn)
	want := walk(t, c.Conn)
	file := copyOf(t, n.addr, "REPLCONF capa eof", "REPLCONF rdb-only 1", "SYNC")
	lines, aux := fileLines(t, file)
	if len(lines) != len(want) {
		t.Fatalf("the file has %d keys, want %d", len(lines), len(want))
	}
	if aux["redis-ver"] != "7.0.15" || aux["redoubt-revision"] != strconv.FormatUint(n.machine.Space().Store.Revision(), 10) {
		t.Errorf("it says of itself %q", aux)
	}
	redis := redistest.Start(t, "--save", "", "--enable-debug-command", "yes")
	path := filepath.Join(redis.Dir, "dump.rdb")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if check, err := exec.LookPath("redis-check-rdb"); err == nil {
		if out, err := exec.Command(check, path).CombinedOutput(); err != nil || !strings.Contains(string(out), fmt.Sprintf("%d keys read", len(want))) {
			t.Errorf("redis-check-rdb: %v\n%s", err, out)
		}
	}
	there := wire.New(redis.Dial(t))
	if r, err := there.Do("DEBUG", "RELOAD", "NOSAVE"); err != nil || r.Kind != '+' {
		t.Fatalf("redis-server does not load it: %s, %v", r.Text, err)
	}
	got := walk(t, there)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("redis-server has %d keys, want %d; number %d\n%.300s, want\n%.300s", len(got), len(want), i, slices.Concat(got, []string{""})[min(i, len(got))], slices.Concat(want, []string{""})[min(i, len(want))])
		}
	}
}

// TestCopyIsOfOneRevision: money moves between accounts while copies are made, and none is missing in any of them.
func TestCopyIsOfOneRevision(t *testing.T) {
	n := startNode(t)
	c := n.wire(t)
	const accounts, each = 3000, 100
	for i := range accounts {
		c.Append("SET", "account"+strconv.Itoa(i), strconv.Itoa(each))
		c.Append("HSET", "book"+strconv.Itoa(i%7), strconv.Itoa(i), strconv.Itoa(each))
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for range 2 * accounts {
		if _, err := c.Read(); err != nil {
			t.Fatal(err)
		}
	}
	var moving sync.WaitGroup
	var moved atomic.Int64
	stop := make(chan struct{})
	moving.Go(func() {
		rng := rand.New(rand.NewPCG(1, 0))
		for {
			select {
			case <-stop:
				return
			default:
			}
			from := rng.IntN(accounts)
			to := (from + 1 + rng.IntN(accounts-1)) % accounts
			c.Append("MULTI")
			for i, by := range map[int]string{from: "-1", to: "1"} {
				c.Append("INCRBY", "account"+strconv.Itoa(i), by)
				c.Append("HINCRBY", "book"+strconv.Itoa(i%7), strconv.Itoa(i), by)
			}
			c.Append("EXEC")
			c.Flush()
			for range 6 {
				c.Read()
			}
			moved.Add(1)
		}
	})
	defer moving.Wait()
	defer close(stop)
	for range 5 {
		before := moved.Load()
		file := copyOf(t, n.addr, "SYNC")
		holds(t, "money moves", func() bool { return moved.Load() > before })
		money, booked := 0, 0
		if err := rdb.ReadFile(bytes.NewReader(file), rdb.Visitor{Key: func(k rdb.Key) error {
			amount, _ := strconv.Atoi(string(k.Value.String))
			money += amount
			for _, f := range k.Value.Hash {
				amount, _ := strconv.Atoi(string(f.Value))
				booked += amount
			}
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
		if money != booked || money != accounts*each {
			t.Fatalf("%d in accounts and %d in books, want %d", money, booked, accounts*each)
		}
	}
}

// TestCopyOfFieldDeadlines is one for Redis 7.4, as 7.0 would not know what to make of them.
func TestCopyOfFieldDeadlines(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	c.want("HSET h f v g w", "(integer) 2")
	c.do("HPEXPIREAT h 4000000000000 FIELDS 1 f")
	file := copyOf(t, n.addr, "REPLCONF rdb-only 1", "SYNC")
	lines, _ := fileLines(t, file)
	if !bytes.HasPrefix(file, []byte("REDIS0012")) || len(lines) != 1 || !strings.Contains(lines[0], "4000000000000") {
		t.Errorf("the file begins with %q and has %q", file[:9], lines)
	}
}

// TestSlowCopy: a client that takes its time holds no memory, one that goes away nothing at all.
func TestSlowCopy(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	noise := make([]byte, 100_000) // which is not to be compressed
	rng := rand.New(rand.NewPCG(3, 0))
	for i := range 150 {
		for j := range noise {
			noise[j] = byte(rng.Uint32())
		}
		if _, err := c.Do([]string{"SET", strconv.Itoa(i), string(noise)}); err != nil {
			t.Fatal(err)
		}
	}
	before := n.clientMemory.bytes()
	_, in, _, size := askCopy(t, n.addr, "REPLCONF rdb-only 1", "SYNC")
	if size < 10<<20 {
		t.Fatalf("the file has %d bytes only", size)
	}
	c.contains("CLIENT LIST TYPE replica", "flags=S")
	c.contains("INFO stats", "sync_full:1\r\n")
	if held := n.exports.held(); held != 0 {
		t.Errorf("revision %d is held for it", held)
	}
	if took := n.clientMemory.bytes() - before; took > 2*exportPiece {
		t.Errorf("it takes %d bytes", took)
	}
	if read, err := io.Copy(io.Discard, in); err != nil || read != int64(size) {
		t.Errorf("read %d bytes of %d, %v", read, size, err)
	}
	client, _, _, _ := askCopy(t, n.addr, "SYNC")
	client.Close()
	holds(t, "no copy is being made or sent", func() bool {
		n.exports.mu.Lock()
		defer n.exports.mu.Unlock()
		return len(n.exports.list) == 0
	})
	left, err := filepath.Glob(filepath.Join(n.conf.String("dir"), exportPrefix+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%q are left, %v", left, err)
	}
}

// TestCopyForNobody: a client that goes away while its file is made ends that.
func TestCopyForNobody(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	c.want("SET a b", "OK")
	store := n.machine.Space().Store
	store.Lock() // nothing can be read meanwhile
	unlock := sync.OnceFunc(store.Unlock)
	defer unlock()
	client, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(client, "REPLCONF capa eof\r\nSYNC\r\n")
	running := func() (x *export) {
		n.exports.mu.Lock()
		defer n.exports.mu.Unlock()
		for x = range n.exports.list {
		}
		return x
	}
	holds(t, "a copy is being made", func() bool { return running() != nil })
	x := running()
	client.Close()
	holds(t, "it is to stop", func() bool {
		select {
		case <-x.stop:
			return true
		default:
			return false
		}
	})
	unlock()
	holds(t, "none is being made", func() bool { return running() == nil })
	if made := n.stats.copies.Load(); made != 1 {
		t.Errorf("%d copies were asked for", made)
	}
	c.want("GET a", `"b"`)
}

// TestCopyHoldsHistory: while a file is made the leader does not let compaction pass its revision, within bounds.
func TestCopyHoldsHistory(t *testing.T) {
	const kept = 100
	n := startNode(t, "--history-max-changes", strconv.Itoa(kept))
	c := n.dial(t)
	write := func(changes int) {
		for range changes {
			c.want("SET a b", "OK")
		}
	}
	compacted := func() uint64 {
		defer n.machine.RUnlock()
		n.machine.RLock()
		return n.machine.Space().Store.Compacted()
	}
	write(10)
	x := &export{}
	n.exports.mu.Lock()
	n.exports.list = map[*export]struct{}{x: {}}
	n.exports.mu.Unlock()
	n.exports.hold(x, 10)
	write(kept)
	holds(t, "compaction comes up to it", func() bool { return compacted() >= 9 })
	write(kept - 20)
	n.chores.retain()
	if got := compacted(); got > 10 {
		t.Errorf("compacted %d while a copy is made of 10", got)
	}
	write(kept)
	holds(t, "there is too much history", func() bool { return compacted() > 10 })
	n.exports.remove(x)
	holds(t, "nothing is held", func() bool { return compacted() >= 10+2*kept-20 })
}

// TestNobodyFollows: who wants the stream of commands is told that there is none, before it throws away what it has.
func TestNobodyFollows(t *testing.T) {
	n := startNode(t)
	for _, c := range []struct{ line, want string }{
		{"REPLCONF capa eof capa psync2", "+ OK"},
		{"REPLCONF capa", "- ERR syntax error"},
		{"REPLCONF rdb-only 2", "- ERR value is out of range, value must between 0 and 1"},
		{"REPLCONF rdb-only x", "- ERR value is not an integer or out of range"},
		{"REPLCONF rdb-filter-only keys", "- ERR Unsupported rdb-filter-only option: keys"},
		{"REPLCONF nope 1", "- ERR Unrecognized REPLCONF option: nope"},
		{"PSYNC ? x", "- ERR value is not an integer or out of range"},
		{"PSYNC ? -1", "- NOMASTERLINK " + noStream},
		{"REPLCONF listening-port 6379", "- ERR " + noStream},
		{"REPLCONF capa eof|REPLCONF rdb-filter-only \"\"|SYNC", "- ERR " + noStream},
		{"REPLCONF listening-port 6379|REPLCONF capa eof|SYNC", "- ERR " + noStream},
		{"PSYNC ? -1|SYNC", "- ERR " + noStream},
		{"REPLCONF rdb-filter-only functions|SYNC", "- ERR Filtered replica requires EOF capability"},
		{"REPLCONF ack 0|PING", "+ PONG"},
	} {
		client := n.wire(t)
		var last string
		lines := strings.Split(c.line, "|")
		for i, line := range lines {
			words := strings.Fields(strings.ReplaceAll(line, `""`, "\x00"))
			for j := range words {
				words[j] = strings.Trim(words[j], "\x00")
			}
			client.send(words...)
			if i < len(lines)-1 && words[1] == "ack" {
				continue
			}
			r, err := client.Read()
			if err != nil {
				t.Fatal(err)
			}
			last = string(r.Kind) + " " + r.Text
		}
		if last != c.want {
			t.Errorf("%s: %s, want %s", c.line, last, c.want)
		}
	}
	if file := copyOf(t, n.addr, "REPLCONF capa eof", "REPLCONF rdb-only 1", "REPLCONF rdb-filter-only functions", "SYNC", "PING"); len(file) > 300 {
		t.Errorf("functions alone take %d bytes", len(file))
	}
	_, _, replies, _ := askCopy(t, n.addr, "REPLCONF rdb-only 1", "PSYNC ? -1")
	if len(replies) != 2 || !strings.HasPrefix(replies[1], "+FULLRESYNC "+n.replID()+" ") {
		t.Errorf("PSYNC is answered by %q", replies)
	}
	c := n.dial(t)
	c.want("MULTI", "OK")
	c.want("SYNC", "(error) ERR Command not allowed inside a transaction")
}

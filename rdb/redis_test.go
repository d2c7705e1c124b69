package rdb

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/internal/redistest"
)

// redis is a real server and a connection to it.
type redis struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	dir  string
}

// startRedis starts a real server. The test is skipped where there is none, or only one of another format.
func startRedis(t *testing.T) *redis {
	t.Helper()
	server := redistest.Start(t, "--save", "", "--enable-debug-command", "yes")
	conn := server.Dial(t)
	r := &redis{t: t, conn: conn, in: bufio.NewReader(conn), dir: server.Dir}
	r.do("SET", "version", "x")
	if dump := r.do("DUMP", "version"); dump[len(dump)-footerBytes] != Version {
		t.Skipf("redis-server writes version %d of the format, not %d", dump[len(dump)-footerBytes], Version)
	}
	return r
}

// failed is in front of an error in what try returns.
const failed = "(error) "

// try sends a command and returns its reply, with the items of arrays in lines.
func (r *redis) try(args ...string) string {
	r.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(r.conn, b.String()); err != nil {
		r.t.Fatal(err)
	}
	return r.reply()
}

// do is try for commands that must succeed.
func (r *redis) do(args ...string) string {
	r.t.Helper()
	got := r.try(args...)
	if strings.HasPrefix(got, failed) {
		r.t.Fatalf("%.100q replies %s", args, got)
	}
	return got
}

func (r *redis) reply() string {
	r.t.Helper()
	line, err := r.in.ReadString('\n')
	if err != nil {
		r.t.Fatal(err)
	}
	line = strings.TrimSuffix(line, "\r\n")
	n, _ := strconv.Atoi(line[1:])
	switch line[0] {
	case '-':
		return failed + line[1:]
	case '$':
		if n < 0 {
			return ""
		}
		b := make([]byte, n+2)
		if _, err := io.ReadFull(r.in, b); err != nil {
			r.t.Fatal(err)
		}
		return string(b[:n])
	case '*':
		var items []string
		for range n {
			items = append(items, r.reply())
		}
		return strings.Join(items, "\n")
	}
	return line[1:]
}

// restored puts a payload into key and says how Redis holds it.
func (r *redis) restored(key string, payload []byte) (encoding, digest string) {
	r.t.Helper()
	if got := r.try("RESTORE", key, "0", string(payload), "REPLACE"); got != "OK" {
		r.t.Fatalf("RESTORE of %.200q replies %s", payload, got)
	}
	return r.held(key)
}

func (r *redis) held(key string) (encoding, digest string) {
	r.t.Helper()
	return r.do("OBJECT", "ENCODING", key), r.do("DEBUG", "DIGEST-VALUE", key)
}

// build makes v under key with the commands that a client would use, and dumps it.
func (r *redis) build(key string, v *Value) []byte {
	r.t.Helper()
	r.do("DEL", key)
	args := []string{key}
	send := func(name string, limit int) {
		if len(args) > limit {
			r.do(append([]string{name}, args...)...)
			args = args[:1]
		}
	}
	switch v.Type {
	case String:
		r.do("SET", key, string(v.String))
	case List:
		for _, s := range v.List {
			args = append(args, string(s))
			send("RPUSH", 100)
		}
		send("RPUSH", 1)
	case Set:
		for _, s := range v.Set {
			args = append(args, string(s))
			send("SADD", 100)
		}
		send("SADD", 1)
	case Hash:
		for _, f := range v.Hash {
			args = append(args, string(f.Name), string(f.Value))
			send("HSET", 100)
		}
		send("HSET", 1)
	case ZSet:
		for _, m := range v.ZSet {
			args = append(args, strconv.FormatFloat(m.Score, 'g', -1, 64), string(m.Name))
			send("ZADD", 100)
		}
		send("ZADD", 1)
	case Stream:
		r.buildStream(key, v.Stream)
	}
	return []byte(r.do("DUMP", key))
}

func (r *redis) buildStream(key string, s *StreamValue) {
	r.t.Helper()
	for _, e := range s.Entries {
		args := []string{"XADD", key, id(e.ID)}
		for _, p := range e.Pairs {
			args = append(args, string(p))
		}
		r.do(args...)
	}
	for _, g := range s.Groups {
		r.do("XGROUP", "CREATE", key, string(g.Name), id(g.Last), "MKSTREAM", "ENTRIESREAD", strconv.FormatInt(g.Read, 10))
		for _, c := range g.Consumers {
			r.do("XGROUP", "CREATECONSUMER", key, string(g.Name), string(c.Name))
		}
		for _, p := range g.Pending {
			r.do("XCLAIM", key, string(g.Name), string(g.Consumers[p.Consumer].Name), "0", id(p.ID),
				"TIME", strconv.FormatInt(p.Delivered, 10), "RETRYCOUNT", strconv.FormatUint(p.Deliveries, 10), "FORCE", "JUSTID")
		}
	}
	r.do("XSETID", key, id(s.Last), "ENTRIESADDED", strconv.FormatUint(s.Added, 10), "MAXDELETEDID", id(s.MaxDeleted))
}

func id(id StreamID) string { return fmt.Sprintf("%d-%d", id.Millis, id.Seq) }

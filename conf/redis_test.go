package conf

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/internal/redistest"
)

// redis is a real redis-server, the judge of texts and defaults.
type redis struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	dir  string
}

// startRedis starts one on a unix socket, in a directory of its own, and skips the test where there is none.
func startRedis(t *testing.T, args ...string) *redis {
	t.Helper()
	server := redistest.Start(t, args...)
	conn := server.Dial(t)
	return &redis{t: t, conn: conn, r: bufio.NewReader(conn), dir: server.Dir}
}

// do sends a command and returns the strings of its reply, or its error without the ERR.
func (r *redis) do(args ...string) ([]string, error) {
	r.t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := r.conn.Write(b.Bytes()); err != nil {
		r.t.Fatal(err)
	}
	return r.reply()
}

func (r *redis) reply() ([]string, error) {
	r.t.Helper()
	line, err := r.r.ReadString('\n')
	if err != nil {
		r.t.Fatal(err)
	}
	line = strings.TrimRight(line, "\r\n")
	switch line[0] {
	case '-':
		return nil, errors.New(strings.TrimPrefix(line, "-ERR "))
	case '$':
		n, _ := strconv.Atoi(line[1:])
		data := make([]byte, n+2)
		if _, err := io.ReadFull(r.r, data); err != nil {
			r.t.Fatal(err)
		}
		return []string{string(data[:n])}, nil
	case '*':
		n, _ := strconv.Atoi(line[1:])
		var all []string
		for range n {
			one, err := r.reply()
			if err != nil {
				r.t.Fatal(err)
			}
			all = append(all, one...)
		}
		return all, nil
	}
	return []string{line[1:]}, nil
}

// get is CONFIG GET as a map.
func (r *redis) get(pattern string) map[string]string {
	r.t.Helper()
	words, err := r.do("CONFIG", "GET", pattern)
	if err != nil {
		r.t.Fatal(err)
	}
	values := make(map[string]string)
	for pair := range slices.Chunk(words, 2) {
		values[pair[0]] = pair[1]
	}
	return values
}

// TestDefaultsLikeRedis holds the table against CONFIG GET * of redis-server 7.0. What differs stands here with its reason.
func TestDefaultsLikeRedis(t *testing.T) {
	r := startRedis(t)
	differ := map[string]string{
		"dir":         "the data has a directory of its own",
		"port":        "the server of this test listens on a unix socket only",
		"unixsocket":  "the server of this test listens there",
		"bind":        "without a file this node is for its own machine, as Redis' protected mode makes Redis; redis.conf says the same",
		"save":        "no RDB file is written",
		"appendonly":  "every write is in the Raft log",
		"appendfsync": "the Raft log is fsynced before a write is acknowledged",
	}
	ours := make(map[string]string)
	for _, pair := range Default().Get([]byte("*")) {
		ours[pair[0]] = pair[1]
	}
	for name, want := range r.get("*") {
		got, known := ours[name]
		switch {
		case !known:
			t.Errorf("%s is unknown", name)
		case differ[name] == "" && got != want:
			t.Errorf("default of %s = %q, Redis' is %q", name, got, want)
		case differ[name] != "" && got == want:
			t.Errorf("%s no longer differs from Redis: %q", name, got)
		}
	}
	theirs := r.get("*")
	own := make(map[string]bool)
	for _, d := range redoubtDirectives() {
		own[d.Name] = true
	}
	for name := range ours {
		if _, known := theirs[name]; !known && !own[name] {
			t.Errorf("%s stands among Redis' directives, but Redis has none", name)
		}
	}
	for _, d := range Directives() {
		if d.Hidden {
			if got := r.get(d.Name)[d.Name]; got != Default().String(d.Name) {
				t.Errorf("default of %s = %q, Redis' is %q", d.Name, Default().String(d.Name), got)
			}
		}
	}
}

// TestChangeLikeRedis sets every directive to many values, here and in redis-server, and compares the errors and what is kept.
func TestChangeLikeRedis(t *testing.T) {
	values := []string{"", "yes", "NO", "0", "1", "-1", "10", "101", "007", "+1", " 1", "1 ", "99999999999999999999", "4294967296", "9223372036854775807",
		"1k", "2KB", "3mb", "1gb", "1tb", "0%", "50%", "101%", "%", "-5%", "b", "kb", "local", "Always", "notice", "relative", "abc", "a/b", "a b",
		"save now", "nosave save", "default", "10 20", "10 20 30", "10 x", "10  20", "0 1", "-2001 0 0", "AKE", "KEAn", "Kq", "g$lshzxetd", "50 99.95 100",
		"100.1", "nan", "x 1 2 3", "normal 1gb 2gb 3", "replica 20gb 1kb 5 pubsub 30gb 7gb 9", "normal 1gb 1gb -1", "normal 1gb 1gb x", "normal 1", "master 1 1 1",
		"{title}", "{title} x", "{nope}", "x{", "x{{", "host_name", "host-name.x", "127.0.0.1 1", strings.Repeat("x", 300)}
	skip := map[string]string{
		"port": "listens", "bind": "listens", "tls-port": "listens", "oom-score-adj": "asks the kernel", "oom-score-adj-values": "asks the kernel",
		"maxclients": "asks the kernel", "appendonly": "forks", "dir": "immutable here", "activedefrag": "depends on Redis' allocator",
		"tls-cluster": "loads certificates", "tls-replication": "loads certificates",
		"watchdog-period": "is rounded up to Redis' timer",
	}
	r := startRedis(t, "--enable-protected-configs", "yes", "--save", "")
	if _, err := r.do("CLIENT", "NO-EVICT", "on"); err != nil {
		t.Fatal(err)
	}
	s, _, err := Load([]string{"--enable-protected-configs", "yes", "--appendfsync", "everysec"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	own := make(map[string]bool)
	for _, d := range redoubtDirectives() {
		own[d.Name] = true
	}
	for _, d := range Directives() {
		if own[d.Name] || skip[d.Name] != "" {
			continue
		}
		for _, name := range append([]string{d.Name}, d.Aliases...) {
			for _, v := range values {
				_, want := r.do("CONFIG", "SET", name, v)
				got := s.ChangeAs(true, [][2]string{{name, v}}, nil)
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("CONFIG SET %s %q = %v, Redis says %v", name, v, got, want)
				}
				if d.Mutable {
					if got, want := s.String(d.Name), r.get(name)[name]; got != want {
						t.Fatalf("CONFIG SET %s %q leaves %q, in Redis %q", name, v, got, want)
					}
				}
			}
		}
	}
}

// TestChangeSeveralLikeRedis compares which of several mistakes is told, and that nothing is changed then.
func TestChangeSeveralLikeRedis(t *testing.T) {
	r := startRedis(t)
	s := Default()
	for _, words := range []string{
		"maxmemory 1mb nosuch 1",
		"nosuch 1 nosuch2 1",
		"nosuch 1 daemonize yes",
		"daemonize yes nosuch 1",
		"DAEMONIZE yes",
		"dbfilename x",
		"dir /",
		"maxmemory 1mb maxmemory 2mb",
		"maxmemory 1mb MAXMEMORY 2mb",
		"maxmemory x MaxMemory 2mb",
		"maxmemory x daemonize yes",
		"maxmemory 1mb hz x maxmemory-samples 0",
		"MaxMemory x",
		"HASH-max-ziplist-value x",
		"lua-time-limit 7 busy-reply-threshold 8",
		"busy-reply-threshold 9 lua-time-limit x",
		"maxmemory 10000001 maxmemory-clients 200% client-query-buffer-limit invalid",
		"hz 3 timeout 60 maxmemory-policy allkeys-lru",
		"unknown.directive 1",
		"include x",
		"rename-command x",
		"requirepass",
	} {
		args := strings.Fields(words)
		if len(args)%2 != 0 {
			args = append(args, "")
		}
		_, want := r.do(append([]string{"CONFIG", "SET"}, args...)...)
		var pairs [][2]string
		for pair := range slices.Chunk(args, 2) {
			pairs = append(pairs, [2]string(pair))
		}
		if got := s.ChangeAs(true, pairs, nil); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("CONFIG SET %s = %v, Redis says %v", words, got, want)
		}
		for _, name := range []string{"maxmemory", "hz", "busy-reply-threshold", "maxmemory-policy", "timeout", "maxmemory-clients"} {
			if got, want := s.String(name), r.get(name)[name]; got != want {
				t.Errorf("after CONFIG SET %s: %s = %q, in Redis %q", words, name, got, want)
			}
		}
	}
}

// TestGetLikeRedis compares which names a pattern finds.
func TestGetLikeRedis(t *testing.T) {
	r := startRedis(t)
	own := make(map[string]bool)
	for _, d := range redoubtDirectives() {
		own[d.Name] = true
	}
	for _, words := range []string{"*", "max*", "MAX*", "MaxMemory", "slaveof", "*of", "maxmemory maxmemory* bind *of", "maxmemory MAXMEMORY", "m[a-b]x*",
		"hash-max-ziplist-valu?", "key-load-delay", "key-load-dela?", "nosuch", "nosuch*", "timeout timeout", "include", `max\memory`, `max\memory*`} {
		args := strings.Fields(words)
		reply, err := r.do(append([]string{"CONFIG", "GET"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for pair := range slices.Chunk(reply, 2) {
			want = append(want, pair[0])
		}
		var patterns [][]byte
		for _, arg := range args {
			patterns = append(patterns, []byte(arg))
		}
		for _, pair := range Default().Get(patterns...) {
			if !own[pair[0]] {
				got = append(got, pair[0])
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("CONFIG GET %s = %q, Redis says %q", words, got, want)
		}
	}
}

// refusedStarts are command lines that redis-server refuses, with the end of its message.
var refusedStarts = [][]string{
	{"--port"},
	{"--port", "6380", "--loglevel"},
	{"--port", "6379", "6380"},
	{"--port", "--loglevel", "verbose"},
	{"--port", "--bla", "--loglevel", "verbose"},
	{"--logfile", "--my--log--file", "--loglevel", "--bla"},
	{"--shutdown-on-sigint"},
	{"--shutdown-on-sigint", "now force", "--shutdown-on-sigterm"},
	{"--shutdown-on-sigint", "save nosave"},
	{"--replicaof", "127.0.0.1", "abc"},
	{"--replicaof", "--127.0.0.1", "abc"},
	{"--replicaof", "--127.0.0.1", "--abc"},
	{"--nosuch", "1"},
	{"--port 70000"},
	{"--port", "x\ny"},
	{"--maxmemory", "1tb"},
	{"--unixsocketperm", "888"},
	{"--unixsocketperm", "1000"},
	{"--save", "60"},
	{"--save", "60 1 2"},
	{"--bind", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"},
	{"--client-output-buffer-limit", "nope", "1", "1", "1"},
	{"--requirepass", "a", "b"},
	{"--tcp-backlog", "-1"},
	{"--hz", "ten"},
	{"--rename-command", "get"},
	{"--include"},
	{"--user"},
	{"--mod.x"},
	{"--requirepass \"x"},
	{"--appendfilename", "a/b"},
	{"--appenddirname", ""},
	{"--databases", "0"},
	{"--dir", ""},
	{"-x", "1"},
	{"--port", "1", "-", "x"},
}

func TestRefusedStartsLikeRedis(t *testing.T) {
	path := redistest.Path(t)
	for _, args := range refusedStarts {
		_, _, err := Load(args, nil)
		if err == nil {
			t.Errorf("%q is accepted", args)
			continue
		}
		server := exec.Command(path, args...)
		server.Dir = t.TempDir()
		out, _ := server.CombinedOutput()
		_, want, _ := strings.Cut(string(out), "***\n")
		_, got, _ := strings.Cut(err.Error(), "***\n")
		if got+"\n" != want {
			t.Errorf("%q is refused with\n%s\nRedis says\n%s", args, got, want)
		}
	}
}

// TestRewriteLikeRedis has redis-server and this package rewrite the same file after the same changes. What Redis appends is in no
// order, so the appended lines are compared sorted.
func TestRewriteLikeRedis(t *testing.T) {
	const file = `# comment   
appendonly no
appendfsync everysec
bind 127.0.0.1   10.255.255.254


PORT 0
  maxmemory 1gb
save 900 1
# middle
save 300 10
latency-tracking-info-percentiles 50 99
hash-max-ziplist-entries 20
hash-max-listpack-entries 21
timeout 7
requirepass "a\x01\"b"
rename-command FLUSHALL ""
client-output-buffer-limit pubsub 1mb 2048 3
notify-keyspace-events gxAK
oom-score-adj-values 0 200 800
lua-replicate-commands yes
include %s
shutdown-on-sigterm now nosave

# end`
	changes := [][2]string{{"maxmemory", "104857600"}, {"maxmemory-clients", "10%"}, {"save", "100 2"}, {"timeout", "0"}, {"hz", "20"},
		{"masterauth", "x y"}, {"zset-max-ziplist-value", "2048"}, {"loglevel", "warning"}, {"proto-max-bulk-len", "1048577"},
		{"client-output-buffer-limit", "normal 1 2 3"}, {"activerehashing", "no"}, {"shutdown-on-sigint", "force save"}, {"rdbcompression", "yes"}}
	dir := t.TempDir()
	included := filepath.Join(dir, "included.conf")
	if err := os.WriteFile(included, []byte("tcp-keepalive 60\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := [2]string{filepath.Join(dir, "theirs.conf"), filepath.Join(dir, "ours.conf")}
	for _, path := range paths {
		if err := os.WriteFile(path, []byte(fmt.Sprintf(file, included)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := startRedis(t, paths[0], "--bind", "127.0.0.1", "10.255.255.254")
	if _, err := r.do("AUTH", "a\x01\"b"); err != nil {
		t.Fatal(err)
	}
	s, _, err := Load([]string{paths[1], "--unixsocket", filepath.Join(r.dir, "s"), "--dir", r.dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range changes {
		if _, err := r.do("CONFIG", "SET", pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
		if err := s.Change([][2]string{pair}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.do("CONFIG", "REWRITE"); err != nil {
		t.Fatal(err)
	}
	if err := s.Rewrite(); err != nil {
		t.Fatal(err)
	}
	var heads, tails [2]string
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head, tail, _ := strings.Cut(string(text), rewriteSignature+"\n")
		lines := strings.Split(strings.TrimSpace(tail), "\n")
		lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "user default ") }) // users are not this package's
		slices.Sort(lines)
		heads[i], tails[i] = head, strings.Join(lines, "\n")
	}
	if heads[1] != heads[0] {
		t.Errorf("the file is rewritten as\n%s\nRedis writes\n%s", heads[1], heads[0])
	}
	if tails[1] != tails[0] {
		t.Errorf("the lines appended are\n%s\nRedis appends\n%s", tails[1], tails[0])
	}
}

package server

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/conf"
)

func TestConfigSet(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	c.want("CONFIG SET maxclients 1000 slowlog-max-len 3", "OK")
	c.want("CONFIG GET maxclients", "1) \"maxclients\"\n2) \"1000\"")
	c.want("CONFIG SET history-max-changes 5", "OK")
	c.contains("CONFIG SET dir /elsewhere", "argument 'dir') - can't set protected config")
	c.contains("CONFIG SET timeout 5 io-threads 2", "(possibly related to argument 'io-threads')")
	c.want("CONFIG SET write-timeout 1234", "OK")
	c.want("CONFIG GET timeout", "1) \"timeout\"\n2) \"0\"")
	_, port, _ := strings.Cut(n.addr, ":")
	c.want("CONFIG SET port "+port, "OK") // it is that already
	c.want("CONFIG SET protected-mode no port 1", "(error) ERR CONFIG SET failed (possibly related to argument 'port') - this directive is read when the server starts; change the configuration file and restart")
	c.want("CONFIG SET requirepass secret", "OK")
	w := n.wire(t)
	w.send("PING")
	w.want("- NOAUTH Authentication required.")
}

func TestConfigRewrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "redis.conf")
	if err := os.WriteFile(file, []byte("timeout 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startNode(t, file).dial(t)
	c.want("CONFIG SET timeout 9", "OK")
	c.want("CONFIG REWRITE", "OK")
	b, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(b), "timeout 9\n") {
		t.Errorf("after CONFIG REWRITE: %s, %v", b, err)
	}
	c.contains("INFO server", "config_file:"+file)
}

func TestSlowlog(t *testing.T) {
	c := startNode(t, "--slowlog-log-slower-than", "-1", "--slowlog-max-len", "4").dial(t)
	c.want("CLIENT SETNAME me", "OK")
	c.want("CONFIG SET slowlog-log-slower-than 0", "OK")
	c.want("SET key "+strings.Repeat("A", 129), "OK")
	c.contains("MGET 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33", "33) (nil)")
	c.want("CONFIG SET masterauth secret requirepass \"\"", "OK")
	c.want("CONFIG SET slowlog-log-slower-than -1", "OK")
	got := c.do("SLOWLOG GET -1")
	for _, want := range []string{
		`"masterauth"\s+4\) "\(redacted\)"\s+5\) "requirepass"\s+6\) "\(redacted\)"`,
		`31\) "30"\s+32\) "... \(3 more arguments\)"`,
		`1\) "SET"\s+2\) "key"\s+3\) "A{128}... \(1 more bytes\)"`,
		`5\) "127.0.0.1:\d+"\s+6\) "me"`,
	} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("SLOWLOG GET = %s, want %s", got, want)
		}
	}
	c.want("SLOWLOG LEN", "(integer) 4")
	c.want("CONFIG SET slowlog-max-len 2 slowlog-log-slower-than 50000", "OK")
	c.want("DEBUG SLEEP 0.06", "OK")
	c.contains("SLOWLOG GET 1", "1) \"DEBUG\"\n      2) \"SLEEP\"\n      3) \"0.06\"")
	c.want("SLOWLOG LEN", "(integer) 2")
	c.want("SLOWLOG RESET", "OK")
	c.want("SLOWLOG LEN", "(integer) 0")
}

// TestSlowlogRing compares the ring with a slice that is cut.
func TestSlowlogRing(t *testing.T) {
	n := startNode(t, "--slowlog-log-slower-than", "-1")
	s := &session{srv: n.Server}
	e := n.entries["PING"]
	var model []int64
	l := &n.slow
	for step, limit := range []int64{3, 3, 3, 3, 5, 5, 5, 5, 5, 2, 2, 2, 0, 0, 1, 1, 4, 4, 4, 4, 4, 4} {
		l.maxLen.Store(limit)
		l.add(s, e, nil, int64(step))
		model = append(model, int64(step))
		model = model[max(0, len(model)-int(limit)):]
		got := l.newest(100)
		if len(got) != len(model) {
			t.Fatalf("step %d: %d entries, want %d", step, len(got), len(model))
		}
		for i := range got {
			if want := model[len(model)-1-i]; got[i].nanos != want || got[i].id != want {
				t.Fatalf("step %d: entry %d is %d, want %d", step, i, got[i].nanos, want)
			}
		}
	}
}

func TestLatency(t *testing.T) {
	c := startNode(t).dial(t)
	c.want("CONFIG SET latency-monitor-threshold 20", "OK")
	c.contains("LATENCY DOCTOR", "No latency spike")
	c.want("DEBUG SLEEP 0.05", "OK")
	c.contains("LATENCY LATEST", "1) \"command\"")
	c.contains("LATENCY HISTORY command", "(integer) 5")
	c.contains("LATENCY GRAPH command", "command - high 5", "#")
	c.contains("LATENCY DOCTOR", "1. command: 1 latency spikes")
	c.want("LATENCY RESET fast-command command", "(integer) 1")
	c.want("LATENCY LATEST", "(empty array)")
	c.contains("LATENCY HISTOGRAM debug", "1) \"debug\"", "1) \"calls\"", "(integer) 1", "(integer) 67633")
	c.contains("LATENCY HISTOGRAM config", "1) \"config|set\"")
	c.want("LATENCY HISTOGRAM config|get", "(empty array)")
}

func TestSaveAndDigest(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	c.want("DEBUG POPULATE 2500 k 10", "OK")
	c.want("GET k:1", "\"value:1\\x00\\x00\\x00\"")
	c.want("DBSIZE", "(integer) 2500")
	full := c.do("DEBUG DIGEST")
	for _, line := range []string{"SAVE", "DEBUG RELOAD", "DEBUG LOADAOF"} {
		c.want(line, "OK")
	}
	c.want("DEBUG DIGEST", full)
	c.contains("INFO persistence", "rdb_saves:3\r\n", "rdb_last_bgsave_status:ok")
	c.want("BGSAVE", "Background saving started")
	c.want("FLUSHALL", "OK")
	c.want("DEBUG DIGEST", strings.Repeat("0", 40))
	c.want("SET a 1", "OK")
	one := c.do("DEBUG DIGEST")
	c.want("SET a 2", "OK")
	if c.do("DEBUG DIGEST") == one {
		t.Error("another value has the same digest")
	}
	c.want("SET a 1", "OK")
	c.want("DEBUG DIGEST", one)
	c.want("EXPIRE a 100", "(integer) 1")
	if c.do("DEBUG DIGEST") == one {
		t.Error("a key with a deadline has the digest of one without")
	}
	c.want("MOVE a 1", "(integer) 1")
	if c.do("DEBUG DIGEST") == one {
		t.Error("another database has the same digest")
	}
}

func TestDigestOfElements(t *testing.T) {
	c := startNode(t).dial(t)
	seen := map[string]string{}
	for _, lines := range []string{
		"SADD k a b", "SADD k 1 2 3", "RPUSH k a b", "RPUSH k b a", "HSET k a b", "HSET k a c", "HSET k b a", "ZADD k 1 a", "ZADD k 2 a", "ZADD k 1 b",
	} {
		c.do("DEL k")
		c.do(lines)
		is := c.do("DEBUG DIGEST")
		if other := seen[is]; other != "" {
			t.Errorf("%s has the digest of %s", lines, other)
		}
		seen[is] = lines
	}
	for _, lines := range [][2][]string{
		{{"SADD k a b c"}, {"SADD k c", "SADD k b", "SADD k a"}},
		{{"RPUSH k a b c"}, {"LPUSH k b a", "RPUSH k c"}},
		{{"ZADD k 2 a 1 b"}, {"ZADD k 1 b", "ZADD k 3 a", "ZINCRBY k -1 a"}},
	} {
		var got [2]string
		for i, some := range lines {
			c.do("DEL k")
			for _, line := range some {
				c.do(line)
			}
			got[i] = c.do("DEBUG DIGEST-VALUE k")
		}
		if got[0] != got[1] {
			t.Errorf("%q and %q have the digests %q", lines[0], lines[1], got)
		}
	}
}

func TestMemory(t *testing.T) {
	c := startNode(t).dial(t)
	c.want("SET a 12345", "OK")
	c.want("MEMORY USAGE a SAMPLES 0", "(integer) 114")
	c.contains("MEMORY STATS", "\"keys.count\"\n", "\"dataset.bytes\"")
	c.contains("MEMORY DOCTOR", "Sam")
	c.contains("MEMORY MALLOC-STATS", "store: records", "named: ")
	before := c.field("memory", "used_memory_dataset")
	c.want("SET big "+strings.Repeat("x", 5000), "OK")
	if after := c.field("memory", "used_memory_dataset"); after < before+5000 {
		t.Errorf("used_memory_dataset %d, then %d", before, after)
	}
}

func TestRole(t *testing.T) {
	c := startNode(t).dial(t)
	c.contains("ROLE", "1) \"master\"\n2) (integer) ", "3) (empty array)")
	c.contains("REPLICAOF localhost 1", "ERR REPLICAOF is not supported")
	c.want("WAIT 3 10000", "(integer) 0")
	c.contains("TIME", "1) \"1")
	c.contains("LOLWUT", "Redoubt ver. test")
}

func TestRenamedCommands(t *testing.T) {
	c := startNode(t, "--rename-command", "GET", "FETCH", "--rename-command", "APPEND", "", "--rename-command", "INCR", "MORE").dial(t)
	c.want("MORE n", "(integer) 1") // the log knows it as INCR
	c.want("MULTI", "OK")
	c.want("MORE n", "QUEUED")
	c.want("EXEC", "1) (integer) 2")
	c.want("SET a 1", "OK")
	c.want("FETCH a", "\"1\"")
	c.contains("GET a", "ERR unknown command 'GET'")
	c.want("COMMAND INFO get append", "1) (nil)\n2) (nil)")
	c.contains("COMMAND INFO fetch", "\"fetch\"")
	c.want("COMMAND GETKEYS FETCH a", "1) \"a\"")
}

func TestRedactKeepsOrdinaryArguments(t *testing.T) {
	args := [][]byte{[]byte("CONFIG"), []byte("SET"), []byte("timeout"), []byte("1"), []byte("REQUIREPASS"), []byte("x")}
	got := redact(conf.Default(), &entry{name: "config|set"}, args)
	if string(got[3]) != "1" || string(got[5]) != redacted || string(args[5]) != "x" {
		t.Errorf("redact = %q of %q", got, args)
	}
}

package server

import (
	osexec "os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/internal/corpus"
	"github.com/redoubt-db/redoubt/test/process"
)

// sameAsRedis are commands about connection and node whose replies must be Redis' to the letter, run in order
// on one connection.
var sameAsRedis = []string{
	"CLIENT", "CLIENT NOPE", "CLIENT ID extra", "CLIENT GETNAME", "CLIENT SETNAME \"a b\"", "CLIENT SETNAME me", "CLIENT GETNAME",
	"HELLO 2 SETNAME early -6", "CLIENT GETNAME", "HELLO 2 AUTH nobody x SETNAME late", "HELLO 2 AUTH nobody x SETNAME \"a b\"", "CLIENT GETNAME",
	"SLOWLOG GET -0", "SLOWLOG GET 1 2", "CLIENT UNBLOCK 1 TIMEOUT x", "CLIENT PAUSE 1 ALL x", "CLIENT UNBLOCK +1", "HELLO 02",
	"CLIENT SETNAME \"\"", "CLIENT GETNAME", "CLIENT LIST TYPE nope", "CLIENT LIST ID x", "CLIENT LIST ID 1 x", "CLIENT LIST nope", "CLIENT LIST TYPE replica",
	"CLIENT KILL", "CLIENT KILL 1.2.3.4:5", "CLIENT KILL ID 0", "CLIENT KILL ID x", "CLIENT KILL ID 10 wrong", "CLIENT KILL TYPE nope", "CLIENT KILL USER nope",
	"CLIENT KILL SKIPME maybe", "CLIENT KILL TYPE pubsub SKIPME no", "CLIENT KILL ADDR 1.2.3.4:5 LADDR 1.2.3.4:6",
	"CLIENT REPLY nope", "CLIENT REPLY ON", "CLIENT NO-EVICT maybe", "CLIENT NO-EVICT on", "CLIENT NO-EVICT off",
	"CLIENT PAUSE x", "CLIENT PAUSE -1", "CLIENT PAUSE 0", "CLIENT PAUSE 10 nope", "CLIENT UNPAUSE", "CLIENT UNBLOCK x", "CLIENT UNBLOCK 12345", "CLIENT UNBLOCK 12345 nope",
	"CLIENT TRACKING off", "CLIENT TRACKING maybe", "CLIENT TRACKINGINFO", "CLIENT GETREDIR", "CLIENT CACHING yes",
	"CONFIG", "CONFIG NOPE", "CONFIG GET", "CONFIG GET maxmemory-samples", "CONFIG SET maxmemory", "CONFIG SET maxmemory 1 timeout", "CONFIG SET nope 1",
	"CONFIG SET timeout x", "CONFIG SET maxmemory 1 maxmemory 2", "CONFIG SET daemonize yes", "CONFIG SET timeout 100 maxmemory-samples 7", "CONFIG GET timeout",
	"CONFIG RESETSTAT", "CONFIG RESETSTAT x", "CONFIG REWRITE", "CONFIG HELP",
	"SLOWLOG", "SLOWLOG NOPE", "SLOWLOG GET -2", "SLOWLOG GET x", "SLOWLOG RESET", "SLOWLOG LEN", "SLOWLOG GET", "SLOWLOG HELP",
	"LATENCY RESET", "LATENCY LATEST", "LATENCY HISTORY nope", "LATENCY GRAPH nope", "LATENCY HELP", "LATENCY HISTOGRAM nope",
	"MEMORY USAGE nope", "MEMORY USAGE nope SAMPLES", "MEMORY USAGE nope SAMPLES -1", "MEMORY USAGE nope SAMPLES x", "MEMORY NOPE", "MEMORY HELP", "MEMORY PURGE",
	"SHUTDOWN NOPE", "SHUTDOWN SAVE NOSAVE", "SHUTDOWN ABORT", "SHUTDOWN ABORT NOW", "BGSAVE nope", "SAVE",
	"REPLICAOF NO ONE", "SLAVEOF no one", "WAIT x 0", "WAIT 0 x", "WAIT 0 -1", "WAIT 0 10", "TIME x", "INFO nope",
	"FUNCTION FLUSH", "FUNCTION FLUSH nope", "FUNCTION FLUSH SYNC x", "SCRIPT FLUSH SYNC x", "SCRIPT FLUSH", "SCRIPT FLUSH nope", "SCRIPT FLUSH ASYNC",
	"COMMAND NOPE", "COMMAND INFO nope", "COMMAND GETKEYS nope a", "COMMAND GETKEYS GET a", "COMMAND GETKEYS PING x", "COMMAND LIST FILTERBY nope x", "COMMAND HELP",
	"SELECT x", "SELECT 4294967296", "SELECT -1", "SELECT +1", "EXEC x", "MULTI", "EXEC x", "EXEC", "SLOWLOG \"a\\x00b\"", "\"a\\x00b\" \"\\x00\" c",
	"DEBUG", "DEBUG NOPE", "DEBUG SLEEP", "DEBUG SLEEP 0", "DEBUG OBJECT nope", "DEBUG ERROR \"MY error\"", "DEBUG DIGEST", "DEBUG DIGEST-VALUE nope",
	"DEBUG PROTOCOL string", "DEBUG PROTOCOL integer", "DEBUG PROTOCOL double", "DEBUG PROTOCOL bignum", "DEBUG PROTOCOL null", "DEBUG PROTOCOL array", "DEBUG PROTOCOL set",
	"DEBUG PROTOCOL map", "DEBUG PROTOCOL verbatim", "DEBUG PROTOCOL true", "DEBUG PROTOCOL false", "DEBUG PROTOCOL nope", "DEBUG SET-ACTIVE-EXPIRE 1",
}

// startRedis is a connection to a real redis-server; without one the test is skipped.
func startRedis(t *testing.T) *testClient {
	t.Helper()
	if _, err := osexec.LookPath("redis-server"); err != nil {
		t.Skip(err)
	}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	redis, err := process.Start("redis-server --port {port} --dir {dir} --enable-debug-command yes --save ''", port, t.TempDir(), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { redis.Kill() })
	theirs, err := corpus.Dial("tcp", redis.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	return &testClient{t, theirs}
}

func TestRepliesAreRedis(t *testing.T) {
	real, ours := startRedis(t), startNode(t).dial(t)
	for _, proto := range []int{2, 3} {
		for _, c := range []*testClient{real, ours} {
			if err := c.Proto(proto); err != nil {
				t.Fatal(err)
			}
		}
		for _, line := range sameAsRedis {
			if want, got := real.do(line), ours.do(line); got != want {
				t.Errorf("RESP%d %s = %s, want %s", proto, line, got, want)
			}
		}
	}
}

// declaredAsRedis are commands whose declarations must be Redis' own. Of containers, that holds for the
// subcommands that both have.
var declaredAsRedis = []string{
	"client|caching", "client|getname", "client|getredir", "client|help", "client|id", "client|info", "client|kill", "client|list", "client|no-evict", "client|pause",
	"client|reply", "client|setname", "client|tracking", "client|trackinginfo", "client|unblock", "client|unpause", "config", "command", "slowlog", "memory", "latency",
	"info", "debug", "time", "lolwut", "shutdown", "save", "bgsave", "bgrewriteaof", "lastsave", "wait", "role", "replicaof", "slaveof", "sync", "psync", "replconf", "monitor", "function|flush", "script|flush",
}

func TestDeclarationsAreRedis(t *testing.T) {
	real, ours := startRedis(t), startNode(t).dial(t)
	number := regexp.MustCompile(`(?m)^( *\d+[)#] ?)+`)
	normal := func(c *testClient, name string) string {
		lines := strings.Split(number.ReplaceAllString(c.do("COMMAND INFO "+name), ""), "\n")
		// Nothing is loaded while commands run, so nobody is told which command would mind.
		lines = slices.DeleteFunc(lines, func(l string) bool { return l == "no_async_loading" })
		slices.Sort(lines)
		return strings.Join(lines, " ")
	}
	for _, name := range declaredAsRedis {
		if want, got := normal(real, name), normal(ours, name); got != want {
			t.Errorf("COMMAND INFO %s = %s, want %s", name, got, want)
		}
	}
}

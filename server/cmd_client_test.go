package server

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestClientLine(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	c.want("CLIENT SETNAME me", "OK")
	c.want("CLIENT SETINFO lib-name go", "OK")
	c.want("CLIENT SETINFO lib-ver \"1 2\"", "(error) ERR lib-ver cannot contain spaces, newlines or special characters.")
	c.want("CLIENT SETINFO nope x", "(error) ERR Unrecognized option 'nope'")
	c.want("SELECT 3", "OK")
	c.want("CLIENT NO-EVICT on", "OK")
	c.want("CLIENT NO-TOUCH on", "OK")
	line := regexp.MustCompile(`^"id=\d+ addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=\d+ name=me age=\d idle=0 flags=eT db=3 sub=0 psub=0 ssub=0 multi=-1 qbuf=26 qbuf-free=0 argv-mem=4 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=\d+ events=r cmd=client\|info user=default redir=-1 resp=2 lib-name=go lib-ver=\\n"$`)
	if got := c.do("CLIENT INFO"); !line.MatchString(got) {
		t.Errorf("CLIENT INFO = %s", got)
	}
	other := n.dial(t)
	other.want("MULTI", "OK")
	other.want("SET a 1", "QUEUED")
	c.contains("CLIENT LIST", "name=me", "flags=x db=0", "multi=1", "cmd=set")
	c.contains("CLIENT LIST ID "+other.do("CLIENT ID")[len("QUEUED"):]+" 1", "id=")
}

func TestClientKill(t *testing.T) {
	n := startNode(t)
	c, a, b := n.dial(t), n.dial(t), n.dial(t)
	id := strings.TrimPrefix(a.do("CLIENT ID"), "(integer) ")
	c.want("CLIENT KILL ID "+id, "(integer) 1")
	a.wantGone()
	c.want("CLIENT KILL MAXAGE 100", "(integer) 0")
	c.want("CLIENT KILL USER default SKIPME yes", "(integer) 1")
	b.wantGone()
	c.contains("INFO clients", "connected_clients:1\r\n")
	c.want("CLIENT KILL SKIPME no", "(integer) 1") // the answer comes, then the end
	c.wantGone()
}

// wantGone fails unless the connection is closed.
func (c *testClient) wantGone() {
	c.t.Helper()
	if got, err := c.Do([]string{"PING"}); err == nil {
		c.t.Errorf("PING = %s on a connection that was killed", got)
	}
}

func TestClientReply(t *testing.T) {
	c := startNode(t).wire(t)
	c.send("CLIENT", "REPLY", "SKIP")
	c.send("PING", "unheard")
	c.send("PING", "heard")
	c.want("$ heard")
	c.send("CLIENT", "REPLY", "SKIP")
	c.send("SET", "a", "unheard")
	c.send("GET", "a")
	c.want("$ unheard")
	c.send("CLIENT", "REPLY", "OFF")
	c.send("SET", "a", "1")
	c.send("GET", "a")
	c.send("CLIENT", "REPLY", "SKIP")
	c.send("NOSUCH")
	c.send("CLIENT", "REPLY", "ON")
	c.want("+ OK")
	c.send("GET", "a")
	c.want("$ 1")
}

func TestClientPause(t *testing.T) {
	n := startNode(t)
	c, w := n.dial(t), n.wire(t)
	c.want("CLIENT PAUSE 100000 WRITE", "OK")
	w.send("SET", "a", "1")
	w.send("GET", "a")
	c.want("GET a", "(nil)")
	c.want("CLIENT UNPAUSE", "OK")
	w.want("+ OK")
	w.want("$ 1")
	start := time.Now()
	c.want("CLIENT PAUSE 50 ALL", "OK")
	c.want("GET a", "\"1\"")
	if took := time.Since(start); took < 50*time.Millisecond {
		t.Errorf("a pause of 50 ms ended after %v", took)
	}
}

func TestLateCommandsInTransactions(t *testing.T) {
	c := startNode(t).dial(t)
	c.want("CONFIG SET slowlog-log-slower-than 400000", "OK")
	c.want("MULTI", "OK")
	c.want("SET a 1", "QUEUED")
	for _, line := range []string{"DEBUG SLEEP 0.41", "DEBUG OBJECT a", "MEMORY PURGE", "CLIENT ID"} {
		c.want(line, "QUEUED")
	}
	got := c.do("EXEC")
	for i, part := range []string{"1) OK", "2) OK", "3) (error) ERR no such key", "4) OK", "5) (integer)"} {
		if !strings.Contains(got, part) {
			t.Errorf("EXEC = %s, want %q at %d", got, part, i)
		}
	}
	c.want("GET a", "\"1\"")
	c.contains("SLOWLOG GET", "1) \"DEBUG\"\n      2) \"SLEEP\"")
	c.want("SLOWLOG LEN", "(integer) 1")
	c.want("WATCH a", "OK")
	c.want("SET a 2", "OK")
	c.want("MULTI", "OK")
	c.want("SET a 3", "QUEUED")
	c.want("EXEC", "(nil)")
	c.contains("INFO commandstats", "cmdstat_set:calls=2,", "cmdstat_debug:calls=2,", "cmdstat_exec:calls=2,")
}

func TestInfo(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	c.want("MSET a 1 b 2", "OK")
	c.want("SET c 3 EX 100", "OK")
	c.want("GET c", "\"3\"")
	c.do("GET a b")
	c.do("NOSUCH")
	c.contains("INFO", "# Server\r\nredis_version:7.0.15", "# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=0\r\n", "# Raft\r\nnode_id:", "# Revisions\r\nrevision_current:2\r\n")
	if strings.Contains(c.do("INFO"), "cmdstat_") {
		t.Error("INFO shows commandstats without being asked")
	}
	got := c.do("INFO Commandstats ERRORSTATS nope latencystats")
	for _, want := range []string{`cmdstat_mset:calls=1,usec=\d+,usec_per_call=[\d.]+,rejected_calls=0,failed_calls=0`, `cmdstat_get:calls=1,.*rejected_calls=1`, `errorstat_ERR:count=2\D`, `latency_percentiles_usec_get:p50=[\d.]+,p99=[\d.]+,p99.9=`} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("INFO = %s, want %s", got, want)
		}
	}
	if strings.Count(c.do("INFO cpu everything default"), "# CPU") != 1 {
		t.Error("INFO shows a section twice")
	}
	c.want("CONFIG RESETSTAT", "OK")
	c.contains("INFO stats", "total_error_replies:0\r\n")
	c.want("INFO nope", "\"\"")
}

func TestHistogram(t *testing.T) {
	last := -1
	for _, n := range []int64{-5, 0, 1, 15, 16, 17, 31, 32, 33, 1000, 1023, 1024, 1 << 20, 1<<30 - 1, 1 << 30, 1 << 40} {
		i := bucketOf(n)
		if i < last || i >= histogramBuckets {
			t.Fatalf("bucketOf(%d) = %d after %d", n, i, last)
		}
		if end := bucketEnd(i); n > 0 && n < 1<<30 && (end < n || float64(end) > float64(n)*1.07) {
			t.Errorf("bucketEnd(bucketOf(%d)) = %d", n, end)
		}
		last = i
	}
	var h histogram
	for n := int64(1); n <= 1000; n++ {
		h.record(n * 1000)
	}
	d, _ := h.read()
	for _, p := range []float64{1, 50, 99, 100} {
		if got := float64(d.percentile(p)); got < p*10000 || got > p*10000*1.07 {
			t.Errorf("p%v = %v", p, got)
		}
	}
	var got []string
	d.cumulative(func(micros int64, runs uint64) { got = append(got, fmt.Sprint(micros, ":", runs)) })
	if len(got) != 11 || got[0] != "1:1" || got[5] != "33:32" || got[10] != "1056:1000" {
		t.Errorf("cumulative = %v", got)
	}
}

func TestMonitor(t *testing.T) {
	n := startNode(t)
	m := n.wire(t)
	m.send("MONITOR")
	m.want("+ OK")
	other := n.wire(t)
	for _, args := range [][]string{{"SET", "a\n\"\x01", "1"}, {"CONFIG", "GET", "unseen"}, {"MULTI"}, {"GET", "a"}, {"EXEC"}, {"MULTI"}, {"NOSUCH"}, {"EXEC"}, {"HELLO", "2", "AUTH", "u", "p"}, {"AUTH", "p"}} {
		other.send(args...)
	}
	for _, want := range []string{`"SET" "a\n\"\x01" "1"`, `"MULTI"`, `"GET" "a"`, `"EXEC"`, `"MULTI"`, `"EXEC"`, `"HELLO" "2" "AUTH" "(redacted)" "(redacted)"`, `"AUTH" "(redacted)"`} {
		r, err := m.Read()
		if err != nil {
			t.Fatal(err)
		}
		if at := regexp.MustCompile(`^\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] `).FindString(r.Text); at == "" || r.Text[len(at):] != want {
			t.Errorf("MONITOR shows %s, want %s", r.Text, want)
		}
	}
	m.send("RESET")
	m.want("+ RESET")
	other.send("SET", "b", "1")
	m.send("PING", "quiet")
	m.want("$ quiet")
}

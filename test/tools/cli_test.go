package tools

import (
	"bufio"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const small = 50 // keys of every type beside the largest

// values are a large value of every type with many small ones beside it.
var values = []struct {
	kind, unit string
	count      int // of elements, or bytes, in the largest
	needs      string
	add        func(key string, i int) []string
}{
	{"string", "bytes", 5000, "SET", func(key string, i int) []string { return []string{"SETRANGE", key, strconv.Itoa(i), "v"} }},
	{"list", "items", 300, "RPUSH", func(key string, i int) []string { return []string{"RPUSH", key, strconv.Itoa(i)} }},
	{"set", "members", 400, "SADD", func(key string, i int) []string { return []string{"SADD", key, strconv.Itoa(i)} }},
	{"hash", "fields", 500, "HSET", func(key string, i int) []string { return []string{"HSET", key, strconv.Itoa(i), "v"} }},
	{"zset", "members", 600, "ZADD", func(key string, i int) []string { return []string{"ZADD", key, strconv.Itoa(i), strconv.Itoa(i)} }},
}

// fill makes the values of the types that the server knows and returns the names of all keys.
func (s *subject) fill() (names []string) {
	s.Helper()
	for _, v := range values {
		if !s.knows(v.needs) {
			continue
		}
		sent := 0
		put := func(key string, i int) {
			s.conn.Append(v.add(key, i)...)
			sent++
		}
		for i := range v.count {
			if v.kind != "string" || i == v.count-1 {
				put("big:"+v.kind, i)
			}
		}
		names = append(names, "big:"+v.kind)
		for i := range small {
			key := fmt.Sprintf("small:%s:%d", v.kind, i)
			put(key, 1)
			names = append(names, key)
		}
		s.conn.Deadline(time.Now().Add(toolMax))
		if err := s.conn.Flush(); err != nil {
			s.Fatal(err)
		}
		for range sent {
			if r, err := s.conn.Read(); err != nil || r.Err() != nil {
				s.Fatalf("filling %s: %v, %v", v.kind, r, err)
			}
		}
	}
	slices.Sort(names)
	return names
}

func TestBigKeys(t *testing.T) {
	s := start(t, "redis-cli")
	names := s.fill()
	out := s.run("redis-cli", "", "--bigkeys", "-i", "0")
	s.contains(out, fmt.Sprintf("Sampled %d keys in the keyspace!", len(names)))
	for _, v := range values {
		if slices.Contains(names, "big:"+v.kind) {
			s.contains(out, fmt.Sprintf("Biggest %6s found '\"big:%s\"' has %d %s", v.kind, v.kind, v.count, v.unit))
		}
	}
}

func TestMemKeys(t *testing.T) {
	s := start(t, "redis-cli")
	names := s.fill()
	for _, args := range [][]string{{"--memkeys"}, {"--memkeys", "--memkeys-samples", "10"}} {
		out := s.run("redis-cli", "", args...)
		s.contains(out, fmt.Sprintf("Sampled %d keys in the keyspace!", len(names)))
		for _, v := range values {
			if !slices.Contains(names, "big:"+v.kind) {
				continue
			}
			// The largest by elements is the largest in memory too.
			found := regexp.MustCompile(fmt.Sprintf(`Biggest +%s found '"(.*)"' has (\d+) bytes`, v.kind)).FindStringSubmatch(out)
			if found == nil || found[1] != "big:"+v.kind {
				t.Errorf("%q: %v is the biggest %s\n%s", args, found, v.kind, out)
			}
		}
	}
}

func TestScan(t *testing.T) {
	s := start(t, "redis-cli")
	names := s.fill()
	lines := func(args ...string) []string {
		got := strings.Fields(s.run("redis-cli", "", args...))
		slices.Sort(got)
		return slices.Compact(got)
	}
	if got := lines("--scan"); !slices.Equal(got, names) {
		t.Errorf("--scan printed %d names, want %d", len(got), len(names))
	}
	want := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !strings.HasPrefix(n, "big:") })
	if got := lines("--scan", "--pattern", "big:*"); !slices.Equal(got, want) {
		t.Errorf("--scan --pattern big:* printed %q, want %q", got, want)
	}
	if got := lines("--scan", "--quoted-pattern", `"small:\x73tring:1?"`); len(got) != 10 {
		t.Errorf("--scan --quoted-pattern printed %q", got)
	}
}

// TestStat reads a few rows of --stat, which has no end of its own.
func TestStat(t *testing.T) {
	s := start(t, "redis-cli")
	names := s.fill()
	cmd := exec.CommandContext(t.Context(), "redis-cli", "-p", strconv.Itoa(s.port), "--stat", "-i", "0.05")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.AfterFunc(toolMax, func() { cmd.Process.Kill() })
	defer deadline.Stop()
	defer cmd.Wait()
	defer cmd.Process.Kill()
	var rows [][]string
	var said []string
	for in := bufio.NewScanner(out); len(rows) < 3 && in.Scan(); {
		said = append(said, in.Text())
		// keys, mem, clients, blocked, requests (and how many more), connections
		if f := strings.Fields(in.Text()); len(f) >= 6 && f[0] == strconv.Itoa(len(names)) {
			rows = append(rows, f)
		}
	}
	if len(rows) < 3 {
		t.Fatalf("--stat printed\n%s", strings.Join(said, "\n"))
	}
	for _, r := range rows {
		if mem := r[1]; !regexp.MustCompile(`^[\d.]+[BKMG]$`).MatchString(mem) || strings.HasPrefix(mem, "0.00") {
			t.Errorf("--stat shows memory of %s in %q", mem, r)
		}
		if clients, err := strconv.Atoi(r[2]); err != nil || clients < 2 {
			t.Errorf("--stat shows %s clients in %q, want 2", r[2], r)
		}
	}
}

func TestLatency(t *testing.T) {
	s := start(t, "redis-cli")
	// min max avg count, in milliseconds
	f := strings.Fields(s.run("redis-cli", "", "--raw", "-i", "0.3", "--latency"))
	if len(f) != 4 {
		t.Fatalf("--latency printed %q", f)
	}
	if n, err := strconv.Atoi(f[3]); err != nil || n < 1 {
		t.Errorf("--latency counted %s samples", f[3])
	}
}

// TestPipe feeds --pipe with RESP, with lines, and with an error in the middle.
func TestPipe(t *testing.T) {
	const n = 20_000
	s := start(t, "redis-cli")
	var resp, lines []byte
	for i := range n {
		resp = wire.AppendCommand(resp, "SET", "piped:"+strconv.Itoa(i), "binary \x00\r\n value")
		lines = fmt.Appendf(lines, "INCRBY sum %d\r\n", i)
	}
	s.contains(s.run("redis-cli", string(resp), "--pipe"), fmt.Sprintf("errors: 0, replies: %d", n))
	s.contains(s.run("redis-cli", string(lines), "--pipe"), fmt.Sprintf("errors: 0, replies: %d", n))
	if got := s.do("DBSIZE").Int; got != n+1 {
		t.Errorf("DBSIZE = %d, want %d", got, n+1)
	}
	if got := s.do("GET", "sum").Text; got != strconv.Itoa(n*(n-1)/2) {
		t.Errorf("the sum is %s, want %d", got, n*(n-1)/2)
	}
	// redis-cli counts the errors, and its exit code says that there were some.
	cmd := exec.Command("redis-cli", "-p", strconv.Itoa(s.port), "--pipe")
	cmd.Stdin = strings.NewReader("SET a 1\r\nINCR piped:1\r\nSET b 2\r\n")
	out, _ := cmd.CombinedOutput()
	s.contains(string(out), "value is not an integer or out of range", "errors: 1, replies: 3")
	if got := s.do("GET", "b").Text; got != "2" {
		t.Errorf("GET b = %s behind an error, want 2", got)
	}
}

// TestRDB takes a copy as operators do, and has Redis' own tool look at it.
func TestRDB(t *testing.T) {
	s := start(t, "redis-cli")
	names := s.fill()
	file := filepath.Join(t.TempDir(), "dump.rdb")
	s.contains(s.run("redis-cli", "", "--rdb", file), "Transfer finished with success.")
	check, err := exec.LookPath("redis-check-rdb")
	if err != nil {
		t.Skipf("redis-check-rdb is not installed: %v", err)
	}
	out, err := exec.Command(check, file).CombinedOutput()
	if err != nil {
		t.Errorf("redis-check-rdb: %v", err)
	}
	s.contains(string(out), "Checksum OK", fmt.Sprintf("%d keys read", len(names)))
	if out, err := exec.Command("redis-cli", "-p", strconv.Itoa(s.port), "--replica").CombinedOutput(); err == nil || !strings.Contains(string(out), "there is no stream of commands") {
		t.Errorf("redis-cli --replica: %v\n%s", err, out)
	}
}

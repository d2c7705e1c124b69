package tools

import (
	"encoding/csv"
	"strconv"
	"strings"
	"testing"
)

const requests = 1000 // of each test of redis-benchmark

// benchmarks are the tests that redis-benchmark runs when it is not told which, with the command that each needs and what begins its row.
var benchmarks = []struct{ name, needs, row string }{
	{"ping_inline", "PING", "PING_INLINE"}, {"ping_mbulk", "PING", "PING_MBULK"}, {"set", "SET", "SET"}, {"get", "GET", "GET"}, {"incr", "INCR", "INCR"},
	{"lpush", "LPUSH", "LPUSH"}, {"rpush", "RPUSH", "RPUSH"}, {"lpop", "LPOP", "LPOP"}, {"rpop", "RPOP", "RPOP"}, {"sadd", "SADD", "SADD"}, {"hset", "HSET", "HSET"},
	{"spop", "SPOP", "SPOP"}, {"zadd", "ZADD", "ZADD"}, {"zpopmin", "ZPOPMIN", "ZPOPMIN"}, {"lrange_100", "LRANGE", "LRANGE_100"}, {"lrange_300", "LRANGE", "LRANGE_300"},
	{"lrange_500", "LRANGE", "LRANGE_500"}, {"lrange_600", "LRANGE", "LRANGE_600"}, {"mset", "MSET", "MSET"},
}

// TestBenchmark runs redis-benchmark with all its tests. It ends itself at the first error reply.
func TestBenchmark(t *testing.T) {
	s := start(t, "redis-benchmark")
	var names, rows []string
	all := true
	for _, b := range benchmarks {
		if !s.knows(b.needs) {
			all = false
			continue
		}
		names, rows = append(names, b.name), append(rows, b.row)
	}
	for _, more := range [][]string{{}, {"-P", "16", "-r", "1000"}, {"-3", "-c", "5"}, {"--threads", "2", "-k", "1"}} {
		args := append([]string{"-n", strconv.Itoa(requests), "-c", "20", "--csv"}, more...)
		if !all {
			args = append(args, "-t", strings.Join(names, ","))
		}
		out := s.run("redis-benchmark", "", args...)
		if strings.Contains(out, "WARNING") {
			t.Errorf("redis-benchmark %q:\n%s", args, out)
		}
		table, err := csv.NewReader(strings.NewReader(out[max(strings.Index(out, `"test"`), 0):])).ReadAll()
		if err != nil {
			t.Fatalf("redis-benchmark %q: %v\n%s", args, err, out)
		}
		for _, row := range rows {
			if !measured(table, row) {
				t.Errorf("redis-benchmark %q has no row %s with a rate:\n%s", args, row, out)
			}
		}
	}
	// What it did is there: INCR on one counter, but for the runs with -r, which have many.
	if n := s.do("GET", "counter:__rand_int__").Text; n != strconv.Itoa(3*requests) {
		t.Errorf("the counter stands at %s, want %d", n, 3*requests)
	}
	if s.knows("HLEN") {
		if n := s.do("HLEN", "myhash").Int; n < 2 {
			t.Errorf("HLEN myhash = %d", n)
		}
	}
}

func measured(table [][]string, name string) bool {
	for _, row := range table {
		if row[0] == name || strings.HasPrefix(row[0], name+" ") {
			if rate, err := strconv.ParseFloat(row[1], 64); err == nil && rate > 0 {
				return true
			}
		}
	}
	return false
}

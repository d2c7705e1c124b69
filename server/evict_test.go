package server

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// infoNumber is a field of an INFO.
func infoNumber(t *testing.T, info, name string) int64 {
	t.Helper()
	_, rest, ok := strings.Cut(info, name+":")
	if !ok {
		t.Fatalf("INFO has no %s", name)
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '-' })
	n, err := strconv.ParseInt(rest[:end], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// bounded is what maxmemory is compared with, as Redis reckons it.
func (c *testClient) bounded() int64 {
	c.t.Helper()
	info := c.do("INFO memory")
	return infoNumber(c.t, info, "used_memory") - infoNumber(c.t, info, "mem_not_counted_for_evict")
}

// flood is what clients of a flood saw.
type flood struct {
	mu     sync.Mutex
	oom    int
	others []string
}

// run sends total bytes of SETs of fresh keys on clients connections, depth at a time, and calls during meanwhile,
// again and again.
func (f *flood) run(t *testing.T, addr string, clients, depth, valueLen, total int, suffix string, during func()) {
	t.Helper()
	stop := make(chan struct{})
	var all, watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				during()
			}
		}
	})
	value := strings.Repeat("v", valueLen)
	for id := range clients {
		all.Go(func() {
			if err := f.client(addr, id, depth, total/clients/valueLen, value+suffix); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	close(stop)
	watcher.Wait()
}

func (f *flood) client(addr string, id, depth, count int, rest string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	var out []byte
	for sent := 0; sent < count; sent += depth {
		out = out[:0]
		for i := range depth {
			out = fmt.Appendf(out, "SET flood:%d:%d %s\r\n", id, sent+i, rest)
		}
		if _, err := conn.Write(out); err != nil {
			return err
		}
		for range depth {
			line, err := in.ReadString('\n')
			if err != nil {
				return err
			}
			f.note(strings.TrimSpace(line))
		}
	}
	return nil
}

func (f *flood) note(reply string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case strings.HasPrefix(reply, "-OOM"):
		f.oom++
	case reply != "+OK":
		f.others = append(f.others, reply)
	}
}

const (
	floodMemory = 50 << 20
	floodBytes  = 200 << 20
)

// TestFloodStaysInBounds sends four times of maxmemory as fast as it goes. What counts must stay near the bound all
// the time, not only at the end.
func TestFloodStaysInBounds(t *testing.T) {
	for _, c := range []struct {
		policy, suffix string
		valueLen       int
		oom            bool
	}{
		{"allkeys-lru", "", 1000, false},
		{"allkeys-lfu", "", 10_000, false},
		{"allkeys-random", "", 200, false},
		{"volatile-lru", " EX 1000", 1000, false},
		{"volatile-ttl", " EX 1000", 1000, false},
		{"volatile-lru", "", 1000, true},
		{"volatile-ttl", "", 10_000, true},
	} {
		t.Run(fmt.Sprint(c.policy, c.suffix, " ", c.valueLen), func(t *testing.T) {
			n := startNode(t, "--maxmemory", strconv.Itoa(floodMemory), "--maxmemory-policy", c.policy)
			watch := n.dial(t)
			var top int64
			var f flood
			total := floodBytes
			if c.valueLen != 1000 || c.policy != "allkeys-lru" {
				total /= 2
			}
			f.run(t, n.addr, 20, 16, c.valueLen, total, c.suffix, func() { top = max(top, watch.bounded()) })
			if len(f.others) > 0 || (f.oom > 0) != c.oom {
				t.Errorf("%d times -OOM, %d other errors %.1q", f.oom, len(f.others), f.others)
			}
			end, evicted := watch.bounded(), watch.field("stats", "evicted_keys")
			t.Logf("top %d, end %d, evicted %d, keys %s", top, end, evicted, watch.do("DBSIZE"))
			if limit := int64(floodMemory + floodMemory/10); top > limit {
				t.Errorf("%d bytes at the top, more than %d", top, limit)
			}
			if end < floodMemory*8/10 {
				t.Errorf("%d bytes in the end: too much was evicted", end)
			}
			if (evicted == 0) != c.oom {
				t.Errorf("%d keys were evicted", evicted)
			}
		})
	}
}

package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

// node is a server that answers as a script says, and counts what it has answered.
type node struct {
	t      *testing.T
	addr   string
	answer func(n int, request []string) string // to the n-th request; "" hangs up

	mu       sync.Mutex // guards what follows
	requests map[string]int
	keys     map[string]bool
	values   map[string]bool
}

func serve(t *testing.T, answer func(n int, request []string) string) *node {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &node{t: t, addr: l.Addr().String(), answer: answer, requests: map[string]int{}, keys: map[string]bool{}, values: map[string]bool{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go s.session(c)
		}
	}()
	return s
}

func (s *node) session(c net.Conn) {
	defer c.Close()
	in := wire.New(c)
	for {
		r, err := in.Read() // a command is an array, as replies may be
		if err != nil {
			return
		}
		var words []string
		for _, e := range r.Elems {
			words = append(words, e.Text)
		}
		reply := s.answer(s.note(words), words)
		if reply == "" {
			return
		}
		for part := range slices.Chunk([]byte(reply), 100) { // whatever is longer comes in pieces
			c.Write(part)
		}
	}
}

// note counts the request among those of its name.
func (s *node) note(words []string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[words[0]]++
	if words[0] != "WAIT" {
		s.keys[words[1]] = true
	}
	if words[0] == "SET" {
		s.values[words[2]] = true
	}
	return s.requests[words[0]]
}

// both runs the test for every generator that this system has.
func both(t *testing.T, test func(t *testing.T, thread bool)) {
	for _, name := range generators() {
		t.Run(name, func(t *testing.T) { test(t, name == "thread") })
	}
}

// TestGenerators holds that all generators send the same, and count what was answered and what was refused as the server did.
func TestGenerators(t *testing.T) {
	value := strings.Repeat("v", valueBytes)
	for _, c := range []struct {
		name        string
		write, wait bool
		answer      func(n int, request []string) string
		every       int // request that is refused
		why         string
	}{
		{"reads", false, false, func(n int, _ []string) string {
			if n%7 == 0 {
				return "$-1\r\n"
			}
			return fmt.Sprintf("$%d\r\n%s\r\n", len(value), value)
		}, 7, "a key that was written is not there"},
		{"writes", true, false, func(n int, _ []string) string {
			if n%5 == 0 {
				return "-NOQUORUM not applied\r\n"
			}
			return "+OK\r\n"
		}, 5, "NOQUORUM not applied"},
		{"writes that wait", true, true, func(n int, request []string) string {
			if request[0] == "SET" {
				return "+OK\r\n"
			}
			return fmt.Sprintf(":%d\r\n", min(n%3, 1))
		}, 3, "WAIT: no replica in time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			both(t, func(t *testing.T, thread bool) {
				s := serve(t, c.answer)
				const clients, keys = 7, 50
				j := job{write: c.write, addr: s.addr, clients: clients, keys: keys, thread: thread, seconds: 100 * time.Millisecond}
				r, err := generator{job: j, wait: c.wait}.run()
				if err != nil {
					t.Fatal(err)
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				name := map[bool]string{true: "SET", false: "GET"}[c.write]
				sent := s.requests[name]
				if r.Requests+r.Failed != sent || r.Failed != sent/c.every || sent < clients {
					t.Errorf("%d answered and %d refused of %d, want %d refused", r.Requests, r.Failed, sent, sent/c.every)
				}
				if waits := s.requests["WAIT"]; c.wait && waits != sent {
					t.Errorf("%d WAIT behind %d SET", waits, sent)
				}
				if r.Why != c.why {
					t.Errorf("refused with %q, want %q", r.Why, c.why)
				}
				for key := range s.keys {
					var n int
					if _, err := fmt.Sscanf(key, "k%08d", &n); err != nil || len(key) != keyBytes || n < 0 || n >= keys {
						t.Errorf("a key is %q", key)
					}
				}
				for v := range s.values {
					if len(v) != valueBytes {
						t.Errorf("a value has %d bytes", len(v))
					}
				}
				if want := keys / 2; sent > 20*keys && len(s.keys) < want {
					t.Errorf("%d requests for %d keys, want at least %d of %d", sent, len(s.keys), want, keys)
				}
				if r.Seconds < 0.1 || r.P50 <= 0 || r.P99 < r.P50 {
					t.Errorf("%+v", r)
				}
			})
		})
	}
}

// TestGeneratorFails holds that no generator takes a broken connection for a slow server.
func TestGeneratorFails(t *testing.T) {
	silent := make(chan struct{})
	defer close(silent)
	for _, c := range []struct {
		name   string
		answer func(n int, request []string) string
	}{
		{"hangs up", func(n int, _ []string) string {
			if n > 20 {
				return ""
			}
			return "+OK\r\n"
		}},
		{"says nothing", func(n int, _ []string) string {
			if n > 20 {
				<-silent
			}
			return "+OK\r\n"
		}},
		{"talks rubbish", func(int, []string) string { return "HTTP/1.1 200\r\n" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			both(t, func(t *testing.T, thread bool) {
				s := serve(t, c.answer)
				j := job{write: true, addr: s.addr, clients: 3, keys: 10, thread: thread, seconds: 50 * time.Millisecond}
				if r, err := (generator{job: j, patience: 50 * time.Millisecond}).run(); err == nil {
					t.Errorf("no error, but %+v", r)
				}
			})
		})
	}
}

// TestGeneratorNobodyListens holds that no generator starts without a server.
func TestGeneratorNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	both(t, func(t *testing.T, thread bool) {
		if r, err := (generator{job: job{addr: addr, clients: 1, keys: 1, thread: thread}}).run(); err == nil {
			t.Errorf("no error, but %+v", r)
		}
	})
}

package command

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestHLLLikeRedis compares replies and bytes of random HyperLogLogs with those of a real Redis. It asks for counts only after the bytes,
// and forgets them there, since Redis keeps a count in the value that was asked.
func TestHLLLikeRedis(t *testing.T) {
	redis := startOriginal(t)
	for seed := range uint64(6) {
		g := &hllGenerator{Rand: rand.New(rand.NewPCG(seed, 0))}
		s := newStage(t)
		redis.do("FLUSHALL")
		sparse := []string{"3000", "3000", "100", "0", "16000", "40"}[seed]
		redis.do("CONFIG", "SET", "hll-sparse-max-bytes", sparse)
		if got := s.exec(Configure, "hll-sparse-max-bytes", sparse); got != "OK" {
			t.Fatal(got)
		}
		for i := range 400 {
			args := g.command()
			got, want := s.exec(args...), redis.do(args...).flat()
			if got != want {
				t.Fatalf("seed %d, command %d: %.200q = %.200q, want %.200q", seed, i, args, got, want)
			}
			if got == string(errHLLCorrupted) { // what Redis counted before it met the damage stays there; here an error changes nothing
				s.exec("DEL", "a", "b", "c")
				redis.do("DEL", "a", "b", "c")
			}
			for _, key := range []string{"a", "b", "c"} {
				if got, want := s.exec("GET", key), redis.do("GET", key).flat(); got != want {
					t.Fatalf("seed %d, command %d: after %.200q %s is\n%q, want\n%q", seed, i, args, key, got, want)
				}
			}
			for _, args := range [][]string{{"PFCOUNT", "a", "b", "c"}, {"PFCOUNT", "c", "none"}, {"TTL", "a"}} {
				if got, want := s.exec(args...), redis.do(args...).flat(); got != want {
					t.Fatalf("seed %d, command %d: %q = %q, want %q", seed, i, args, got, want)
				}
			}
			if copied := redis.do("COPY", "b", "copy", "REPLACE"); copied.text == "1" {
				if got, want := s.exec("PFCOUNT", "b"), redis.do("PFCOUNT", "copy").flat(); got != want {
					t.Fatalf("seed %d, command %d: PFCOUNT = %q, want %q", seed, i, got, want)
				}
			}
		}
	}
}

// hllGenerator makes commands on three keys; few of them break something.
type hllGenerator struct {
	*rand.Rand
	broken int
}

func (g *hllGenerator) key() string { return string(rune('a' + g.IntN(3))) }

func (g *hllGenerator) command() []string {
	switch g.IntN(16) {
	case 0:
		return []string{"PFADD", g.key()}
	case 1, 2:
		return []string{"PFMERGE", g.key(), g.key(), g.key()}[:2+g.IntN(3)]
	case 3:
		return []string{"PFDEBUG", []string{"ENCODING", "decode", "GETREG", "TODENSE", "nosuch"}[g.IntN(5)], g.key()}
	case 4:
		return []string{"DEL", g.key()}
	case 5:
		if g.broken++; g.broken%3 == 0 {
			return []string{"SETRANGE", g.key(), strconv.Itoa(g.IntN(60)), string(rune(g.IntN(128)))}
		}
	case 6:
		return []string{"SET", g.key(), "HYLL\x01\x00\x00\x00" + "\x05\x00\x00\x00\x00\x00\x00" + string(rune(g.IntN(2)*127)) + "\x7f\xff"}
	}
	args := []string{"PFADD", g.key()}
	for range []int{1, 3, 20, 700}[g.IntN(4)] {
		args = append(args, fmt.Sprint(g.IntN(20000)))
	}
	return args
}

// exec runs one command of any bytes as a request of its own and returns its reply as do does.
func (s *stage) exec(args ...string) string {
	s.t.Helper()
	b := s.store.Begin()
	s.store.Lock()
	tx := s.space.Begin(b, s.now, 1)
	var raw [][]byte
	for _, arg := range args {
		raw = append(raw, []byte(arg))
	}
	reply := flat(slices.Clone(s.run(tx, raw)))
	tx.Commit()
	s.store.Unlock()
	if err := b.Commit(s.store.Applied() + 1); err != nil {
		s.t.Fatal(err)
	}
	return reply
}

// flat shows a reply as stage.do does.
func (n node) flat() string {
	switch n.mark {
	case '_':
		return "nil"
	case '*':
		var items []string
		for _, item := range n.list {
			items = append(items, item.flat())
		}
		return fmt.Sprint(items)
	}
	return n.text
}

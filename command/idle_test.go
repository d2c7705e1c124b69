package command

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/resp"
)

// TestIdleAnswersAsWrite: where Idle answers, Write answers the same and changes nothing, in states of all kinds.
func TestIdleAnswersAsWrite(t *testing.T) {
	s := newStage(t)
	r := rand.New(rand.NewPCG(7, 7))
	word := func(kind string, n int) string { return fmt.Sprint(kind, r.IntN(n)) }
	key := func() string { return word("k", 12) }
	member := func() string { return word("m", 4) }
	lines := []func() string{
		func() string { return "SADD " + key() + " " + member() + " " + member() },
		func() string { return "SADD " + key() + " " + member() },
		func() string { return "SREM " + key() + " " + member() },
		func() string { return "SPOP " + key() },
		func() string { return "SPOP " + key() + " 2" },
		func() string { return "LPOP " + key() },
		func() string { return "RPOP " + key() },
		func() string { return "RPOP " + key() + " 1" },
		func() string { return "LPOP " + key() + " x" },
		func() string { return "LREM " + key() + " 1 " + member() },
		func() string { return "LREM " + key() + " x " + member() },
		func() string { return "RPUSH " + key() + " " + member() },
		func() string { return "ZADD " + key() + " 1 " + member() },
		func() string { return "ZADD " + key() + " CH XX " + word("", 2) + " " + member() + " 1 " + member() },
		func() string { return "ZADD " + key() + " GT -0 " + member() },
		func() string { return "ZADD " + key() + " NX GT 1 " + member() },
		func() string { return "ZADD " + key() + " INCR 0 " + member() },
		func() string { return "ZADD " + key() + " nan " + member() },
		func() string { return "ZREM " + key() + " " + member() },
		func() string { return "ZPOPMIN " + key() },
		func() string { return "ZPOPMAX " + key() },
		func() string { return "ZPOPMIN " + key() + " 3" },
		func() string { return "HSET " + key() + " " + member() + " v" },
		func() string { return "HSETNX " + key() + " " + member() + " v" },
		func() string { return "HEXPIRE " + key() + " 9 FIELDS 1 " + member() },
		func() string { return "HDEL " + key() + " " + member() + " " + member() },
		func() string { return "DEL " + key() },
		func() string { return "UNLINK " + key() + " " + key() },
		func() string { return "SETNX " + key() + " v" },
		func() string { return "SET " + key() + " v NX" },
		func() string { return "SET " + key() + " v nx PX 30000" },
		func() string { return "SET " + key() + " v EX 9 Nx" },
		func() string { return "SET " + key() + " v EX 0 NX" },
		func() string { return "SET " + key() + " v NX GET" },
		func() string { return "SET " + key() + " v NX XX" },
		func() string { return "SET " + key() + " v NX KEEPTTL" },
		func() string { return "SET " + key() + " v XX" },
		func() string { return "PEXPIRE " + key() + " 60000" },
	}
	idle := map[string]int{}
	for range 120_000 {
		line := lines[r.IntN(len(lines))]()
		name, _, _ := strings.Cut(line, " ")
		want, answered := s.idle(line)
		before := s.store.Revision()
		got := s.do(line)
		if !answered {
			continue
		}
		idle[name]++
		if got != want {
			t.Fatalf("%s: Idle answers %s, Write %s", line, want, got)
		}
		if after := s.store.Revision(); after != before {
			t.Fatalf("%s: Idle answers %s, and Write takes revision %d", line, want, after)
		}
	}
	for _, spec := range NewTable(Families()...).List() {
		if spec.Idle != nil && idle[spec.Name] < 50 {
			t.Errorf("%s: Idle answered %d times; is it among the lines?", spec.Name, idle[spec.Name])
		}
	}
}

// idle is what Idle answers, if it does.
func (s *stage) idle(line string) (reply string, ok bool) {
	var args [][]byte
	for _, word := range strings.Fields(line) {
		args = append(args, []byte(word))
	}
	spec := s.table.Lookup(args[0])
	if spec == nil || spec.Idle == nil {
		return "", false
	}
	view := s.space.View(0, s.now, s.now, false)
	var c ReadCall
	c.Reset(args, &view, resp.RESP3)
	v, ok := spec.Idle(&c)
	if !ok || view.Need() != 0 {
		return "", false
	}
	return flat(v.Append(nil, resp.RESP3)), true
}

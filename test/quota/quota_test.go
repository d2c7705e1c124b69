package quota

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const startMax = time.Minute

func start(t *testing.T, command string, args ...string) *wire.Conn {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	s, err := process.Start(command, port, t.TempDir(), startMax, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	c, err := wire.Dial(s.Addr, startMax)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// do returns the reply as redis-cli shows it.
func do(t *testing.T, c *wire.Conn, args ...string) string {
	t.Helper()
	c.Deadline(time.Now().Add(startMax))
	r, err := c.Do(args...)
	if err != nil && r.Err() == nil {
		t.Fatal(err)
	}
	return r.String()
}

func await(t *testing.T, what string, there func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(startMax); !there(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in time", what)
		}
	}
}

// Data above the quota stop what grows and nothing else, on every member, until there is room or a larger quota.
func TestQuota(t *testing.T) {
	command, err := process.Resolve("redoubt", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, command, "--quota-bytes", "1mb")
	if got := do(t, c, "RAFT", "ALARM", "LIST"); got != "[]" {
		t.Errorf("alarms at the start: %s", got)
	}
	value := make([]byte, 300<<10)
	filled := 0
	await(t, "NOSPACE", func() bool {
		filled++
		rand.NewChaCha8([32]byte{byte(filled)}).Read(value) // which cannot be compressed
		reply := do(t, c, "SET", "k", string(value))
		do(t, c, "SAVE") // what is in memory only takes no disk
		return strings.Contains(reply, "NOSPACE")
	})
	if got := do(t, c, "RAFT", "ALARM", "LIST"); !strings.Contains(got, "NOSPACE") {
		t.Errorf("alarms after %d writes: %s", filled, got)
	}
	for _, works := range [][]string{{"GET", "k"}, {"DEL", "other"}, {"COMPACT", "1"}} {
		if got := do(t, c, works...); strings.Contains(got, "(error)") {
			t.Errorf("%v = %s", works, got)
		}
	}
	do(t, c, "CONFIG", "SET", "quota-bytes", "1gb")
	await(t, "room by a larger quota", func() bool { return do(t, c, "SET", "k2", "v") == "OK" })
	if got := do(t, c, "RAFT", "ALARM", "LIST"); got != "[]" {
		t.Errorf("alarms with room: %s", got)
	}
	do(t, c, "CONFIG", "SET", "quota-bytes", "1mb")
	await(t, "NOSPACE again", func() bool { return strings.Contains(do(t, c, "SET", "k2", "v"), "NOSPACE") })
	if got := do(t, c, "RAFT", "ALARM", "DISARM", "nospace"); got != "(integer) 1" {
		t.Errorf("DISARM = %s", got)
	}
	if got := do(t, c, "RAFT", "ALARM", "DISARM", "FIRE"); !strings.Contains(got, "the alarms are") {
		t.Errorf("DISARM of no alarm = %s", got)
	}
	await(t, "the reason is still there", func() bool { return strings.Contains(do(t, c, "RAFT", "ALARM", "LIST"), "NOSPACE") })
}

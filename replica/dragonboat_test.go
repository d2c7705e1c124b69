package replica

import (
	"log"
	"os"
	"runtime"
	"testing"
	"time"
)

func TestEntrySliceIsSmall(t *testing.T) {
	const proposals, bytesMax = 300, 16 << 10
	r := mustOpen(t, testOptions(t, newCounting()))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	proposeAll(t, r, numbers(proposals))
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / proposals; got > bytesMax {
		t.Errorf("a proposal makes %d bytes of garbage, want %d at most: dragonboat's variables have other names now", got, bytesMax)
	}
}

// TestLoneVoterLeadsAtOnce uses an election timeout that nobody would wait for.
func TestLoneVoterLeadsAtOnce(t *testing.T) {
	o := testOptions(t, newCounting())
	o.Tick, o.HeartbeatTicks, o.ElectionTicks = 10*time.Millisecond, 5, 100_000
	for range 2 {
		start := time.Now()
		r := mustOpen(t, o)
		proposeAll(t, r, numbers(1))
		t.Logf("led and wrote after %v", time.Since(start))
		start = time.Now()
		mustClose(t, r)
		t.Logf("closed after %v", time.Since(start))
	}
}

func TestStandardLogIsGivenBack(t *testing.T) {
	mustClose(t, mustOpen(t, testOptions(t, newCounting())))
	if log.Writer() != os.Stderr || log.Flags() != log.LstdFlags {
		t.Errorf("the standard log writes to %#v with flags %d", log.Writer(), log.Flags())
	}
}

package replica

import (
	"runtime"
	"testing"
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

package replica

import (
	"testing"
	"time"
)

func TestDiskWatch(t *testing.T) {
	start := time.Unix(1000, 0)
	var w diskWatch
	at := start
	save := func(n int, took time.Duration) {
		for range n {
			at = at.Add(took)
			w.note(diskSave{at, took})
		}
	}
	want := func(now time.Time, want time.Duration) {
		t.Helper()
		if got := w.typical(now); got != want {
			t.Errorf("typical = %s, want %s", got, want)
		}
	}
	want(at, 0)
	save(diskLeast-1, time.Millisecond)
	want(at, 0)
	save(1, time.Second)
	want(at, time.Millisecond) // one slow save is none of many
	save(diskSamples, 200*time.Millisecond)
	want(at, 200*time.Millisecond)
	want(at.Add(diskFresh), 0) // nothing is known of a disk that is not written
}

package load

import (
	"os"
	"runtime"
	"testing"
)

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		stat string
		want int64
	}{
		{"7 (redoubt) S 1 2 3 4 5 6 7 8 9 10 250 30 99 98 20 0", 280},
		{"7 (a ) b (c) S 1 2 3 4 5 6 7 8 9 10 250 30 99 98 20 0", 280},
		{"7 (redoubt) S 1", 0},
		{"", 0},
	} {
		if got := ticks(c.stat); got != c.want {
			t.Errorf("ticks(%q) = %d, want %d", c.stat, got, c.want)
		}
	}
}

// TestProcessor holds that work is seen.
func TestProcessor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/proc is Linux' own")
	}
	pid := os.Getpid()
	before := Processor(pid)
	for after := before; after < before+0.05; after = Processor(pid) {
	}
	if twice, once := Processor(pid, pid), Processor(pid); twice < before+once || Processor() != 0 {
		t.Errorf("two processes took %g s, one %g s", twice, once)
	}
}

package mvcc

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/internal/malloc"
)

// TestGiveBack holds that the memory of memtables is gone from the process: all that Pebble itself says is how large they are.
func TestGiveBack(t *testing.T) {
	const loads, atLeast = 60, 8 << 20 // 24 MiB, which fill tables of all sizes up to the largest
	malloc.GiveBack()
	s, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range loads {
		if err := putMany(s, 0, 1000); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	before := anonymous(t)
	if err := s.GiveBack(nil); err != nil {
		t.Fatal(err)
	}
	if after := anonymous(t); before-after < atLeast {
		t.Errorf("%d bytes are resident after GiveBack, %d were before: want %d less", after, before, atLeast)
	}
	if err := putMany(s, 0, 1000); err != nil {
		t.Fatal(err)
	}
}

// anonymous is what is resident of the process' own memory, in bytes, without garbage.
func anonymous(t *testing.T) int {
	debug.FreeOSMemory()
	malloc.Trim()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("the system does not tell what is resident: " + err.Error())
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes int
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	t.Skip("the system does not tell what is anonymous")
	return 0
}

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
	const (
		grow    = 60 // batches of 400 KiB, until tables are as large as they get
		fill    = 13 // that take most of one, but not more
		tables  = 4  // filled and flushed one by one, so that the one which is kept and the open one were both written to
		atLeast = 9 << 20
	)
	malloc.GiveBack()
	s, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	load := func(batches int) {
		for range batches {
			if err := putMany(s, 0, 1000); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	load(grow)
	for range tables {
		load(fill)
	}
	before := anonymous(t)
	if err := s.GiveBack(nil); err != nil {
		t.Fatal(err)
	}
	if after := anonymous(t); before-after < atLeast {
		t.Errorf("%d bytes are resident after GiveBack, %d were before: want %d less", after, before, atLeast)
	}
	load(1)
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

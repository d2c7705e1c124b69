package main

import (
	"fmt"
	"os"
	"strings"
)

// footprint is the resident memory of a process in bytes.
type footprint struct {
	anonymous int64 // its own: heaps, stacks, what it has written
	file      int64 // pages of files, which are the program and its libraries: the system may take them back and read them again
}

func (f footprint) total() int64 { return f.anonymous + f.file }

func (f footprint) String() string {
	return fmt.Sprintf("%d MiB (%d anonymous, %d of files)", mib(f.total()), mib(f.anonymous), mib(f.file))
}

// mib is rounded, as a server with nothing in it takes few of them.
func mib(n int64) int64 { return (n + 1<<19) >> 20 }

// footprintOf asks the kernel, which goes through all pages for it.
func footprintOf(pid int) (footprint, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return footprint{}, err
	}
	return rollup(string(text))
}

func rollup(text string) (footprint, error) {
	var resident, anonymous int64
	found := 0
	for line := range strings.Lines(text) {
		for field, n := range map[string]*int64{"Rss": &resident, "Anonymous": &anonymous} {
			if ok, _ := fmt.Sscanf(line, field+": %d kB", n); ok == 1 {
				found++
			}
		}
	}
	if found != 2 {
		return footprint{}, fmt.Errorf("no Rss and Anonymous in %q", text)
	}
	return footprint{anonymous: anonymous << 10, file: (resident - anonymous) << 10}, nil
}

package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/redoubt-db/redoubt/test/process"
)

// ticks are the parts of a second in which Linux counts the time of processors for programs.
const ticks = 100

// processor is the time in seconds that a server's threads have run, 0 where the system does not say.
func processor(srv *process.Server) float64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", srv.Pid))
	if err != nil {
		return 0
	}
	var user, system int64
	_, behind, _ := strings.Cut(string(stat), ") ") // of the name, which may hold anything
	words := strings.Fields(behind)
	if len(words) < 13 {
		return 0
	}
	fmt.Sscan(words[11], &user)
	fmt.Sscan(words[12], &system)
	return float64(user+system) / ticks
}

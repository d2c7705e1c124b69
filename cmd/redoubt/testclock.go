package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// testClock names the environment variable that is for tests alone: the path of a file that says how many milliseconds
// this node's wall clock is wrong by. The file is read whenever the clock is, so a test lets the clock of one node jump
// while the others go on, which no setting of the machine's own clock could do. Monotonic time is as it is, as it is
// when a real clock jumps.
const testClock = "REDOUBT_TEST_CLOCK"

// wallClock is nil for the machine's own.
func wallClock(path string) func() time.Time {
	if path == "" {
		return nil
	}
	return func() time.Time {
		text, _ := os.ReadFile(path)
		ms, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // no file, or half of one: a clock that is right
		return time.Now().Add(time.Duration(ms) * time.Millisecond)
	}
}

package load

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

const ticksPerSecond = 100 // of /proc/PID/stat, on every Linux there is

// Processor returns the seconds that the threads of these processes have run, in the program and in the system; 0 where the system does not
// say. It is counted in hundredths. Children, such as those that write Redis' file anew, are not in it.
func Processor(pids ...int) (seconds float64) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		seconds += float64(ticks(string(text))) / ticksPerSecond
	}
	return seconds
}

// ticks adds up utime and stime.
func ticks(stat string) (sum int64) {
	after := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // the name in front may hold anything
	if len(after) < 13 {
		return 0
	}
	for _, field := range after[11:13] {
		n, _ := strconv.ParseInt(field, 10, 64)
		sum += n
	}
	return sum
}

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const ticksPerSecond = 100 // of /proc/PID/stat, on every Linux there is

// ownProcessor returns the seconds of processor that this process has used.
func ownProcessor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return (time.Duration(u.Utime.Nano()) + time.Duration(u.Stime.Nano())).Seconds()
}

// processors returns the same of others; 0 where the system does not say.
func processors(pids []int) (seconds float64) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, after, _ := strings.Cut(string(text), ") ") // the name in front may hold anything
		fields := strings.Fields(after)
		if len(fields) < 13 {
			continue
		}
		for _, ticks := range fields[11:13] { // utime, stime
			n, _ := strconv.ParseFloat(ticks, 64)
			seconds += n / ticksPerSecond
		}
	}
	return seconds
}

// loadAverage tells how busy the machine is, of one, five and fifteen minutes.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], " ")
}

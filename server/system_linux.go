package server

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// systemMemory is how much memory the machine has, 0 if the kernel does not say.
func systemMemory() int64 {
	var sys unix.Sysinfo_t
	if unix.Sysinfo(&sys) != nil {
		return 0
	}
	return int64(sys.Totalram) * int64(sys.Unit)
}

// residentBytes asks the kernel what is resident, and what of that are pages of files, of the program above all; 0 if it does not say.
func residentBytes() (all, file int64) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0
	}
	words := strings.Fields(string(b))
	if len(words) < 3 {
		return 0, 0
	}
	pages, _ := strconv.ParseInt(words[1], 10, 64)
	shared, _ := strconv.ParseInt(words[2], 10, 64)
	return pages * int64(os.Getpagesize()), shared * int64(os.Getpagesize())
}

//go:build darwin || freebsd

package server

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// systemMemory is how much memory the machine has, 0 if the kernel does not say.
func systemMemory() int64 {
	name := "hw.physmem"
	if runtime.GOOS == "darwin" {
		name = "hw.memsize"
	}
	n, err := unix.SysctlUint64(name)
	if err != nil {
		return 0
	}
	return int64(n)
}

// residentBytes is not told here without a library of the system's: 0.
func residentBytes() (all, file int64) { return 0, 0 }

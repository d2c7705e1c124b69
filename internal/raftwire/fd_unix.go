//go:build unix && (!linux || race)

package raftwire

import "syscall"

// These tell the race detector, too, that what was done before a write was done before the read of it.

func readNow(fd uintptr, b []byte) (int, error) { return syscall.Read(int(fd), b) }

func writeNow(fd uintptr, b []byte) (int, error) { return syscall.Write(int(fd), b) }

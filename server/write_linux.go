//go:build linux && !race

package server

import (
	"syscall"
	"unsafe"
)

// writeNow is write(2) on a socket that does not block; it returns how many bytes were taken, none after an error. Go's scheduler is not
// told: it would have a thread watch over the call, and give the processor's place away when the call takes longer than 20
// microseconds, as writes on a busy machine do. b must not be empty.
func writeNow(fd int, b []byte) int {
	n, _, err := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if err != 0 {
		return 0
	}
	return int(n)
}

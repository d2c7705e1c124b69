//go:build !race

package raftwire

import (
	"syscall"
	"unsafe"
)

// Go's sockets do not block, so reading and writing them is over soon whatever comes of it, and the runtime need not know.
// When it does, it wakes the thread that watches over system calls (sysmon), takes the processor's place away from a goroutine
// whose call took longer than 20 microseconds, as calls do on a busy machine, and wakes another thread to have it.

// readNow is read(2). It takes no empty buffer.
func readNow(fd uintptr, b []byte) (int, error) {
	return outcome(syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))))
}

// writeNow is write(2). It takes no empty buffer.
func writeNow(fd uintptr, b []byte) (int, error) {
	return outcome(syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))))
}

func outcome(n, _ uintptr, err syscall.Errno) (int, error) {
	if err != 0 {
		return 0, err
	}
	return int(n), nil
}

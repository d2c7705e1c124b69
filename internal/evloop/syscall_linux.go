//go:build linux && !race

package evloop

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// read and write are the system calls on a socket that does not block, so Go's scheduler is not told: it would have a
// thread watch over the call, and give the processor's place away when the call takes longer than 20 microseconds,
// as writes on a busy machine do. b must not be empty.

func read(fd int, b []byte) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), err
}

func write(fd int, b []byte) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), err
}

func ring(fd int) {
	one := uint64(1)
	syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
}

func silence(fd int) {
	var count uint64
	syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&count)), 8)
}

// epollWait with a wait of 0 does not block, with -1 it does, and the scheduler is told.
func epollWait(epoll int, events []unix.EpollEvent, wait int) (int, error) {
	if wait != 0 {
		return unix.EpollWait(epoll, events, wait)
	}
	n, _, err := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if err != 0 {
		return 0, err
	}
	return int(n), nil
}

//go:build linux && race

package evloop

import (
	"encoding/binary"
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// The race detector sees what passes through these.

func read(fd int, b []byte) (int, syscall.Errno) { return plain(unix.Read(fd, b)) }

func write(fd int, b []byte) (int, syscall.Errno) { return plain(unix.Write(fd, b)) }

func plain(n int, err error) (int, syscall.Errno) {
	var errno syscall.Errno
	errors.As(err, &errno)
	return n, errno
}

func ring(fd int) { _, _ = unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 1)) }

func silence(fd int) { _, _ = unix.Read(fd, make([]byte, 8)) }

func epollWait(epoll int, events []unix.EpollEvent, wait int) (int, error) {
	return unix.EpollWait(epoll, events, wait)
}

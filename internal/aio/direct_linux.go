package aio

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Direct has what is written to a file from now on go past the kernel's cache, or no longer. A file system that cannot says so here or, by EINVAL, when
// it is written to; the file is as it was after an error.
func Direct(file any, on bool) error {
	flag := 0
	if on {
		flag = unix.O_DIRECT
	}
	f, ok := file.(interface{ Fd() uintptr })
	if !ok {
		return fmt.Errorf("%w: not of a %T", ErrNone, file)
	}
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, flags&^unix.O_DIRECT|flag)
	}
	if err != nil {
		return fmt.Errorf("%w: O_DIRECT: %w", ErrNone, err)
	}
	return nil
}

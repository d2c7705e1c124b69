package aio

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Direct has what is written to a file from now on go past the kernel's cache, or no longer. A file system that cannot says so here or, by EINVAL, when
// it is written to; the file is as it was after an error. So is that of a file system which is not known to sync what BeginWrite writes: those of
// FUSE, such as virtiofs, may take such a request for one that need not be synced.
func Direct(file any, on bool) error {
	f, ok := file.(interface{ Fd() uintptr })
	if !ok {
		return fmt.Errorf("%w: not of a %T", ErrNone, file)
	}
	flag := 0
	if on {
		flag = unix.O_DIRECT
		if err := known(int(f.Fd())); err != nil {
			return err
		}
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

// known fails unless the file is of a file system that keeps RWF_DSYNC for direct writes. On tmpfs there is nothing to keep.
func known(fd int) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return fmt.Errorf("%w: %w", ErrNone, err)
	}
	switch uint32(fs.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC:
		return nil
	}
	return fmt.Errorf("%w: a file system of type %#x is written through the cache", ErrNone, uint32(fs.Type))
}

package server

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// makeBallast takes size bytes of disk without writing them. Where the file system cannot do that there is no
// ballast: bytes written one by one would stall the log.
func makeBallast(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) {
		err = os.Remove(path)
	}
	return errors.Join(err, f.Close())
}

package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/redoubt-db/redoubt/replica"
	"golang.org/x/sys/unix"
)

// dirFormat is the format of the data directory as a whole. Numbers are never reused.
const dirFormat = 1

// openDir makes and locks the data directory and checks that this version may open it. Each refusal says
// what to do.
func (srv *Server) openDir(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("cannot make the data directory: %w; name another with --dir", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "LOCK"), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return fmt.Errorf("cannot write in the data directory: %w; check its owner and permissions, or name another with --dir", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return fmt.Errorf("data directory %s is in use by another process; stop that one, or name another directory with --dir", dir)
	}
	err = giveUpBallast(dir, srv.log)
	if err == nil {
		err = checkFormat(filepath.Join(dir, "FORMAT"))
	}
	if err != nil {
		lock.Close()
		return err
	}
	srv.lock = lock
	return nil
}

func checkFormat(file string) error {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return writeFormat(file)
	}
	if err != nil {
		return fmt.Errorf("cannot read the data directory: %w; check its owner and permissions", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	switch {
	case err != nil || n < 1:
		return fmt.Errorf("data directory is damaged: %s does not hold a format number; restore it from a backup", file)
	case n > dirFormat:
		return fmt.Errorf("data directory has format %d and this version knows up to %d; start a newer redoubt on it", n, dirFormat)
	}
	return nil
}

// adviseOpen puts what can be done behind an error of opening what is in the data directory, on one line.
func adviseOpen(dir string, err error) error {
	text := oneLine(err.Error())
	var network *net.OpError
	for _, other := range []error{replica.ErrInUse, replica.ErrNewer, replica.ErrRemoved, unix.EACCES, unix.EPERM, unix.EROFS, unix.EMFILE, unix.EADDRINUSE} {
		if errors.Is(err, other) {
			return errors.New(text)
		}
	}
	switch {
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("%s; the disk is full: free %d MB and start again, nothing acknowledged is lost", text, startNeeds>>20)
	case errors.As(err, &network), strings.Contains(text, "restore"):
		return errors.New(text)
	}
	return fmt.Errorf("%s; the data directory %s is damaged: check the disk, and restore the directory from a backup", text, dir)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// writeFormat writes the format file.
func writeFormat(file string) error { return writeWhole(file, fmt.Appendln(nil, dirFormat)) }

// writeWhole writes a file so that it is whole or absent, or as it was before, whatever happens.
func writeWhole(file string, text []byte) error {
	tmp := file + ".tmp"
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = os.Rename(tmp, file)
	}
	if err == nil {
		err = syncDir(filepath.Dir(file))
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

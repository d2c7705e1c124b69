// Package datadir is the outside of a data directory: what lies in it, who may use it, and the format of all of it.
package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Names in a data directory.
const (
	Raft    = "raft" // the log
	Data    = "data" // the state that it led to
	Members = "MEMBERS"
	Ballast = "ballast"

	// Unfinished is there while redoubt restore or recover is at work, and after one that was interrupted. What it holds
	// is for them to know.
	Unfinished = "UNFINISHED"

	// Damaged is there since a server found bytes of the state that are not those that were written. It holds what was found.
	Damaged = "DAMAGED"

	lockName   = "LOCK"
	formatName = "FORMAT"
)

// format of the directory as a whole. Numbers are never reused.
const format = 1

// Lock makes the directory if there is none, and takes it for this process until the file is closed. Refusals say
// what to do.
func Lock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("cannot make the data directory: %w; name another with --dir", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("cannot write in the data directory: %w; check its owner and permissions, or name another with --dir", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("data directory %s is in use by another process; stop that one, or name another directory with --dir", dir)
	}
	return lock, nil
}

// Check refuses a directory of a newer format, and one that a tool left half done. A new one gets its format.
func Check(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, Unfinished)); err == nil {
		return fmt.Errorf("data directory %s is half made: redoubt restore or recover was interrupted; run it again (restore into an empty directory)", dir)
	}
	return CheckFormat(dir)
}

// CheckFormat is Check for a directory that may be half made.
func CheckFormat(dir string) error {
	file := filepath.Join(dir, formatName)
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return WriteWhole(file, fmt.Appendln(nil, format))
	}
	if err != nil {
		return fmt.Errorf("cannot read the data directory: %w; check its owner and permissions", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	switch {
	case err != nil || n < 1:
		return fmt.Errorf("data directory is damaged: %s does not hold a format number; restore it from a backup", file)
	case n > format:
		return fmt.Errorf("data directory has format %d and this version knows up to %d; start a newer redoubt on it", n, format)
	}
	return nil
}

// NoteDamage has CheckDamage refuse the directory from now on, with the reason.
func NoteDamage(dir, reason string) error {
	return WriteWhole(filepath.Join(dir, Damaged), []byte(reason+"\n"))
}

// CheckDamage refuses a directory that was found damaged: a server would serve from it until somebody asks for what is damaged, end, be started again by
// whoever looks after it, and so for ever.
func CheckDamage(dir string) error {
	reason, err := os.ReadFile(filepath.Join(dir, Damaged))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read the data directory: %w; check its owner and permissions", err)
	}
	return fmt.Errorf("data directory %s was found damaged: %s; %s", dir, strings.TrimSpace(string(reason)), DamageAdvice(dir))
}

// DamageAdvice is what can be done about it.
func DamageAdvice(dir string) string {
	return "check the disk; where there are other members, remove this one with RAFT REMOVE and start it anew with an empty directory, else restore it from a backup; " +
		"to start nevertheless, for what can be read still, remove " + filepath.Join(dir, Damaged)
}

// Empty tells whether nothing lies in the directory but what locking it leaves.
func Empty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.Name() != lockName {
			return false, nil
		}
	}
	return true, nil
}

// WriteWhole writes a file so that it is whole or absent, or as it was before, whatever happens.
func WriteWhole(file string, text []byte) error {
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
		err = Sync(filepath.Dir(file))
	}
	return err
}

// Sync makes the names in a directory durable.
func Sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

package server

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/internal/datadir"
	"golang.org/x/sys/unix"
)

// What disk space is counted by.
const (
	// writeCost is how many bytes of disk a proposed byte may take before the disk is looked at again: once in
	// the log, once when that is flushed, once in the store, and while either is compacted.
	writeCost = 4
	// spaceStep is the least number of proposed bytes between two looks at the disk.
	spaceStep = 64 << 10
	// startNeeds is what a start writes before anything can be deleted: memtables replayed and flushed.
	startNeeds = 32 << 20

	ballastName = datadir.Ballast
)

// space watches the disk under the data directory. Growing writes are refused below free-space-reserve, so that
// there is room left for what must go on: deletes, compaction, the flushes that a restart needs.
//
// Looking once a second would be too late for a client that writes a gigabyte in that time. So the bytes proposed
// since the last look are counted, and when they could have used up what was free the disk is looked at again, by
// the event loop that proposes them, before they are: a look is one system call.
type space struct {
	left atomic.Int64 // bytes that may be proposed before the next look

	mu   sync.Mutex // one look at a time
	full bool       // guarded by mu; guard.noSpace follows it

	freeing atomic.Bool // the log is being compacted to make room
}

// spend accounts for bytes that are about to be proposed.
func (srv *Server) spend(bytes int) {
	if srv.space.left.Add(-int64(bytes)) < 0 {
		srv.checkSpace()
	}
}

// checkSpace refuses growing writes below the free-space reserve, and takes them again when there is room.
func (srv *Server) checkSpace() {
	dir, reserve := srv.conf.String("dir"), srv.conf.Bytes("free-space-reserve")
	srv.space.mu.Lock()
	defer srv.space.mu.Unlock()
	free, err := freeSpace(dir)
	if err != nil {
		srv.space.left.Store(spaceStep)
		return
	}
	srv.space.left.Store(max(spaceStep, (free-reserve)/writeCost))
	full := free < reserve
	if full == srv.space.full {
		return
	}
	srv.space.full = full
	srv.guard.noSpace.Store(full)
	if !full {
		srv.log.Info("the disk has room again: all writes are taken", "free", free)
		return
	}
	srv.log.Error("free disk space is below free-space-reserve: growing writes are refused until there is room; delete and compact, or make some",
		"free", free, "reserve", reserve)
	if srv.replica != nil && srv.space.freeing.CompareAndSwap(false, true) {
		go srv.freeLog()
	}
}

// freeLog drops what the log does not need any more. It ends with the replica.
func (srv *Server) freeLog() {
	defer srv.space.freeing.Store(false)
	if err := srv.replica.Snapshot(); err != nil {
		srv.log.Warn("the log was not compacted to make room", "err", err)
	}
}

// freeSpace is how many bytes an unprivileged process may still write to dir's file system.
func freeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil // their types differ between systems
}

// giveUpBallast removes the ballast if a start would not have the room it needs. The ballast is there for no
// other purpose: a disk that is full to the last byte cannot be started from, hence nothing be deleted on it.
func giveUpBallast(dir string, log *slog.Logger) error {
	free, err := freeSpace(dir)
	if err != nil || free >= startNeeds {
		return nil // an error shows itself soon enough, in what it makes fail
	}
	err = os.Remove(filepath.Join(dir, ballastName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if free == 0 {
			return fmt.Errorf("the disk of the data directory %s is full; free %d MB and start again, nothing acknowledged is lost", dir, startNeeds>>20)
		}
		log.Warn("the disk is nearly full and there is no ballast to give up", "free", free)
	case err != nil:
		return fmt.Errorf("give up the ballast of a full disk: %w; free some space and start again, nothing acknowledged is lost", err)
	default:
		log.Warn("the disk is full: the ballast was given up for the start; delete and compact, or make room", "free", free)
	}
	return nil
}

// keepBallast makes the ballast again when there is room for it beside the reserve, and takes it away when it
// is not wanted any more.
func (srv *Server) keepBallast() {
	size, reserve := srv.conf.Bytes("ballast-size"), srv.conf.Bytes("free-space-reserve")
	dir := srv.conf.String("dir")
	path := filepath.Join(dir, ballastName)
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Size() == size, err != nil && !errors.Is(err, fs.ErrNotExist):
		return
	case err == nil:
		os.Remove(path) // of another size, or half made
	}
	if free, err := freeSpace(dir); size == 0 || err != nil || free < reserve+2*size {
		return
	}
	if err := makeBallast(path, size); err != nil {
		os.Remove(path)
		srv.log.Warn("the ballast was not made", "err", err)
	}
}

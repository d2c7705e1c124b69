package backup

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/redoubt-db/redoubt/internal/datadir"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/sm"
)

// Restore makes a data directory, which must be empty or not there, of a backup: that of a new cluster of one, which
// shows at the backup's revision what the old one showed there. What is not whole is refused, and nothing is left of
// it.
func (t Tool) Restore(file, dir string) (h Header, err error) {
	f, err := os.Open(file)
	if err != nil {
		return h, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	if h, err = readHeader(in); err != nil {
		return h, fmt.Errorf("%s: %w", file, err)
	}
	lock, err := datadir.Lock(dir)
	if err != nil {
		return h, err
	}
	defer lock.Close()
	empty, err := datadir.Empty(dir)
	if err != nil {
		return h, err
	}
	if !empty {
		return h, fmt.Errorf("%s is not empty; name a new directory", dir)
	}
	err = datadir.WriteWhole(filepath.Join(dir, datadir.Unfinished), []byte("restore\n"))
	if err == nil {
		err = sm.Restore(filepath.Join(dir, datadir.Data), mvcc.Options{Trouble: t.impatient(dir, unmake)}, in, nil)
	}
	if err == nil {
		err = t.found(dir, &h)
	}
	if err != nil {
		return h, errors.Join(fmt.Errorf("restore %s: %w", file, err), unmake(dir))
	}
	return h, finish(dir)
}

// found makes the log of a cluster of one on the state in dir, which has to show what want says.
func (t Tool) found(dir string, want *Header) error {
	if err := datadir.CheckFormat(dir); err != nil {
		return err
	}
	node, err := t.open(dir, 0)
	if err != nil {
		return err
	}
	err = node.shows(want)
	if err == nil {
		err = node.begin()
	}
	return errors.Join(err, node.end())
}

// shows holds the state to what a backup says of it.
func (s *stopped) shows(want *Header) error {
	store := s.core.Space().Store
	if got := store.Revision(); got != want.Revision {
		return fmt.Errorf("%w: the state is of revision %d, and the header says %d", ErrFile, got, want.Revision)
	}
	sum, err := s.content(want.Revision)
	if err == nil && sum != want.Content {
		err = fmt.Errorf("%w: the content at revision %d has the hash %016x, and the header says %016x", ErrFile, want.Revision, sum, want.Content)
	}
	return err
}

// finish says that a directory is whole.
func finish(dir string) error {
	if err := os.Remove(filepath.Join(dir, datadir.Unfinished)); err != nil {
		return err
	}
	return datadir.Sync(dir)
}

// unmake removes what Restore made.
func unmake(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != datadir.Unfinished {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(err, os.Remove(filepath.Join(dir, datadir.Unfinished)))
}

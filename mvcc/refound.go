package mvcc

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// SnapshotFacts are what the rows of a snapshot say about it.
type SnapshotFacts struct {
	Applied   uint64 // index of the last entry in it
	Revision  uint64 // its newest main revision
	Compacted uint64 // views below are not to be had
}

// Facts reads them.
func (sn *Snapshot) Facts() (SnapshotFacts, error) {
	st, err := sn.state()
	return SnapshotFacts{st.applied, st.revision, st.compacted}, err
}

func (sn *Snapshot) state() (st state, err error) {
	row, closer, err := sn.db.Get([]byte("m" + metaState))
	if errors.Is(err, pebble.ErrNotFound) {
		return st, nil // nothing was applied yet
	}
	if err != nil {
		return st, err
	}
	return st, errors.Join(st.decode(row), closer.Close())
}

// WriteAt is WriteTo as of an earlier main revision: what came later is left out. Records above it take nothing
// away from the view at it, since only compaction frees what they superseded, and the revision may not be below
// that. Facts that have no revision, such as shared leases, are as of the snapshot.
func (sn *Snapshot) WriteAt(main uint64, w io.Writer, stop <-chan struct{}) error {
	st, err := sn.state()
	switch {
	case err != nil:
		return err
	case main < st.compacted:
		return ErrCompacted
	case main > st.revision:
		return ErrFuture
	}
	st.revision = main
	row := st.append(nil)
	return sn.write(w, stop, func(key, value []byte) ([]byte, bool) {
		switch {
		case string(key) == "m"+metaState:
			return row, true
		case len(key) == rowKeyLen && (key[0] == 'r' || key[0] == 'v' || key[0] == 'c'):
			rev, err := rowRevision(key)
			if err == nil && rev.Main <= main && key[0] == 'c' {
				value, err = cutChunk(rev, value, main)
			}
			return value, err != nil || rev.Main <= main
		}
		return value, true
	})
}

// Refound makes the store in o.Dir, which must not be open, the base of a new log: nothing of that is applied yet.
// change may edit the caller's own m rows. It is durable when it returns, all of it or nothing.
func Refound(o Options, change func(meta map[string][]byte) error) error {
	db, err := openEngine(Options{Dir: o.Dir, FS: o.FS, Trouble: o.Trouble})
	if err == nil {
		err = errors.Join(refound(db, change), db.Close())
	}
	if err != nil {
		return fmt.Errorf("refound %s: %w", o.Dir, err)
	}
	return nil
}

func refound(db *pebble.DB, change func(meta map[string][]byte) error) error {
	s := &Store{db: db, meta: map[string][]byte{}}
	st, fresh, err := s.loadMeta()
	if err != nil {
		return err
	}
	if fresh {
		return ErrNotStore
	}
	meta := maps.Clone(s.meta)
	maps.DeleteFunc(meta, func(name string, _ []byte) bool { return name[0] == 0 })
	names := slices.Sorted(maps.Keys(meta))
	if err := change(meta); err != nil {
		return err
	}
	st.applied = 0
	b := db.NewBatch()
	err = b.Set([]byte("m"+metaState), st.append(nil), nil)
	for _, name := range names {
		err = errors.Join(err, b.Delete([]byte("m"+name), nil))
	}
	for _, name := range slices.Sorted(maps.Keys(meta)) {
		err = errors.Join(err, b.Set([]byte("m"+name), meta[name], nil))
	}
	if err := errors.Join(err, b.Commit(pebble.NoSync), b.Close()); err != nil {
		return err
	}
	return db.Flush()
}

package sm

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
)

// A state may outlive the log that led to it: in a backup, and in the one directory that is left of a cluster. It
// then becomes the base of a new log, whose entries count from one again. Who belonged to the old cluster, and what
// its nodes had proposed, is forgotten; keys, revisions, leases, directives and log time stay.

// contentStep is how many keys are taken into a content hash before the applier gets a turn.
const contentStep = 2000

// Pin is Prepare for any goroutine, beside Apply: what it pins is whole batches.
func (m *Machine) Pin() (*Source, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.Prepare()
}

// Facts tell what is in the pinned state.
func (s *Source) Facts() (mvcc.SnapshotFacts, error) { return s.sn.Facts() }

// WriteAt is WriteTo as of an earlier revision: see mvcc.Snapshot.WriteAt.
func (s *Source) WriteAt(main uint64, w io.Writer, stop <-chan struct{}) error {
	return s.sn.WriteAt(main, w, stop)
}

// Content is the hash of everything that is to be seen at a revision, the same on every node that has it, whatever
// was compacted. It takes as long as reading all of that. Compaction may pass the revision meanwhile, which is
// mvcc.ErrCompacted, and stop ends it early.
func (m *Machine) Content(rev uint64, stop <-chan struct{}) (uint64, error) {
	var of *keyspace.Space
	var h *mvcc.Hasher
	step := func() (done bool, err error) {
		defer m.RUnlock()
		if !m.RLock() || of != nil && m.Space() != of {
			return false, errClosed
		}
		if of == nil {
			of = m.Space()
			h, err = of.Store.Hasher(rev)
			return false, err
		}
		return h.Step(contentStep)
	}
	for {
		switch done, err := step(); {
		case err != nil:
			return 0, err
		case done:
			return h.Sum(), nil
		}
		select {
		case <-stop:
			return 0, mvcc.ErrStopped
		default:
		}
	}
}

// Restore makes, in a directory that is empty or not there, a state of what Source.WriteTo or WriteAt wrote, as the
// base of a new log.
// Of o only the file system and Trouble count.
func Restore(dir string, o mvcc.Options, r io.Reader, stop <-chan struct{}) error {
	m := New(Options{Store: o})
	m.dir = dir
	if err := m.makeDir(dir); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if number, err := m.current(); err != nil || number != 0 {
		return errors.Join(fmt.Errorf("%s holds a state already", dir), err)
	}
	path := m.path(storeFirst)
	if err := mvcc.Restore(m.at(path), bufio.NewReaderSize(r, recoverBuffer), stop); err != nil {
		return err
	}
	if err := mvcc.Refound(m.at(path), forgetCluster); err != nil {
		return err
	}
	return m.setCurrent(storeFirst)
}

// Refound makes the state in dir, which must not be open, the base of a new log. Of o only the file system and Trouble count.
func Refound(dir string, o mvcc.Options) error {
	m := New(Options{Store: o})
	m.dir = dir
	number, err := m.current()
	if err != nil {
		return err
	}
	if number == 0 {
		return fmt.Errorf("%w: there is no %s in %s", ErrDamaged, currentName, dir)
	}
	return mvcc.Refound(m.at(m.path(number)), forgetCluster)
}

// at are the options of a store that is built at a path.
func (m *Machine) at(path string) mvcc.Options {
	return mvcc.Options{Dir: path, FS: m.fs(), Trouble: m.o.Store.Trouble}
}

// forgetCluster takes the nodes out of the Machine's rows.
func forgetCluster(meta map[string][]byte) error {
	s, err := decodeState(meta[stateName])
	if err != nil {
		return err
	}
	meta[stateName] = (&state{logTime: s.logTime}).append(nil)
	delete(meta, membersName)
	delete(meta, alarmsName)
	return nil
}

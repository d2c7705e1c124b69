package sm

import (
	"io"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
)

// Export writes all that is to be seen at the newest revision to w, as a file of Redis: see keyspace.Export. started is told the revision
// before anything of it may be compacted away. It holds nobody up for longer than a few hundred keys or elements take. Compaction may pass the
// revision meanwhile, which is mvcc.ErrCompacted, and stop ends it early.
func (m *Machine) Export(w io.Writer, o keyspace.ExportOptions, started func(rev uint64), stop <-chan struct{}) error {
	e := exportWalk{m: m}
	err := e.begin(w, o, started)
	for err == nil {
		var done bool
		if done, err = e.step(); err != nil {
			break
		}
		if done {
			return e.x.Close()
		}
		select {
		case <-stop:
			return mvcc.ErrStopped
		default:
		}
	}
	return err
}

// exportWalk is an Export under way.
type exportWalk struct {
	m    *Machine
	home *home
	x    *keyspace.Export
}

func (e *exportWalk) begin(w io.Writer, o keyspace.ExportOptions, started func(rev uint64)) (err error) {
	e.m.mu.RLock()
	defer e.m.mu.RUnlock()
	if e.home = e.m.home.Load(); e.home == nil {
		return errClosed
	}
	e.home.store.RLock()
	defer e.home.store.RUnlock()
	if e.x, err = e.home.space.Export(w, o); err == nil {
		started(e.x.Revision())
	}
	return err
}

// step keeps the store open, and locks it only while it looks at memory.
func (e *exportWalk) step() (done bool, err error) {
	e.m.mu.RLock()
	defer e.m.mu.RUnlock()
	if e.m.home.Load() != e.home {
		return false, errClosed
	}
	if done, err = e.look(); err == nil {
		err = e.x.Write()
	}
	return done, err
}

func (e *exportWalk) look() (bool, error) {
	e.home.store.RLock()
	defer e.home.store.RUnlock()
	return e.x.Step()
}

package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/redoubt-db/redoubt/internal/datadir"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/sm"
)

// raftBefore is where Recover leaves the log of the old cluster.
const raftBefore = "raft.before-recover"

// Recovered is what Recover did.
type Recovered struct {
	Cluster  uint64 // that the directory belonged to
	Revision uint64 // the newest one kept
	Applied  uint64 // index of the last entry that is part of it
	Behind   int    // entries kept of which only a quorum could say whether they were committed
	Skipped  bool
}

// Recover makes the directory of one node of a cluster that is lost a cluster of one, with a new identity. All that is
// in its state and its log is kept: more than what is known to be committed, as the log may end in entries of which
// only the others know whether they were, and which this node would have kept if it had been elected. Skip leaves one
// entry out, of index skip, since the state machine cannot do what it says; 0 leaves out none.
//
//	data/ catches up with raft/; UNFINISHED; raft/ is put aside; data/ begins anew; MEMBERS goes; a new raft/
//
// A run that is interrupted behind UNFINISHED is to be run again and goes on there.
func (t Tool) Recover(dir string, skip uint64) (r Recovered, err error) {
	if _, err := os.Stat(filepath.Join(dir, datadir.Unfinished)); err != nil { // else it has its raft/ put aside, perhaps
		if err := holdsNode(dir); err != nil {
			return r, err
		}
	}
	lock, err := datadir.Lock(dir)
	if err != nil {
		return r, err
	}
	defer lock.Close()
	if err := datadir.CheckFormat(dir); err != nil {
		return r, err
	}
	again, err := unfinishedRecovery(dir)
	if err != nil {
		return r, err
	}
	if !again {
		if r, err = t.catchUp(dir, skip); err != nil {
			return r, err
		}
		if skip != 0 && !r.Skipped {
			return r, fmt.Errorf("entry %d was not met: the log holds none of that index that was still to be applied; nothing was left out", skip)
		}
	}
	return r, t.refound(dir, &r)
}

// unfinishedRecovery tells whether an earlier run got as far as having only this to do.
func unfinishedRecovery(dir string) (bool, error) {
	text, err := os.ReadFile(filepath.Join(dir, datadir.Unfinished))
	switch {
	case err == nil && string(text) == "recover\n":
		return true, nil
	case err == nil:
		return false, fmt.Errorf("%s is half made by redoubt restore: remove it and restore again", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	if _, err := os.Stat(filepath.Join(dir, raftBefore)); err == nil {
		return false, fmt.Errorf("%s holds %s of an earlier recovery: remove it, or move it away", dir, raftBefore)
	}
	return false, nil
}

// catchUp applies all that the log holds.
func (t Tool) catchUp(dir string, skip uint64) (r Recovered, err error) {
	id, known, err := replica.ReadIdentity(filepath.Join(dir, datadir.Raft))
	if err != nil {
		return r, err
	}
	if !known || id.Fresh {
		return r, fmt.Errorf("the node in %s never belonged to a cluster: there is nothing to recover", dir)
	}
	node, err := t.open(dir, skip)
	if err != nil {
		return r, err
	}
	behind, err := node.replay()
	if err != nil {
		return r, errors.Join(err, node.end())
	}
	r.Cluster, r.Behind = id.Cluster, len(behind)
	if err := node.replica.Close(); err != nil {
		return r, err
	}
	if len(behind) > 0 {
		err = node.core.Apply(behind)
	}
	if err == nil {
		store := node.core.Space().Store
		r.Revision, r.Applied, r.Skipped = store.Revision(), store.Applied(), node.core.skipped
	}
	return r, errors.Join(err, node.core.Machine.Close())
}

// refound is what may be done again and again until it is done.
func (t Tool) refound(dir string, r *Recovered) error {
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := datadir.WriteWhole(path(datadir.Unfinished), []byte("recover\n")); err != nil {
		return err
	}
	_, err := os.Stat(path(raftBefore))
	if errors.Is(err, fs.ErrNotExist) {
		err = os.Rename(path(datadir.Raft), path(raftBefore))
	} else if err == nil {
		err = os.RemoveAll(path(datadir.Raft)) // a new one, half made
	}
	if err == nil {
		err = datadir.Sync(dir)
	}
	if err == nil {
		err = sm.Refound(path(datadir.Data), mvcc.Options{Trouble: t.impatient(dir, nil)})
	}
	if err == nil {
		err = os.RemoveAll(path(datadir.Members))
	}
	if err != nil {
		return err
	}
	node, err := t.open(dir, 0)
	if err != nil {
		return err
	}
	r.Revision = node.core.Space().Store.Revision()
	if err := errors.Join(node.begin(), node.end()); err != nil {
		return err
	}
	return finish(dir)
}

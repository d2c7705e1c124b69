package sm

import (
	"github.com/redoubt-db/redoubt/mvcc"
)

// partStep is how many keys are taken into the hash of a part before the applier gets a turn.
const partStep = 200

// PartHash is the hash of one part of all that is to be seen at a revision, the same on every node that has it: see mvcc.PartHasher. It
// holds nobody up for longer than a few hundred keys or elements take. Compaction may pass the revision meanwhile, which is
// mvcc.ErrCompacted, and stop ends it early.
func (m *Machine) PartHash(rev uint64, part mvcc.Part, stop <-chan struct{}) (uint64, error) {
	w := partWalk{m: m, rev: rev, part: part}
	for {
		switch done, err := w.step(); {
		case err != nil:
			return 0, err
		case done:
			return w.hasher.Sum(), nil
		}
		select {
		case <-stop:
			return 0, mvcc.ErrStopped
		default:
		}
	}
}

// partWalk is a PartHash under way.
type partWalk struct {
	m      *Machine
	rev    uint64
	part   mvcc.Part
	home   *home
	hasher *mvcc.PartHasher
}

// step keeps the store open, and locks it only while it looks at memory.
func (w *partWalk) step() (done bool, err error) {
	w.m.mu.RLock()
	defer w.m.mu.RUnlock()
	h := w.m.home.Load()
	if h == nil || w.home != nil && h != w.home {
		return false, errClosed
	}
	w.home = h
	if done, err = w.look(h.store); err == nil {
		err = w.hasher.Load()
	}
	return done, err
}

func (w *partWalk) look(store *mvcc.Store) (done bool, err error) {
	store.RLock()
	defer store.RUnlock()
	if w.hasher == nil {
		if w.hasher, err = store.PartHasher(w.rev, w.part); err != nil {
			return false, err
		}
	}
	return w.hasher.Step(partStep, func() {
		store.RUnlock()
		store.RLock()
	})
}

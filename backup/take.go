package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/redoubt-db/redoubt/internal/datadir"
	"github.com/redoubt-db/redoubt/replica"
	"github.com/redoubt-db/redoubt/sm"
)

// TakeDir backs up a directory on which no server runs, as of a revision, the newest if that is 0: what the node knows
// to be committed.
func (t Tool) TakeDir(dir string, revision uint64, file string, w io.Writer) (h Header, err error) {
	lock, err := lockUsed(dir)
	if err != nil {
		return h, err
	}
	defer lock.Close()
	node, err := t.open(dir, 0)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, node.end()) }()
	if _, err := node.replay(); err != nil {
		return h, err
	}
	from, err := newPinned(node, revision)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	return from.header(), write(from, file, w)
}

// lockUsed locks the directory of a node, and makes none.
func lockUsed(dir string) (*os.File, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	empty, err := datadir.Empty(dir)
	if err != nil {
		return nil, err
	}
	if empty {
		return nil, fmt.Errorf("there is no data in %s", dir)
	}
	if err := holdsNode(dir); err != nil {
		return nil, err
	}
	lock, err := datadir.Lock(dir)
	if err != nil {
		return nil, err
	}
	if err := datadir.Check(dir); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// holdsNode keeps a tool from making a node of a directory that is something else.
func holdsNode(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, datadir.Data)); err != nil {
		return fmt.Errorf("there is no node's data in %s: %w", dir, err)
	}
	if id, _, err := replica.ReadIdentity(filepath.Join(dir, datadir.Raft)); err == nil && id.Fresh {
		return fmt.Errorf("there is no node's data in %s: nothing in %s says which node it is", dir, datadir.Raft)
	}
	return nil
}

// pinned is the state of a stopped node as of a revision.
type pinned struct {
	*sm.Source
	h Header
}

func newPinned(node *stopped, revision uint64) (*pinned, error) {
	src, err := node.core.Machine.Prepare()
	if err != nil {
		return nil, err
	}
	facts, err := src.Facts()
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	if revision == 0 {
		revision = facts.Revision
	}
	sum, err := node.content(revision)
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return &pinned{src, Header{
		Cluster: node.replica.Cluster(), Node: node.replica.ID(), Revision: revision, Compacted: facts.Compacted,
		Applied: facts.Applied, LogTime: node.core.LogTime(), Content: sum,
	}}, nil
}

func (p *pinned) header() Header { return p.h }

func (p *pinned) writeTo(w io.Writer) error { return p.WriteAt(p.h.Revision, w, nil) }

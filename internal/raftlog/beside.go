package raftlog

import (
	"fmt"
	"sync"
	"sync/atomic"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// Syncer syncs a file while its caller goes on, one at a time: aio.Syncer. Begin is given a vfs.File, and its error means that nothing has begun; Ended
// tells whether what began has ended, and how, and waits for that if it is told to.
//
// BeginWrite is Begin with a write before it, of blocks that stay as they are until the end.
type Syncer interface {
	Begin(file any) error
	BeginWrite(file any, blocks []byte, offset int64) error
	Ended(wait bool) (bool, error)
}

// beside is a record of entries that SaveRaftState has written, and taken for saved, while it is being synced.
//
// Raft may be told so only by a node that has nobody to tell: a sole voter whose entries are committed by its own disk. There, whoever
// sees to it that nothing which shows an entry leaves the node before Settled says that it is synced, has
// kept all that Raft promises: what a loss of power takes away, nobody has seen.
//
//	batch 7 is written, its sync begins, the machine applies it; the sync ends; the clients get their replies
//
// There is at most one such record, and it is the last one of the log: the next is written when it is synced. What a crash may leave is
// thus what it always was.
type beside struct {
	begun, done atomic.Uint64 // syncs; another one is under way while they differ
	first       atomic.Uint64 // index of the first entry of the record that was begun last

	mu     sync.Mutex // held while one begins, and by whoever looks or waits for its end
	syncer Syncer     // nil: none is to begin
	may    func() bool
	lost   func(error)
	err    error // of a sync; nothing is written after it
}

// SyncBeside has entries synced by s while the machine applies them, as long as may says that nobody else hears of them. lost is told
// at most once, when a sync has failed: nothing can be saved any more. Without s, which is how it begins, entries are synced before
// they are taken for saved; it is so from when SyncBeside returns.
func (l *Log) SyncBeside(s Syncer, may func() bool, lost func(error)) error {
	b := &l.beside
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.finish(true)
	b.syncer, b.may, b.lost = s, may, lost
	return err
}

// Unsettled names the sync that is under way, and the first entry that it is of; false if there is none.
func (l *Log) Unsettled() (sync, first uint64, under bool) {
	b := &l.beside
	sync = b.begun.Load()
	return sync, b.first.Load(), b.done.Load() < sync
}

// Settled tells whether a sync that Unsettled named has ended. It does not wait, and may miss an end that somebody waits for.
func (l *Log) Settled(sync uint64) bool {
	b := &l.beside
	if b.done.Load() >= sync {
		return true
	}
	if !b.mu.TryLock() {
		return false // it is being waited for
	}
	defer b.mu.Unlock()
	_ = b.finish(false)
	return b.done.Load() >= sync
}

// Notice takes notice of a sync that has ended, if one has: it is for who was told so. It waits for nothing but others who notice it.
func (l *Log) Notice() {
	l.beside.mu.Lock()
	defer l.beside.mu.Unlock()
	_ = l.beside.finish(false)
}

// Settle returns when all that was saved is on the disk.
func (l *Log) Settle() error { return l.beside.settle() }

func (b *beside) settle() error {
	if b.done.Load() == b.begun.Load() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.finish(true)
}

// finish takes notice of the end of a sync. It needs mu.
func (b *beside) finish(wait bool) error {
	begun := b.begun.Load()
	if b.err != nil || b.done.Load() == begun {
		return b.err
	}
	ended, err := b.syncer.Ended(wait)
	switch {
	case err != nil:
		b.err = fmt.Errorf("sync: %w", err)
		b.lost(b.err)
	case ended:
		b.done.Store(begun)
	}
	return b.err
}

// write has a record that can be written at once on its way to the disk, without anybody who waits for the write either. It is false if
// that cannot be, and nothing was done.
func (b *beside) write(s *segment, rec []byte, first uint64) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.syncer == nil || !b.may() {
		return false, nil
	}
	s.blocks.fill(rec)
	if b.syncer.BeginWrite(s.out, s.blocks.whole(), s.blocks.at) != nil {
		return true, s.writeFilled()
	}
	return true, b.under(first)
}

// sync has what was written to a segment on the disk, or on its way there.
func (b *beside) sync(s *segment, first uint64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.syncer == nil || !b.may() || b.syncer.Begin(s.out) != nil {
		return s.sync()
	}
	return b.under(first)
}

// under notes that a sync is under way. may is asked once more when everybody can see that: who is about to speak to others says so
// first, and then waits for what is. It needs mu.
func (b *beside) under(first uint64) error {
	b.first.Store(first) // who still takes it for a part of the sync before needs to wait for none: that one has ended
	b.begun.Add(1)
	if b.may() {
		return nil
	}
	return b.finish(true)
}

// plain tells whether an update is of entries alone, and of such that change neither the term nor who the members are.
func (g *group) plain(u *pb.Update) bool {
	if len(u.EntriesToSave) == 0 || !pb.IsEmptySnapshot(u.Snapshot) {
		return false
	}
	if !pb.IsEmptyState(u.State) && (u.State.Term != g.saved.Term || u.State.Vote != g.saved.Vote) {
		return false
	}
	for i := range u.EntriesToSave {
		if u.EntriesToSave[i].Type == pb.ConfigChangeEntry {
			return false
		}
	}
	return true
}

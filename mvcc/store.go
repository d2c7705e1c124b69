package mvcc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// Store is every version of every key. One goroutine applies (Begin to Commit); any number read.
//
// The lock is the caller's to take, since only it knows what belongs together: Lock around the execution of
// requests, not around Batch.Commit; RLock around short reads. It is the innermost lock: nothing else is
// taken while it is held, but for a moment the tree's probe and Pebble's own.
type Store struct {
	*index
	mu sync.RWMutex
	db *pebble.DB
	o  Options

	// current is the main revision of the newest transaction committed in memory; Revision, which
	// readers may ask Pebble for, follows when its batch is in Pebble.
	// Invariant: published <= current, and equal while no batch is open.
	current uint64
	chain   uint64
	seed    uint64

	milestones milestones

	published atomic.Uint64
	applied   atomic.Uint64
	chained   atomic.Uint64 // chain as of published
	oldest    atomic.Uint64 // compacted, for those without the lock
	frontier  atomic.Uint64 // main revision at which chunks begin, in Pebble: where to look for a record first

	chunkBytes atomic.Int64 // memory of chunks, which only the applier may look at
	touched    atomic.Int64 // bytes written to memtables since GiveBack

	metaMu sync.Mutex
	meta   map[string][]byte // rows of m as committed

	handed handedBack

	batch  Batch
	chunks chunks // the applier's, and replay's
	hand   uint64 // the clock hand of Cool: a reference in cells
}

// Close flushes and closes. Nobody may use the store any more.
func (s *Store) Close() error {
	err := s.db.Flush()
	err = errors.Join(err, s.db.Close())
	s.release()
	return err
}

// Applied is the applied index of the last committed batch: after Open, that of the last batch on disk.
func (s *Store) Applied() uint64 { return s.applied.Load() }

// Revision is the newest main revision whose rows are in Pebble.
func (s *Store) Revision() uint64 { return s.published.Load() }

// Compacted is the oldest main revision that can be read, 0 before the first compaction.
func (s *Store) Compacted() uint64 { return s.oldest.Load() }

// ChainHash is the hash over every record up to Revision.
func (s *Store) ChainHash() uint64 { return s.chained.Load() }

// Meta is a copy of the m row of that name as last committed, nil if there is none.
func (s *Store) Meta(name string) []byte {
	s.metaMu.Lock()
	defer s.metaMu.Unlock()
	return bytes.Clone(s.meta[name])
}

// Leases calls fn with the committed l rows by ascending id until it returns false. The row is fn's only
// while it runs.
func (s *Store) Leases(fn func(id uint64, row []byte) bool) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte("l"), UpperBound: []byte("m")})
	if err != nil {
		panic(fmt.Sprintf("mvcc: read leases: %v", err))
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if k := it.Key(); len(k) != 9 {
			panic(fmt.Sprintf("mvcc: lease row %x has no id", k))
		} else if !fn(binary.BigEndian.Uint64(k[1:]), it.Value()) {
			return
		}
	}
	if err := it.Error(); err != nil {
		panic(fmt.Sprintf("mvcc: read leases: %v", err))
	}
}

// Lock keeps everybody else out; the applier holds it while it executes.
func (s *Store) Lock() { s.mu.Lock() }

// Unlock ends Lock.
func (s *Store) Unlock() { s.mu.Unlock() }

// RLock keeps the applier out.
func (s *Store) RLock() { s.mu.RLock() }

// TryRLock is RLock if that need not wait, and tells whether it did.
func (s *Store) TryRLock() bool { return s.mu.TryRLock() }

// RUnlock ends RLock.
func (s *Store) RUnlock() { s.mu.RUnlock() }

// Flush makes everything committed durable, and returns when it is.
func (s *Store) Flush() error { return s.db.Flush() }

// FlushAsync begins to make everything committed durable; the channel is closed when it is.
func (s *Store) FlushAsync() (<-chan struct{}, error) { return s.db.AsyncFlush() }

// readRecord reads the record of a revision. It returns errNoRow when there is none (any more).
func (s *Store) readRecord(rev Revision) (r record, err error) {
	b, err := s.readRecordRow(rev)
	if err != nil {
		return r, err
	}
	if err := r.decode(rev, b); err != nil {
		return r, fmt.Errorf("record %v: %w", rev, err)
	}
	return r, nil
}

var errNoRow = errors.New("mvcc: no such row")

func (s *Store) readRow(kind byte, rev Revision) ([]byte, error) {
	var buf [rowKeyLen]byte
	v, closer, err := s.db.Get(appendRowKey(buf[:0], kind, rev))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, errNoRow
	} else if err != nil {
		return nil, err
	}
	out := slices.Clone(v)
	if out == nil {
		out = []byte{}
	}
	return out, closer.Close()
}

// load reads the value of an item from disk.
func (s *Store) load(it Item) ([]byte, error) {
	if !it.Cold {
		return it.Value, nil
	}
	if it.Len > inlineMax {
		b, err := s.readRow('v', it.row)
		return b, gone(err)
	}
	r, err := s.readRecord(it.Mod)
	return r.value, gone(err)
}

func gone(err error) error {
	if errors.Is(err, errNoRow) {
		return ErrCompacted
	}
	return err
}

package mvcc

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// rowTouched is about what a memtable takes of a row beside its bytes: links, lengths, the sequence number.
const rowTouched = 40

// Touched is about how many bytes were written to memtables since GiveBack. What a memtable has of them stays in memory, as it is
// used again. Any goroutine may ask.
func (s *Store) Touched() int64 { return s.touched.Load() }

// GiveBack flushes and returns the memory of memtables to the system, which then has nothing but addresses for them. It is for a
// store that is not written to: the next writes have the system clear that memory again. It may run beside everything but Close, and
// gives up once stop is closed.
//
// A memtable that was flushed is kept by Pebble to be the next but one, so that flushing alone frees none. It keeps one at a time, the
// last to be let go of by its readers, and frees the one before. So each of three memtables in a row is given an iterator while it
// is flushed: the two that were there, instead of which two new ones have to be made, and the first of these, which is empty. Let go of in that
// order, the empty one is the one that is kept.
func (s *Store) GiveBack(stop <-chan struct{}) (err error) {
	var readers [3]*pebble.Iterator
	defer func() {
		for _, r := range readers {
			if r != nil {
				err = errors.Join(err, r.Close())
			}
		}
	}()
	s.touched.Store(0)
	for i := range readers {
		if readers[i], err = s.db.NewIter(nil); err != nil {
			return err
		}
		flushed, err := s.db.AsyncFlush()
		if err != nil {
			return err
		}
		select {
		case <-flushed:
		case <-stop:
			return ErrStopped
		}
	}
	return nil
}

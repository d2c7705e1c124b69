package mvcc

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// TestGiveBackBesideWrites holds that a store which is written to meanwhile loses nothing by it, and is the same after a start.
func TestGiveBackBesideWrites(t *testing.T) {
	const batches, perBatch = 60, 100
	o := Options{Dir: t.TempDir(), MemTableBytes: 512 << 10}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() {
		var err error
		for i := range batches {
			err = errors.Join(err, putMany(s, i*perBatch, perBatch))
		}
		wrote <- err
	}()
	for done := false; !done; {
		select {
		case err := <-wrote:
			if done = true; err != nil {
				t.Fatal(err)
			}
		default:
		}
		if err := s.GiveBack(nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Touched(); n != 0 {
		t.Errorf("%d bytes are in memtables after GiveBack, want 0", n)
	}
	applied, chain := s.Applied(), s.ChainHash()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(o); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Applied() != applied || s.ChainHash() != chain {
		t.Errorf("applied %d, chain %x after a start, want %d, %x", s.Applied(), s.ChainHash(), applied, chain)
	}
}

func TestGiveBackStops(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() // which would tell of a reader that was left
	stop := make(chan struct{})
	close(stop)
	for range 20 { // a flush may be done as soon
		if err := putMany(s, 0, 1); err != nil {
			t.Fatal(err)
		}
		if err := s.GiveBack(stop); err != nil && !errors.Is(err, ErrStopped) {
			t.Fatal(err)
		}
	}
}

// putMany is a batch of n keys.
func putMany(s *Store, from, n int) error {
	batch := s.Begin()
	s.Lock()
	for i := range n {
		tx := batch.Tx()
		tx.Put(1, fmt.Appendf(nil, "key:%d", from+i), Attr{Type: String}, bytes.Repeat([]byte("v"), 400))
		tx.Commit()
	}
	s.Unlock()
	return batch.Commit(s.Applied() + 1)
}

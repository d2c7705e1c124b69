package mvcc

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Readers run beside the applier: every view of the past is whole, and a cold value is either the one its
// version had or reported as compacted. Each request writes the same number to all keys.
func TestReadersBesideApply(t *testing.T) {
	const keys, requests = 8, 400
	s, err := Open(Options{Dir: "store", FS: vfs.NewMem(), HeapMemory: true, MemTableBytes: 256 << 10, chunkRecords: 5, lingerMin: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	value := func(n uint64, key int) string {
		return fmt.Sprint(n, " ", strings.Repeat("x", key*100))
	}
	var done atomic.Bool
	var wg sync.WaitGroup
	for reader := range 3 {
		wg.Go(func() {
			for i := uint64(reader); !done.Load(); i++ {
				if err := readWhole(s, keys, i, value); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := uint64(1); n <= requests; n++ {
		b := s.Begin()
		s.Lock()
		tx := b.Tx()
		for key := range keys {
			tx.Put(1, fmt.Append(nil, "k", key), Attr{Type: String}, []byte(value(n, key)))
		}
		tx.Commit()
		tx = b.Tx()
		if n > 20 {
			tx.Compact(n - 20)
		}
		tx.CompactStep(3 * keys)
		tx.Commit()
		s.Cool(1000, keys)
		s.Unlock()
		if err := b.Commit(n); err != nil {
			t.Fatal(err)
		}
	}
	done.Store(true)
	wg.Wait()
}

func readWhole(s *Store, keys int, turn uint64, value func(n uint64, key int) string) error {
	s.RLock()
	rev := s.Revision() // once: a batch that is committed meanwhile changes it
	at := rev - min(rev, turn%16)
	v, err := s.At(at)
	if errors.Is(err, ErrCompacted) || at == 0 {
		s.RUnlock()
		return nil
	}
	if err != nil {
		s.RUnlock()
		return fmt.Errorf("revision %d of %d: %w", at, rev, err)
	}
	items := make([]Item, keys)
	for key := range items {
		it, ok := v.Lookup(1, fmt.Append(nil, "k", key))
		if !ok || it.Mod.Main != at {
			s.RUnlock()
			return fmt.Errorf("revision %d shows key %d at %v: %v", at, key, it.Mod, ok)
		}
		if it.Value != nil && string(it.Value) != value(at, key) {
			s.RUnlock()
			return fmt.Errorf("revision %d shows key %d as %.20q", at, key, it.Value)
		}
		s.Access(it.Ref, uint32(turn))
		items[key] = it
	}
	s.RUnlock()
	for key, it := range items {
		if !it.Cold {
			continue
		}
		got, err := v.Load(it)
		if err != nil && !errors.Is(err, ErrCompacted) || err == nil && string(got) != value(at, key) {
			return fmt.Errorf("revision %d: key %d is loaded as %.20q, %v", at, key, got, err)
		}
	}
	return nil
}

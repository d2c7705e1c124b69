package mvcc

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestTableSpans: no table of Pebble holds rows of two kinds, and those of the chunks do not overlap, so that none is merged with
// another because of the facts that each flush writes again.
func TestTableSpans(t *testing.T) {
	s, err := Open(Options{Dir: "store", FS: vfs.NewMem(), Seed: 7, HeapMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	for round := range uint64(levelZeroDeep) {
		b := s.Begin()
		s.Lock()
		for i := range 100 {
			tx := b.Tx()
			tx.Put(tx.Keyspace(0), fmt.Append(nil, "k", i), Attr{Type: String}, fmt.Append(nil, "v", round))
			tx.Commit()
		}
		s.Unlock()
		if err := errors.Join(b.Commit(round+1), s.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Compact(t.Context(), []byte("m"), []byte("n"), false); err != nil {
		t.Fatal(err)
	}
	levels, err := s.db.SSTables()
	if err != nil {
		t.Fatal(err)
	}
	var chunks []pebble.SSTableInfo
	for _, tables := range levels {
		for _, table := range tables {
			low, high := table.Smallest.UserKey, table.Largest.UserKey
			if low[0] != high[0] {
				t.Errorf("a table from %q to %q", low, high)
			}
			if low[0] == 'c' {
				chunks = append(chunks, table)
			}
		}
	}
	for i, a := range chunks {
		for _, b := range chunks[i+1:] {
			if string(a.Smallest.UserKey) <= string(b.Largest.UserKey) && string(b.Smallest.UserKey) <= string(a.Largest.UserKey) {
				t.Errorf("tables from %q to %q and from %q to %q", a.Smallest.UserKey, a.Largest.UserKey, b.Smallest.UserKey, b.Largest.UserKey)
			}
		}
	}
	if len(chunks) == 0 {
		t.Error("no table of chunks")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

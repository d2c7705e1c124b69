package mvcc

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// countingFS counts the files that were made.
type countingFS struct {
	vfs.FS
	made int
}

func (fs *countingFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	fs.made++
	return fs.FS.Create(name, category)
}

// TestAhead: before a flush makes its file, the store waits for who knows whether it may.
func TestAhead(t *testing.T) {
	fs := &countingFS{FS: vfs.NewMem()}
	asked, made := 0, 0
	o := Options{Dir: "store", FS: fs, Seed: 7, HeapMemory: true}
	o.Ahead = func() { asked, made = asked+1, fs.made }
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	before := asked
	b := s.Begin()
	s.Lock()
	tx := b.Tx()
	tx.Put(tx.Keyspace(0), []byte("k"), Attr{Type: String}, []byte("v"))
	tx.Commit()
	s.Unlock()
	if err := b.Commit(1); err != nil {
		t.Fatal(err)
	}
	quiet := fs.made
	if asked != before {
		t.Error("asked without anything to be written")
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if asked != before+1 || made != quiet || fs.made == quiet {
		t.Errorf("asked %d times, when %d files were made, %d before the flush and %d behind it", asked-before, made, quiet, fs.made)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

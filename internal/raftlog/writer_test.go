package raftlog

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	pb "github.com/lni/dragonboat/v4/raftpb"

	"github.com/redoubt-db/redoubt/internal/aio"
)

// diskWriter writes to files of a disk.
type diskWriter struct {
	fails  error
	writes int
	closed int
}

func (w *diskWriter) WriteSync(f any, b []byte, at int64) error {
	if w.fails != nil {
		return w.fails
	}
	w.writes++
	if _, err := f.(*file).WriteAt(b, at); err != nil {
		return err
	}
	return f.(*file).Sync()
}

func (w *diskWriter) Close() { w.closed++ }

// TestWriter: records of some length are written by the writer, shorter ones by calls that wait, as are those that it does not take; one that fails
// is the end of the log.
func TestWriter(t *testing.T) {
	d, w := newDisk(), new(diskWriter)
	d.writer = w
	l := openOn(t, d)
	mustSave(t, l, update(1, 1, 0, entries(1, 200, 1)...))
	for _, step := range []struct {
		what     string
		from, to uint64
		refuses  bool
		writes   int
	}{
		{"one entry", 201, 201, false, 0},
		{"many", 202, 301, false, 1},
		{"many, of which it wants nothing", 302, 401, true, 0},
		{"many again", 402, 501, false, 1},
	} {
		if w.fails = nil; step.refuses {
			w.fails = fmt.Errorf("%w: not today", aio.ErrNone)
		}
		before := w.writes
		mustSave(t, l, update(1, 1, 0, entries(step.from, step.to, 1)...))
		if got := w.writes - before; got != step.writes {
			t.Errorf("%s: %d writes by the writer, want %d", step.what, got, step.writes)
		}
	}
	w.fails = fmt.Errorf("write and sync: %w", syscall.EIO)
	if err := l.SaveRaftState([]pb.Update{update(1, 1, 0, entries(502, 601, 1)...)}, 1); !errors.Is(err, syscall.EIO) {
		t.Errorf("a write that failed: %v", err)
	}
	w.fails = nil
	if err := l.SaveRaftState([]pb.Update{update(1, 1, 0, entries(502, 502, 1)...)}, 1); !errors.Is(err, syscall.EIO) {
		t.Errorf("behind a write that failed: %v", err)
	}
	_ = l.Close()
	if w.closed != 1 {
		t.Errorf("closed %d times", w.closed)
	}
	if got, _, err := openOn(t, d).IterateEntries(nil, 0, 1, 2, 1, 502, 1<<20); len(got) != 501 || err != nil {
		t.Errorf("%d entries, %v", len(got), err)
	}
}

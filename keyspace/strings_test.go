package keyspace

import (
	"bytes"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/mvcc"
)

// TestLongStringsLeaveTheLoop: what takes long is asked again from elsewhere, one step beyond each limit.
func TestLongStringsLeaveTheLoop(t *testing.T) {
	store, err := mvcc.Open(mvcc.Options{Dir: "db", FS: vfs.NewMem(), HeapMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	space := Open(store)
	b := store.Begin()
	tx := space.Begin(b, 1, 1)
	for key, size := range map[string]int{"quick": bitsQuickBytesMax, "long": bitsQuickBytesMax + 1, "side": 511, "more": 512} {
		tx.Set([]byte(key), bytes.Repeat([]byte{1}, size))
	}
	tx.Commit()
	if err := b.Commit(1); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		mayLoad bool
		ask     func(*View) (length int)
		want    int
		need    Need
	}{
		{"bits of a quick string", false, bitsLen("quick"), bitsQuickBytesMax, 0},
		{"bits of a long string", false, bitsLen("long"), 0, NeedLong},
		{"bits of a long string, off the loop", true, bitsLen("long"), bitsQuickBytesMax + 1, 0},
		{"LCS of quick strings", false, lcsLen("side", "side"), 511, 0},
		{"LCS of long strings", false, lcsLen("side", "more"), 0, NeedLong},
		{"LCS of long strings, off the loop", true, lcsLen("side", "more"), 511, 0},
	} {
		v := space.View(0, 1, 1, c.mayLoad)
		if got := c.ask(&v); got != c.want || v.Need() != c.need {
			t.Errorf("%s: length %d, need %b, want %d, %b", c.name, got, v.Need(), c.want, c.need)
		}
	}
	v := space.View(0, 1, 1, true)
	long, _, _ := v.String([]byte("long"))
	quick, _, _ := v.String([]byte("quick"))
	if _, _, err := v.LCS(long, quick); err != ErrLCSTooLarge {
		t.Errorf("LCS beyond its limit: %v, want %v", err, ErrLCSTooLarge)
	}
}

func bitsLen(key string) func(*View) int {
	return func(v *View) int {
		s, _, _ := v.Bits([]byte(key))
		return len(s)
	}
}

func lcsLen(a, b string) func(*View) int {
	return func(v *View) int {
		s, _, _ := v.String([]byte(a))
		t, _, _ := v.String([]byte(b))
		text, _, _ := v.LCS(s, t)
		return len(text)
	}
}

// TestStringLimit: a string grows to StringBytesMax and not beyond.
func TestStringLimit(t *testing.T) {
	store, err := mvcc.Open(mvcc.Options{Dir: "db", FS: vfs.NewMem(), HeapMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	tx := Open(store).Begin(store.Begin(), 1, 1)
	for _, c := range []struct {
		offset int64
		part   string
		err    error
	}{
		{StringBytesMax, "x", ErrTooLong},
		{StringBytesMax - 1, "xy", ErrTooLong},
		{1<<63 - 1, "x", ErrTooLong},
		{StringBytesMax + 1, "", nil}, // nothing to write is never too long
	} {
		if _, err := tx.SetRange([]byte("k"), c.offset, []byte(c.part)); err != c.err {
			t.Errorf("SetRange(%d, %q): %v, want %v", c.offset, c.part, err, c.err)
		}
	}
	tx.Abort()
}

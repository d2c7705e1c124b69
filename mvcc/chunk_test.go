package mvcc

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func scanRows(t testing.TB, s *Store, kind byte, fn func(rev Revision, value []byte)) {
	t.Helper()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{kind + 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		rev, err := rowRevision(it.Key())
		if err != nil {
			t.Fatal(err)
		}
		fn(rev, it.Value())
	}
}

// diskRecords are the revisions of all records on disk, in order. What memory keeps of chunks must be what they are.
func diskRecords(t testing.TB, s *Store) (out []Revision) {
	t.Helper()
	scanRows(t, s, 'r', func(rev Revision, _ []byte) { out = append(out, rev) })
	var kept []chunk
	for i := range s.chunks.list.len {
		if c := s.chunks.list.at(i); c.flags&chunkGone == 0 {
			kept = append(kept, c)
		}
	}
	scanRows(t, s, 'c', func(first Revision, row []byte) {
		var b block
		if err := b.addChunk(first, row); err != nil {
			t.Fatalf("chunk %v: %v", first, err)
		}
		if len(kept) == 0 {
			t.Fatalf("chunk %v is on disk, and memory has no more", first)
		}
		got, want := kept[0], b.chunks[0]
		want.dead = got.dead
		if kept = kept[1:]; got != want {
			t.Fatalf("chunk %+v is %+v on disk", got, want)
		}
		for r, i := readChunk(first, row), 0; ; i++ {
			if _, ok := r.next(); !ok {
				break
			}
			if at := got.place(r.rev); at != i {
				t.Fatalf("record %v of chunk %+v has place %d, want %d", r.rev, got, at, i)
			}
			out = append(out, r.rev)
		}
	})
	if len(kept) > 0 {
		t.Fatalf("chunk %+v is not on disk", kept[0])
	}
	slices.SortFunc(out, Revision.Compare)
	if n := len(out); len(slices.Compact(out)) != n {
		t.Fatalf("a record is on disk twice: %v", out)
	}
	records, dead := 0, 0
	for i := range s.chunks.list.len {
		if c := s.chunks.list.at(i); c.flags&chunkGone == 0 {
			records += int(c.n)
			for i := range c.n {
				dead += int(c.dead >> i & 1)
			}
		}
	}
	if records != s.chunks.records || dead != s.chunks.dead {
		t.Fatalf("%d records, %d dead, where counts say %+v", records, dead, s.chunks)
	}
	return out
}

func openChunked(t testing.TB, records, least int) (*Store, Options) {
	t.Helper()
	o := Options{Dir: "store", FS: vfs.NewMem(), HeapMemory: true, chunkRecords: records, chunkLeast: least}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

// layoutOf is what is on disk: r rows, then chunks with the dead marked.
func layoutOf(t testing.TB, s *Store) string {
	t.Helper()
	var parts []string
	scanRows(t, s, 'r', func(rev Revision, _ []byte) { parts = append(parts, rev.String()) })
	scanRows(t, s, 'c', func(first Revision, row []byte) {
		var list []string
		for r := readChunk(first, row); ; {
			if _, ok := r.next(); !ok {
				break
			}
			mark := ""
			if c, i := s.chunks.find(r.rev); c.dead>>i&1 == 1 {
				mark = "x"
			}
			list = append(list, r.rev.String()+mark)
		}
		parts = append(parts, "["+strings.Join(list, " ")+"]")
	})
	return strings.Join(parts, " ")
}

// together applies puts as one batch, a request each.
func together(t testing.TB, s *Store, requests ...func(*Tx)) {
	t.Helper()
	b := s.Begin()
	s.Lock()
	for _, request := range requests {
		tx := b.Tx()
		request(tx)
		tx.Commit()
	}
	s.Unlock()
	if err := b.Commit(s.Applied() + 1); err != nil {
		t.Fatal(err)
	}
}

func TestChunksGoWhenDead(t *testing.T) {
	s, o := openChunked(t, 3, 1)
	want := func(when, layout string) {
		t.Helper()
		if got := layoutOf(t, s); got != layout {
			t.Errorf("%s: on disk is %s, want %s", when, got, layout)
		}
	}
	together(t, s, put("a", "1"), put("b", "1"), put("c", "1"), put("d", "1"))
	together(t, s, put("a", "2"), put("b", "2"))
	together(t, s, put("a", "3"), put("b", "3"))
	want("written", "[1-0 2-0 3-0] [4-0] [5-0 6-0] [7-0 8-0]")
	compact(t, s, 8)
	want("a chunk in the middle is dead", "[1-0x 2-0x 3-0] [4-0] [7-0 8-0]")
	together(t, s, del("d"), put("e", "1"))
	together(t, s, put("e", "2"), put("a", "4"))
	compact(t, s, 12)
	want("tombstones wait for the front", "[1-0x 2-0x 3-0] [7-0x 8-0] [9-0x 10-0x] [11-0 12-0]")
	s = reopen(t, s, o)
	want("a start forgets marks", "[1-0 2-0 3-0] [7-0 8-0] [9-0 10-0] [11-0 12-0]")
	together(t, s, func(tx *Tx) { tx.CompactStep(100) })
	want("and finds them again", "[1-0x 2-0x 3-0] [7-0x 8-0] [9-0x 10-0x] [11-0 12-0]")
	s.o.lingerMin = 3
	together(t, s, func(*Tx) {})
	want("the oldest is cleaned", "3-0 [7-0x 8-0] [9-0x 10-0x] [11-0 12-0]")
	s.o.lingerMin = 1
	together(t, s, func(*Tx) {})
	want("what is dead behind it goes too", "3-0 8-0 [11-0 12-0]")
	for key, value := range map[string]string{"a": "4", "b": "3", "c": "1", "d": "", "e": "2"} {
		if it, _ := s.View().Lookup(1, []byte(key)); string(it.Value) != value {
			t.Errorf("%s is %q, want %q", key, it.Value, value)
		}
	}
	s.Close()
}

// A collection that was moved and then lost its key is nobody's, even if a start finds the key it was moved from and not the
// one it was moved to.
func TestMovedCollectionIsLetGo(t *testing.T) {
	s, o := openChunked(t, 2, 1)
	together(t, s, func(tx *Tx) {
		put("anchor", "1")(tx)
		tx.PutElement(tx.Make(1, []byte("a"), Attr{Type: Set}).Ref, Element{Name: []byte("e")})
	})
	together(t, s, func(tx *Tx) {
		put("anchor2", "1")(tx)
		tx.Move(1, []byte("a"), 1, []byte("b"), Attr{Type: Set})
	})
	together(t, s, put("b", "a string"))
	compact(t, s, 3)
	const left = "[1-0 1-1x] [2-0 2-1x] [3-0]"
	if got := layoutOf(t, s); got != left {
		t.Fatalf("on disk is %s, want %s", got, left)
	}
	s = reopen(t, s, o)
	defer s.Close()
	together(t, s, func(tx *Tx) { tx.CompactStep(100) })
	if got := layoutOf(t, s); got != left {
		t.Errorf("after a start there is %s on disk, want %s", got, left)
	}
	if n := s.colls.Stats().Slots; n != 0 {
		t.Errorf("%d collections are left", n)
	}
}

// Keys that stay must not make memory keep what it knew of the chunks between them.
func TestGoneChunksAreForgotten(t *testing.T) {
	s, _ := openChunked(t, chunkRecords, 1)
	defer s.Close()
	together(t, s, put("cold", "1"))
	for i := range 5 * holesMin {
		together(t, s, put("hot", fmt.Sprint(i)), func(tx *Tx) {
			if i%10 == 0 {
				tx.Compact(s.current)
				tx.CompactStep(100)
			}
		})
	}
	if n := s.chunks.list.len; n > 2*holesMin {
		t.Errorf("memory keeps %d chunks", n)
	}
	diskRecords(t, s)
}

// Small batches make small chunks, which are cleaned before memory keeps too many.
func TestSmallChunksAreCleaned(t *testing.T) {
	s, _ := openChunked(t, chunkRecords, 1)
	defer s.Close()
	s.o.chunkMin = 10
	for i := range 100 {
		together(t, s, put(fmt.Sprint(i), "1"))
	}
	if n := s.chunks.list.len; n > 100/chunkMean+10 {
		t.Errorf("memory keeps %d chunks of 100 records", n)
	}
	if n := len(diskRecords(t, s)); n != 100 {
		t.Errorf("%d records on disk", n)
	}
}

// A long record shares a chunk with none, and few records are no chunk unless they cover others.
func TestWhatIsNoChunk(t *testing.T) {
	s, _ := openChunked(t, chunkRecords, 2)
	defer s.Close()
	long := strings.Repeat("k", chunkBytes)
	together(t, s, put("a", "1"), put(long, "1"), put("b", "1"), put("c", "1"))
	together(t, s, put("d", "1"))
	together(t, s, del("c"))
	if got := layoutOf(t, s); got != "1-0 2-0 5-0 [3-0 4-0] [6-0]" {
		t.Errorf("on disk is %s", got)
	}
	for main := range uint64(6) {
		if _, err := s.readRecord(Revision{main + 1, 0}); err != nil {
			t.Errorf("record %d: %v", main+1, err)
		}
	}
	for _, rev := range []Revision{{1, 1}, {2, 1}, {0, 7}, {7, 0}, {1 << 60, 0}} {
		if _, err := s.readRecord(rev); err != errNoRow {
			t.Errorf("record %v, which is none: %v", rev, err)
		}
	}
}

// FuzzChunk checks that no bytes break the reader, that what it accepts can be written again, and that every record is
// found in its place and cut off behind it.
func FuzzChunk(f *testing.F) {
	row := appendToChunk([]byte{chunkFormat}, appendTombstone(nil, 1, []byte("a"), false), false)
	f.Add(uint64(7), uint32(3), row)
	row = appendToChunk(row, appendBind(nil, 3, 1<<31, 4), false)
	row = appendToChunk(row, appendTombstone(nil, 1, []byte("b"), false), true)
	f.Add(uint64(7), uint32(3), row)
	f.Fuzz(func(t *testing.T, main uint64, sub uint32, row []byte) {
		var b block
		first := Revision{main, sub}
		if b.addChunk(first, row) != nil {
			return
		}
		c := b.chunks[0]
		again, last := []byte{chunkFormat}, first
		for r, i := readChunk(first, row), 0; ; i++ {
			record, ok := r.next()
			if !ok {
				break
			}
			again = appendToChunk(again, record, r.opens)
			if got := c.place(r.rev); got != i {
				t.Fatalf("record %v has place %d, want %d", r.rev, got, i)
			}
			last = r.rev
		}
		if c.place(Revision{last.Main, last.Sub + 1}) >= 0 && last.Sub+1 != 0 || c.place(Revision{last.Main + 1, 0}) >= 0 && last.Main+1 != 0 {
			t.Fatalf("a record behind %v has a place in %+v", last, c)
		}
		cut, err := cutChunk(first, row, first.Main)
		if err != nil || !bytes.HasPrefix(row, cut) || c.news == 0 != (len(cut) == len(row)) {
			t.Fatalf("%x is cut to %x, %v", row, cut, err)
		}
		var whole block
		if whole.addChunk(first, again) != nil || whole.chunks[0] != c || !bytes.Equal(whole.buf, b.buf) {
			t.Fatalf("%x is written again as %x", row, again)
		}
	})
}

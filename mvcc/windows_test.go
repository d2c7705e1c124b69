package mvcc

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestLongHistory compares what is found in windows with the list of all that was written, where there is more than one window holds,
// in one revision as well.
func TestLongHistory(t *testing.T) {
	s := newStore(t)
	var written, changed []Revision // of the string, and of elements of the hash
	var ref Ref
	for i := range 4 * windowMax {
		changes := 1 + i%3
		if i == windowMax {
			changes = 2 * windowMax
		}
		apply(t, s, func(tx *Tx) {
			if i == 0 {
				ref = tx.Make(1, []byte("hash"), Attr{Type: Hash}).Ref
			}
			for range changes {
				written = append(written, tx.Revision())
				tx.Put(1, []byte("string"), Attr{Type: String}, fmt.Append(nil, i))
				changed = append(changed, tx.Revision())
				tx.PutElement(ref, Element{Name: fmt.Append(nil, i%7), Value: fmt.Append(nil, i)})
			}
		})
	}
	last := s.Revision()
	for _, compacted := range []uint64{0, 1, last / 3} {
		if compacted > 0 {
			compact(t, s, compacted)
		}
		for _, r := range [][2]uint64{{0, last}, {0, last / 2}, {last / 2, last}, {last / 2, last/2 + 1}, {last - 1, math.MaxUint64}, {7, 6}, {last + 1, last + 9}} {
			checkVersions(t, s, written, r[0], r[1])
			checkChanges(t, s, changed, r[0], r[1])
		}
	}
}

func checkVersions(t *testing.T, s *Store, written []Revision, from, to uint64) {
	t.Helper()
	var want []Revision // and the one that was live at the compacted revision
	for i, rev := range written {
		if rev.Main >= from && rev.Main <= to && (i+1 == len(written) || written[i+1].Main > s.Compacted()) {
			want = append(want, rev)
		}
	}
	for _, newestFirst := range []bool{false, true} {
		var got []Revision
		s.View().History(1, []byte("string"), from, to, newestFirst, func(v Version) bool {
			got = append(got, v.Mod)
			return true
		})
		if newestFirst {
			slices.Reverse(got)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("compacted to %d, %d..%d has %d versions, want %d; newest first: %v", s.Compacted(), from, to, len(got), len(want), newestFirst)
		}
	}
}

func checkChanges(t *testing.T, s *Store, changed []Revision, from, to uint64) {
	t.Helper()
	var want, got []Revision
	for _, rev := range changed {
		if rev.Main >= max(from, s.Compacted()+1) && rev.Main <= to {
			want = append(want, rev)
		}
	}
	it, _ := s.View().Lookup(1, []byte("hash"))
	behind := Revision{max(from, 1) - 1, math.MaxUint32}
	for more := true; more; { // in pages
		n := 0
		s.View().ElementHistory(it, behind, to, func(e *Element, _ bool, _ uint64) bool {
			behind = Revision{e.Main, e.Sub}
			got = append(got, behind)
			n++
			return n < 100
		})
		more = n == 100
	}
	if !slices.Equal(got, want) {
		t.Fatalf("compacted to %d, %d..%d has %d changes of elements, want %d", s.Compacted(), from, to, len(got), len(want))
	}
}

func TestHadElements(t *testing.T) {
	s := newStore(t)
	for i := range 100 {
		apply(t, s, func(tx *Tx) {
			if i == 10 {
				tx.Make(1, []byte("k"), Attr{Type: Set})
			} else {
				tx.Put(1, []byte("k"), Attr{Type: String}, fmt.Append(nil, i))
			}
		})
	}
	for _, below := range []uint64{math.MaxUint64, 100, 50, 12, 11, 10, 1} { // the set is of revision 11
		had, pages := false, 0
		for next := below; next > 0 && !had; pages++ {
			had, next = s.View().HadElements(1, []byte("k"), next, 10)
		}
		if want := below >= 11; had != want || pages > 12 {
			t.Errorf("up to %d it had elements: %v after %d pages, want %v", below, had, pages, want)
		}
	}
}

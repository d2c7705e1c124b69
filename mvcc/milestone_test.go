package mvcc

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestMilestones beside a list of all: rows of leases between two revisions change the chain and no milestone.
func TestMilestones(t *testing.T) {
	s, err := Open(Options{Dir: "store", FS: vfs.NewMem(), HeapMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Milestones(9); len(got) != 0 {
		t.Errorf("of an empty store: %v", got)
	}
	var all []Milestone
	for i := range uint64(milestoneEvery * (milestonesKept + 3)) {
		b := s.Begin()
		s.Lock()
		tx := b.Tx()
		tx.Put(tx.Keyspace(0), []byte("k"), Attr{Type: String}, fmt.Append(nil, i))
		rev, _ := tx.Commit()
		chain := s.chain
		tx = b.Tx()
		tx.PutLease(1, []byte("x"))
		tx.Commit()
		s.Unlock()
		if err := b.Commit(i + 1); err != nil {
			t.Fatal(err)
		}
		if rev%milestoneEvery == 0 {
			all = append(all, Milestone{rev, chain})
		}
		want := all
		if rev%milestoneEvery != 0 {
			want = append(slices.Clone(all), Milestone{rev, chain})
		}
		for _, n := range []int{1, 2, 9, 100} {
			if got := s.Milestones(n); i%500 < 2 || rev%milestoneEvery == 0 {
				if w := want[max(0, len(want)-min(n, milestonesKept)):]; !equalTail(got, w, n) {
					t.Fatalf("at %d: Milestones(%d) = %v, want %v", rev, n, got, w)
				}
			}
		}
	}
}

// equalTail compares the newest; of the oldest one more or less may be told.
func equalTail(got, want []Milestone, n int) bool {
	k := min(len(got), len(want))
	return len(got) <= n && k >= len(want)-1 && slices.Equal(got[len(got)-k:], want[len(want)-k:])
}

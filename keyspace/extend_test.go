package keyspace

import "testing"

// TestExtendLease: a lease that lives when a new leader comes lives its full time from when log time goes on, and so do
// its keys, also if it was due while there was none.
func TestExtendLease(t *testing.T) {
	r := newRig(t, 1)
	r.apply(1000, func(tx *Tx) {
		for id, ttl := range map[uint64]int64{5: 2000, 7: 500} {
			if _, err := tx.Grant(id, ttl); err != nil {
				t.Fatal(err)
			}
		}
	})
	r.apply(1500, func(tx *Tx) {
		tx.ExtendLease(5, 9000)
		tx.ExtendLease(6, 9000) // there is none
		tx.ExtendLease(7, 9000)
	})
	view := r.space.View(0, 9000, 9000, false)
	if left, granted, err := view.Lease(5); err != nil || granted != 2000 || left != 2000 {
		t.Errorf("Lease(5) = %d of %d, %v", left, granted, err)
	}
	if left, _, err := view.Lease(7); err != nil || left != 500 {
		t.Errorf("Lease(7) = %d, %v", left, err)
	}
	if d, ok := r.space.NextDeadline(); d != 9500 || !ok {
		t.Errorf("NextDeadline() = %d, want 9500", d)
	}
	if again := Open(r.store); again.Leases.Lookup(5).Deadline != 11000 {
		t.Errorf("opened again, it ends at %d", again.Leases.Lookup(5).Deadline)
	}
}

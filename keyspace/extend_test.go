package keyspace

import "testing"

// TestExtendLease: a lease that is due when a new leader comes lives its full time again, and so do its keys; undone,
// it is as it was.
func TestExtendLease(t *testing.T) {
	r := newRig(t, 1)
	r.apply(1000, func(tx *Tx) {
		if _, err := tx.Grant(5, 100); err != nil {
			t.Fatal(err)
		}
	})
	r.apply(2000, func(tx *Tx) {
		tx.ExtendLease(5)
		tx.ExtendLease(6) // there is none
	})
	view := r.space.View(0, 2000, 2000, false)
	if left, granted, err := view.Lease(5); err != nil || granted != 100 || left <= 0 {
		t.Errorf("Lease(5) = %d of %d, %v", left, granted, err)
	}
	if d, ok := r.space.NextDeadline(); d != 2100 || !ok {
		t.Errorf("NextDeadline() = %d, want 2100", d)
	}
	if again := Open(r.store); again.Leases.Lookup(5).Deadline != 2100 {
		t.Errorf("opened again, it ends at %d", again.Leases.Lookup(5).Deadline)
	}
}

package keyspace

import (
	"math"

	"github.com/redoubt-db/redoubt/mvcc"
)

// HistoryRange says which versions of a key to show.
type HistoryRange struct {
	From, To    uint64 // main revisions, both included; From 0 is the oldest kept, To 0 the newest
	NewestFirst bool
	Count       int // 0 is all
}

// History calls fn with the versions of a key in the database's present keyspace, tombstones included. It is
// mvcc.ErrCompacted when From is a revision whose versions may be gone. It walks the key's past, so it belongs off the
// event loop; Value reads what fn is shown.
func (v *View) History(key []byte, r HistoryRange, fn func(mvcc.Version)) error {
	if r.From != 0 && r.From < v.space.Store.Compacted() {
		return mvcc.ErrCompacted
	}
	if r.To == 0 {
		r.To = math.MaxUint64
	}
	left := r.Count
	v.mv.History(v.ks, key, r.From, r.To, r.NewestFirst, func(version mvcc.Version) bool {
		fn(version)
		left--
		return left != 0
	})
	return nil
}

// Compact refuses views below main revision rev from now on and lets go what only they could see. It is
// mvcc.ErrCompacted when that is so already, mvcc.ErrFuture when rev has not happened.
func (tx *Tx) Compact(rev uint64) error { return tx.mv.Compact(rev) }

// CompactStep frees at most max of what compaction lets go, and must be all that its request does.
func (tx *Tx) CompactStep(max int) { tx.mv.CompactStep(max) }

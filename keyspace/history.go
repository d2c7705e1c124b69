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

// historyPage is how many versions History reads from the disk between pauses.
const historyPage = 100

// History calls fn with the versions of a key in the database's present keyspace, tombstones included, and their
// values, which are fn's to keep. It is mvcc.ErrCompacted when From is a revision whose versions may be gone. It reads
// the disk, so it belongs off the event loop.
func (v *View) History(key []byte, r HistoryRange, fn func(version mvcc.Version, value []byte)) error {
	if r.From != 0 && r.From < v.space.Store.Compacted() {
		return mvcc.ErrCompacted
	}
	if r.To == 0 {
		r.To = math.MaxUint64
	}
	if r.Count == 0 {
		r.Count = math.MaxInt
	}
	p := *v
	if v.Pauses {
		if pinned, ok := v.pin(); ok {
			p = pinned
		}
	}
	for last, more := (mvcc.Revision{}), true; more; v.pause() {
		if p.mv.Err() != nil {
			return mvcc.ErrCompacted // while it was read
		}
		last, more = p.historyPage(key, &r, last, fn)
	}
	v.need |= p.need
	return nil
}

// historyPage shows the versions behind last, and returns where it came to and whether there may be more.
func (v *View) historyPage(key []byte, r *HistoryRange, last mvcc.Revision, fn func(mvcc.Version, []byte)) (mvcc.Revision, bool) {
	from, to := r.From, r.To
	switch {
	case last.IsZero():
	case r.NewestFirst:
		to = last.Main
	default:
		from = last.Main
	}
	begin, n := last, 0
	v.mv.History(v.ks, key, from, to, r.NewestFirst, func(version mvcc.Version) bool {
		if order := version.Mod.Compare(begin); !begin.IsZero() && (order == 0 || order > 0 == r.NewestFirst) {
			return true
		}
		var value []byte
		if !version.Tombstone {
			value = append([]byte{}, v.Value(version.Item)...)
		}
		fn(version, value)
		last = version.Mod
		n++
		return n < min(historyPage, r.Count)
	})
	r.Count -= n
	return last, n == historyPage && r.Count > 0
}

// Compact refuses views below main revision rev from now on and lets go what only they could see. It is
// mvcc.ErrCompacted when that is so already, mvcc.ErrFuture when rev has not happened.
func (tx *Tx) Compact(rev uint64) error { return tx.mv.Compact(rev) }

// CompactStep frees at most max of what compaction lets go, and must be all that its request does.
func (tx *Tx) CompactStep(max int) { tx.mv.CompactStep(max) }

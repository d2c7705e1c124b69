package keyspace

import (
	"math"
	"slices"

	"github.com/redoubt-db/redoubt/mvcc"
)

// ElementChange is one change in the history of a key that had elements, or of the key itself.
type ElementChange struct {
	Rev       mvcc.Revision
	Type      mvcc.Type    // of the key
	Tombstone bool         // the key was deleted
	Element   mvcc.Element // as it was put, or its place alone
	OfElement bool
	Removed   bool // the element was removed
	Version   uint64
	Value     []byte // of a string

	changes uint64 // of elements, with this one
}

// ElementHistory is the history of a key that has, or had, elements: its own versions, and the changes of elements
// between them. ok is false for a key that was never anything but a string: that is History's. It holds all of it at
// once, and belongs off the event loop.
func (v *View) ElementHistory(key []byte, r HistoryRange) (list []ElementChange, ok bool, err error) {
	if r.From != 0 && r.From < v.space.Store.Compacted() {
		return nil, false, mvcc.ErrCompacted
	}
	if r.To == 0 {
		r.To = math.MaxUint64
	}
	p := *v
	if v.Pauses {
		if pinned, is := v.pin(); is {
			p = pinned
		}
	}
	for next := r.To; next > 0 && !ok; v.pause() {
		ok, next = p.mv.HadElements(p.ks, key, next, historySteps)
	}
	if ok {
		list, err = p.allChanges(key, r)
	}
	v.need |= p.need
	if !ok || err != nil {
		return nil, false, err
	}
	slices.SortFunc(list, func(a, b ElementChange) int { return a.Rev.Compare(b.Rev) })
	countVersions(list)
	if r.NewestFirst {
		slices.Reverse(list)
	}
	if r.Count > 0 && r.Count < len(list) {
		list = list[:r.Count]
	}
	return list, true, nil
}

// historySteps is how many versions are looked at, without reading them, between pauses.
const historySteps = 10_000

// allChanges are the versions of a key and the changes of its elements, in no order. It pauses after each page, so collections are
// looked up again by the version that has them.
func (v *View) allChanges(key []byte, r HistoryRange) (list []ElementChange, err error) {
	own := HistoryRange{To: r.To, Count: math.MaxInt}
	seen := map[mvcc.Revision]bool{}
	var rows []mvcc.Revision // those that have a collection, each another
	note := func(row mvcc.Version, value []byte) {
		if row.Mod.Main >= r.From {
			c := ElementChange{Rev: row.Mod, Type: row.Type, Tombstone: row.Tombstone, Version: row.Version}
			if !row.Tombstone && !row.Type.HasElements() {
				c.Value = value
			}
			list = append(list, c)
		}
		if row.Tombstone || !row.Type.HasElements() || seen[v.mv.CollectionID(row.Item)] {
			return
		}
		seen[v.mv.CollectionID(row.Item)] = true
		rows = append(rows, row.Mod)
	}
	for last, more := (mvcc.Revision{}), true; more; v.pause() {
		if v.mv.Err() != nil {
			return nil, mvcc.ErrCompacted // while it was read
		}
		last, more = v.historyPage(key, &own, last, note)
	}
	for _, row := range rows {
		behind := mvcc.Revision{Main: max(r.From, 1) - 1, Sub: math.MaxUint32}
		for more := true; more; v.pause() {
			if v.mv.Err() != nil {
				return nil, mvcc.ErrCompacted
			}
			list, more = v.elementPage(list, key, row, behind, r.To)
			if more {
				behind = list[len(list)-1].Rev
			}
		}
	}
	return list, nil
}

// elementPage appends the next changes of the elements of a version, and tells whether there may be more. Compaction may have
// passed the version meanwhile: then there are none.
func (v *View) elementPage(list []ElementChange, key []byte, row, behind mvcc.Revision, to uint64) ([]ElementChange, bool) {
	n := 0
	v.mv.History(v.ks, key, row.Main, row.Main, false, func(version mvcc.Version) bool {
		if version.Mod != row {
			return true
		}
		v.mv.ElementHistory(version.Item, behind, to, func(e *mvcc.Element, removed bool, changes uint64) bool {
			list = append(list, ElementChange{
				Rev: mvcc.Revision{Main: e.Main, Sub: e.Sub}, Type: version.Type, Element: *e, OfElement: true, Removed: removed,
				changes: changes,
			})
			n++
			return n < historyPage
		})
		return false
	})
	return list, n == historyPage
}

// countVersions makes the versions count both the key's own changes and those of its elements.
func countVersions(list []ElementChange) {
	rows, changes := uint64(0), uint64(0)
	for i := range list {
		switch c := &list[i]; {
		case c.OfElement:
			changes = c.changes
			c.Version = max(rows, 1) + changes
		case c.Tombstone:
			rows, changes = 0, 0
		case c.Version == 1:
			rows, changes = 1, 0
		default:
			rows = c.Version
			c.Version += changes
		}
	}
}

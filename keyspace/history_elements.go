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
	var rows []mvcc.Version
	v.mv.History(v.ks, key, 0, r.To, false, func(version mvcc.Version) bool {
		ok = ok || !version.Tombstone && version.Type.HasElements()
		rows = append(rows, version)
		return true
	})
	if !ok {
		return nil, false, nil
	}
	seen := map[mvcc.Revision]bool{}
	for _, row := range rows {
		if row.Mod.Main >= r.From {
			list = append(list, v.rowChange(row))
		}
		if row.Tombstone || !row.Type.HasElements() || seen[v.mv.CollectionID(row.Item)] {
			continue
		}
		seen[v.mv.CollectionID(row.Item)] = true
		v.mv.ElementHistory(row.Item, r.From, r.To, func(e *mvcc.Element, removed bool, changes uint64) bool {
			c := ElementChange{
				Rev: mvcc.Revision{Main: e.Main, Sub: e.Sub}, Type: row.Type, Element: *e, OfElement: true, Removed: removed,
				changes: changes,
			}
			list = append(list, c)
			return true
		})
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

func (v *View) rowChange(row mvcc.Version) ElementChange {
	c := ElementChange{Rev: row.Mod, Type: row.Type, Tombstone: row.Tombstone, Version: row.Version}
	if !row.Tombstone && !row.Type.HasElements() {
		c.Value = append([]byte{}, v.Value(row.Item)...)
	}
	return c
}

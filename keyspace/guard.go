package keyspace

import "github.com/redoubt-db/redoubt/mvcc"

// Guard is what a transaction expects of a key: that it is as a WATCH found it, or, if Exact, that it has a
// certain mod revision.
type Guard struct {
	DB    uint32
	Key   []byte
	Rev   mvcc.Revision // mod revision of the key, zero if it was absent; only Main counts for Exact
	View  uint64        // main revision of the view in which WATCH saw the key
	Exact bool          // made by WATCHREV; View has no meaning
}

// Guard makes the guard of a WATCH that this view serves. It keeps key.
func (v *View) Guard(key []byte) Guard {
	it, _ := v.Find(key)
	return Guard{DB: v.db, Key: key, Rev: it.Mod, View: v.mv.Revision()}
}

// Holds tells whether the guard's key is as it was. It changes nothing, not even what is due.
//
// A guard that might have been broken counts as broken: the client tries again.
//
//	absent at WATCH; SET, DEL                        broken: there were changes
//	past its deadline at WATCH; removed              holds: it was absent before and is now
//	live at WATCH; its deadline passes               broken, removed or not
//	absent at WATCH; FLUSHDB                         holds
//	the view is compacted; the same mod revision     holds: revisions are given once
//	the view is compacted; absent then and now       broken: nobody knows what was between
func (tx *Tx) Holds(g *Guard) bool {
	mv := tx.mv.View()
	ks := mv.Keyspace(g.DB)
	it, live := mv.Lookup(ks, g.Key)
	live = live && !tx.space.ended(it.Attr, tx.now)
	switch {
	case g.Exact && live:
		return it.Mod.Main == g.Rev.Main
	case g.Exact:
		return g.Rev.Main == 0
	case !g.Rev.IsZero():
		return live && it.Mod == g.Rev && mv.Rebound(g.DB, g.View) == 0
	case live || g.View < mv.Compacted():
		return false
	}
	return stayedAbsent(mv, g)
}

// stayedAbsent tells whether a key that was absent at g.View and is absent now was never there between.
func stayedAbsent(mv mvcc.View, g *Guard) bool {
	switch mv.Rebound(g.DB, g.View) {
	case 0:
		return untouched(mv, mv.Keyspace(g.DB), g)
	case 1:
		return untouched(mv, mv.KeyspaceAt(g.DB, g.View), g) && untouched(mv, mv.Keyspace(g.DB), g)
	}
	return false // it may have been in a keyspace between
}

// untouched tells whether nothing happened to the key in ks since g.View, but for the removal of a version
// that was past its deadline then: the watcher saw no key, so what there was had ended.
func untouched(mv mvcc.View, ks mvcc.Keyspace, g *Guard) bool {
	last, before, ok := mv.Last(ks, g.Key)
	if !ok || last.Main <= g.View {
		return true
	}
	_, live := mv.Lookup(ks, g.Key)
	return !live && !before.IsZero() && before.Main <= g.View
}

package mvcc

// What guards of transactions ask. Nothing here depends on how the log is cut into batches: changes that are
// not in Pebble yet count.

// Compacted is Store.Compacted.
func (v View) Compacted() uint64 { return v.s.compacted }

// KeyspaceAt is what the database was bound to at the end of main, which must not be below Compacted.
func (v View) KeyspaceAt(db uint32, main uint64) Keyspace { return v.s.keyspace(db, main) }

// Rebound is how often the database was bound to another keyspace after main. Below Compacted it may be less,
// but is 0 only if it never happened.
func (v View) Rebound(db uint32, main uint64) int {
	list := v.s.bound[db]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].from.Main <= main {
			return len(list) - 1 - i
		}
	}
	return len(list)
}

// Last is the revision of the newest change of a key, be it a tombstone, and of the change before; false if
// nothing is known of the key. before is zero if there was none or compaction has passed last.
func (v View) Last(ks Keyspace, key []byte) (last, before Revision, ok bool) {
	if v.space(ks) == nil {
		return Revision{}, Revision{}, false
	}
	_, c := v.s.find(ks, key)
	if c == nil {
		return Revision{}, Revision{}, false
	}
	if c.past != 0 && c.modMain > v.s.compacted {
		before = v.s.past(c.past).from()
	}
	return c.mod(), before, true
}

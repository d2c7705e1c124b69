package sm

import "github.com/redoubt-db/redoubt/mvcc"

// prefetcher is what execution keeps to look ahead with.
type prefetcher struct {
	mvcc.Prefetcher
	keys [mvcc.PrefetchMax][]byte
}

// prefetch looks ahead at the next requests, as many as mvcc takes at once, and has their first keys brought near.
// It stops at a MULTI and at another database, and a key that is the one before is near already. Whatever it makes of
// damaged bytes is for request to find.
func (x *execution) prefetch(left int) {
	p, d := &x.ahead, x.d
	n, database := 0, uint32(0)
	for range min(left, len(p.keys)) {
		if d.bad || d.byte() != requestCommand {
			break
		}
		db, key := d.firstKey()
		if d.bad || key == nil || n > 0 && db != database {
			break
		}
		if n == 0 || string(key) != string(p.keys[n-1]) {
			database, p.keys[n] = db, key
			n++
		}
	}
	if n > 1 {
		view := x.space.Store.View()
		view.PrefetchWrites(&p.Prefetcher, view.Keyspace(database), p.keys[:n])
	}
	clear(p.keys[:n])
}

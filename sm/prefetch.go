package sm

import "github.com/redoubt-db/redoubt/mvcc"

// prefetcher is what execution keeps to look ahead with.
type prefetcher struct {
	mvcc.Prefetcher
	args [][]byte
	keys [mvcc.PrefetchMax][]byte
}

// prefetch looks ahead at the next requests, as many as mvcc takes at once, and has their first keys brought near.
// It stops at a MULTI and at another database. Whatever it makes of damaged bytes is for request to find.
func (x *execution) prefetch(left int) {
	p, d := &x.ahead, x.d
	n, database := 0, uint32(0)
	for ; n < min(left, len(p.keys)) && !d.bad && d.byte() == requestCommand; n++ {
		db, args := d.command(p.args[:0])
		if p.args = args; d.bad || len(args) < 2 || n > 0 && db != database {
			break
		}
		database, p.keys[n] = db, args[1]
	}
	if n > 1 {
		view := x.space.Store.View()
		view.PrefetchWrites(&p.Prefetcher, view.Keyspace(database), p.keys[:n])
	}
	clear(p.keys[:])
	if clear(p.args); cap(p.args) > argsKeepMax {
		p.args = nil
	}
}

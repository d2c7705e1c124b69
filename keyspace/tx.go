package keyspace

import (
	"github.com/redoubt-db/redoubt/mvcc"
)

// Tx is one request: a command, or all commands of a MULTI. It runs in apply, alone, and is the only
// writer. Time and chance come from the log entry. Bytes it hands out alias the store and are good until
// the next write of the same key.
type Tx struct {
	space      *Space
	mv         *mvcc.Tx
	batch      *mvcc.Batch
	now        int64
	counted    int64 // from when time to live is counted; see CountFrom
	rng        rng
	views      rng // seeds of views: they shape replies alone
	db         uint32
	ks         mvcc.Keyspace
	overdue    bool     // some key may be past its deadline, so that even a blind Put has to look
	tracked    int      // how many of the changes the deadlines and attachments of Space have followed
	configured bool     // Configure was called: the row of directives goes with the commit
	undo       []func() // what to take back in Leases on Rollback, in order of doing
	newsBefore int      // messages of requests before this one
	told       Class    // which events anybody wants to be told of
	used       mvcc.Ref // the key whose use was noted last
	lookups    Lookups  // of reads
}

// Mark is a place in a Tx to roll back to.
type Mark struct {
	mv      mvcc.Mark
	changes int
	undo    int
	news    int
}

// Begin starts the next request of a batch. now is log time in milliseconds; seed is the
// request's own. The Tx is reused: it ends with Commit or Abort. Needs the store's lock.
func (s *Space) Begin(b *mvcc.Batch, now int64, seed uint64) *Tx {
	tx := &s.tx
	*tx = Tx{space: s, mv: b.Tx(), batch: b, now: now, counted: now, rng: rng{seed}, views: rng{^seed}, undo: tx.undo[:0], newsBefore: len(s.news.list)}
	tx.overdue = s.due.reached(now) || s.fields.reached(now)
	if s.hearing {
		tx.told = s.classes
	}
	tx.Select(0)
	return tx
}

// Select makes db the database of the calls that follow.
func (tx *Tx) Select(db uint32) {
	tx.db, tx.ks = db, tx.mv.Keyspace(db)
}

// Database is the number selected.
func (tx *Tx) Database() uint32 { return tx.db }

// Now is the request's log time in milliseconds since the Unix epoch.
func (tx *Tx) Now() int64 { return tx.now }

// CountFrom says what time the request's proposer had. Log time is behind it when the group could not work for longer than
// one batch may move it, and will jump there; time to live is counted from there already, or else it would be over early.
func (tx *Tx) CountFrom(proposed int64) { tx.counted = max(tx.now, proposed) }

// Counted is the time from which time to live is counted: Now, or later.
func (tx *Tx) Counted() int64 { return tx.counted }

// Rand is the next of a sequence of numbers that is the same on every replica.
func (tx *Tx) Rand() uint64 { return tx.rng.next() }

// Lookup finds a live key. A key past its deadline is ended first: that is a change of this request.
func (tx *Tx) Lookup(key []byte) (mvcc.Item, bool) { return tx.lookup(tx.ks, key) }

func (tx *Tx) lookup(ks mvcc.Keyspace, key []byte) (it mvcc.Item, ok bool) {
	if !tx.find(&it, ks, key) {
		return mvcc.Item{}, false
	}
	return it, true
}

// find is lookup of an item that need not be copied; it means nothing if there is none.
func (tx *Tx) find(it *mvcc.Item, ks mvcc.Keyspace, key []byte) bool {
	if !tx.mv.LookupInto(it, ks, key) {
		return false
	}
	if tx.space.ended(it.Attr, tx.now) {
		tx.end(ks, key)
		return false
	}
	if tx.overdue && tx.hollow(*it) {
		tx.endHollow(ks, key)
		return false
	}
	return true
}

// end makes the tombstone of a key past its deadline.
func (tx *Tx) end(ks mvcc.Keyspace, key []byte) {
	tx.space.Expired++
	tx.mv.Delete(ks, key)
	tx.notifyOf(ks, ClassExpired, "expired", key)
}

// Value is the item's value, read from disk if it went cold.
func (tx *Tx) Value(it mvcc.Item) []byte {
	if !it.Cold {
		return it.Value
	}
	b, err := tx.mv.Load(it)
	if err != nil {
		panic(&DiskError{err})
	}
	return b
}

// DiskError is the panic of a Tx whose disk cannot be read: this replica must stop, since it cannot
// do what the others do.
type DiskError struct{ Err error }

func (e *DiskError) Error() string { return "keyspace: read value: " + e.Err.Error() }

// Put gives key a value and attributes, creating or replacing it whatever its type. A key past its deadline is
// ended first.
func (tx *Tx) Put(key []byte, a mvcc.Attr, value []byte) { tx.put(tx.ks, key, a, value) }

func (tx *Tx) put(ks mvcc.Keyspace, key []byte, a mvcc.Attr, value []byte) {
	if tx.overdue {
		tx.lookup(ks, key)
	}
	tx.overdue = tx.overdue || a.Deadline != 0 && a.Deadline <= tx.now
	tx.mv.Put(ks, key, a, value)
	if tx.told&ClassNew != 0 {
		if changes := tx.mv.Changes(); !changes[len(changes)-1].Existed {
			tx.notifyOf(ks, ClassNew, "new", key)
		}
	}
}

// SetAttr changes what key carries beside its value; the key must be live.
func (tx *Tx) SetAttr(key []byte, a mvcc.Attr) { tx.mv.SetAttr(tx.ks, key, a) }

// Delete ends key's generation; false if it was not live or already past its deadline.
func (tx *Tx) Delete(key []byte) bool {
	if _, ok := tx.Lookup(key); !ok {
		return false
	}
	return tx.mv.Delete(tx.ks, key)
}

// Mark notes the present state of the request.
func (tx *Tx) Mark() Mark {
	return Mark{tx.mv.Mark(), len(tx.mv.Changes()), len(tx.undo), len(tx.space.news.list)}
}

// Rollback takes back all changes since m, and what was said of them. The database selected stays selected.
func (tx *Tx) Rollback(m Mark) {
	changes := tx.mv.Changes()
	for ; tx.tracked > m.changes; tx.tracked-- {
		tx.space.untrack(&changes[tx.tracked-1])
	}
	for i := len(tx.undo) - 1; i >= m.undo; i-- {
		tx.undo[i]()
		tx.undo[i] = nil
	}
	tx.undo = tx.undo[:m.undo]
	tx.space.news.takeBack(m.news)
	tx.mv.Rollback(m.mv)
	for i := range changes[m.changes:] {
		tx.space.followFields(&changes[m.changes+i])
	}
	tx.Select(tx.db)
}

// track brings the deadlines and attachments of Space up to the changes made so far.
func (tx *Tx) track() {
	changes := tx.mv.Changes()
	for ; tx.tracked < len(changes); tx.tracked++ {
		tx.space.track(&changes[tx.tracked])
		tx.noteChange(&changes[tx.tracked])
	}
}

// View reads inside the request: it sees the changes made so far. Its chance is not Rand's, so that a replica
// that skips a read whose reply nobody waits for goes on like the others.
func (tx *Tx) View() View {
	tx.track()
	return View{space: tx.space, mv: tx.mv.View(), now: tx.now, estimate: tx.now, db: tx.db, ks: tx.ks, mayLoad: true, Seed: tx.views.next()}
}

// Changes are the changes made so far, good until Commit or Abort.
func (tx *Tx) Changes() []mvcc.Change { return tx.mv.Changes() }

// Commit makes the request's changes one main revision and moves deadlines along. A request that
// changed nothing takes none.
func (tx *Tx) Commit() (main uint64, changed bool) {
	tx.track()
	for i := range tx.mv.Changes() {
		if tx.mv.Changes()[i].Kind == mvcc.ChangeBind {
			tx.space.dropUnbound()
			break
		}
	}
	if tx.configured {
		tx.batch.SetMeta(configRow, appendConfig(nil, tx.space.Config()))
	}
	clear(tx.undo)
	return tx.mv.Commit()
}

// Abort takes everything back.
func (tx *Tx) Abort() {
	tx.Rollback(Mark{news: tx.newsBefore})
	tx.space.news.cut(tx.newsBefore)
	tx.mv.Abort()
}

// rng is splitmix64: small, and the same everywhere.
type rng struct{ state uint64 }

func (r *rng) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

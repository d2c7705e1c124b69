package mvcc

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

type place struct {
	ks  Keyspace
	key string
}

type stubRecord struct {
	Item
	ks   Keyspace
	live bool
	clk  uint32
}

// Store is the versioned store. One goroutine applies (Begin to Commit); any number read.
type Store struct {
	mu      sync.RWMutex
	applied uint64
	rev     uint64
	compact uint64
	nextKs  Keyspace
	dbs     map[uint32]Keyspace
	keys    map[place]*stubRecord
	refs    []*stubRecord
	meta    map[string][]byte
	leases  map[uint64][]byte
	batch   Batch
}

func Open(o Options) (*Store, error) {
	s := &Store{dbs: map[uint32]Keyspace{}, keys: map[place]*stubRecord{}, refs: []*stubRecord{nil}, meta: map[string][]byte{}, leases: map[uint64][]byte{}}
	s.batch.s = s
	s.batch.tx.s = s
	return s, nil
}

func (s *Store) Close() error            { return nil }
func (s *Store) Applied() uint64         { return s.applied }
func (s *Store) Revision() uint64        { return s.rev }
func (s *Store) Compacted() uint64       { return s.compact }
func (s *Store) ChainHash() uint64       { return 0 }
func (s *Store) Meta(name string) []byte { return bytes.Clone(s.meta[name]) }
func (s *Store) Leases(fn func(id uint64, row []byte) bool) {
	var ids []uint64
	for id := range s.leases {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if !fn(id, s.leases[id]) {
			return
		}
	}
}
func (s *Store) Lock()    { s.mu.Lock() }
func (s *Store) Unlock()  { s.mu.Unlock() }
func (s *Store) RLock()   { s.mu.RLock() }
func (s *Store) RUnlock() { s.mu.RUnlock() }

// Batch is the changes of one committed Raft batch.
type Batch struct {
	s  *Store
	tx Tx
}

func (s *Store) Begin() *Batch { return &s.batch }
func (b *Batch) Tx() *Tx {
	b.tx.changes, b.tx.undo = b.tx.changes[:0], b.tx.undo[:0]
	return &b.tx
}
func (b *Batch) SetMeta(name string, value []byte) { b.s.meta[name] = bytes.Clone(value) }
func (b *Batch) Commit(applied uint64) error       { b.s.applied = applied; return nil }

// Tx is one request's changes.
type Tx struct {
	s       *Store
	changes []Change
	undo    []func()
	compact uint64
}

// Mark is a place in a transaction that Rollback goes back to.
type Mark struct{ changes, undo int }

func (tx *Tx) Revision() Revision { return Revision{tx.s.rev + 1, uint32(len(tx.changes))} }
func (tx *Tx) Keyspace(db uint32) Keyspace {
	if id, ok := tx.s.dbs[db]; ok {
		return id
	}
	tx.s.nextKs++
	tx.s.dbs[db] = tx.s.nextKs
	return tx.s.nextKs
}
func (tx *Tx) Lookup(ks Keyspace, key []byte) (Item, bool) { return tx.s.View().Lookup(ks, key) }
func (tx *Tx) ByRef(ref Ref) (Keyspace, Item, bool) {
	if int(ref) >= len(tx.s.refs) || ref == 0 || !tx.s.refs[ref].live {
		return 0, Item{}, false
	}
	r := tx.s.refs[ref]
	return r.ks, r.Item, true
}
func (tx *Tx) Load(it Item) ([]byte, error) { return it.Value, nil }

func (tx *Tx) change(r *stubRecord, kind ChangeKind, existed bool, old, a Attr) {
	tx.changes = append(tx.changes, Change{Kind: kind, Rev: tx.Revision(), Keyspace: r.ks, Ref: r.Ref, Key: r.Key, Existed: existed, Old: old, New: a})
}

func (tx *Tx) Put(ks Keyspace, key []byte, a Attr, value []byte) Item {
	p := place{ks, string(key)}
	r := tx.s.keys[p]
	if r == nil {
		r = &stubRecord{ks: ks}
		r.Key, r.Ref = bytes.Clone(key), Ref(len(tx.s.refs))
		tx.s.refs, tx.s.keys[p] = append(tx.s.refs, r), r
	}
	was := *r
	tx.undo = append(tx.undo, func() { *r = was })
	existed, old, rev := r.live, r.Attr, tx.Revision()
	if !r.live {
		r.Create, r.Version = rev, 0
	}
	r.live, r.Attr, r.Mod, r.Value, r.Len = true, a, rev, append([]byte{}, value...), len(value)
	r.Version++
	tx.change(r, ChangePut, existed, old, a)
	return r.Item
}
func (tx *Tx) SetAttr(ks Keyspace, key []byte, a Attr) Item {
	it, ok := tx.Lookup(ks, key)
	if !ok {
		panic("mvcc: SetAttr of a key that is not live")
	}
	return tx.Put(ks, key, a, it.Value)
}
func (tx *Tx) Delete(ks Keyspace, key []byte) bool {
	r := tx.s.keys[place{ks, string(key)}]
	if r == nil || !r.live {
		return false
	}
	was := *r
	tx.undo = append(tx.undo, func() { *r = was })
	rev := tx.Revision()
	tx.change(r, ChangeDelete, true, r.Attr, Attr{})
	r.live, r.Mod = false, rev
	return true
}
func (tx *Tx) Move(from Keyspace, key []byte, to Keyspace, dest []byte, a Attr) {
	it, ok := tx.Lookup(from, key)
	if !ok {
		panic("mvcc: Move of a key that is not live")
	}
	v := bytes.Clone(it.Value)
	tx.Put(to, dest, a, v)
	tx.Delete(from, key)
}
func (tx *Tx) bind(db uint32, ks Keyspace) {
	old := tx.s.dbs[db]
	tx.undo = append(tx.undo, func() { tx.s.dbs[db] = old })
	tx.s.dbs[db] = ks
	tx.changes = append(tx.changes, Change{Kind: ChangeBind, Rev: tx.Revision(), Keyspace: ks, Database: db})
}
func (tx *Tx) Flush(db uint32) {
	if tx.View().Len(tx.Keyspace(db)) == 0 {
		return
	}
	tx.s.nextKs++
	tx.bind(db, tx.s.nextKs)
}
func (tx *Tx) Swap(a, b uint32) {
	x, y := tx.Keyspace(a), tx.Keyspace(b)
	if a != b {
		tx.bind(a, y)
		tx.bind(b, x)
	}
}
func (tx *Tx) PutLease(id uint64, row []byte) {
	old, ok := tx.s.leases[id]
	tx.undo = append(tx.undo, func() {
		if ok {
			tx.s.leases[id] = old
		} else {
			delete(tx.s.leases, id)
		}
	})
	tx.s.leases[id] = bytes.Clone(row)
}
func (tx *Tx) DeleteLease(id uint64) {
	old, ok := tx.s.leases[id]
	if !ok {
		return
	}
	tx.undo = append(tx.undo, func() { tx.s.leases[id] = old })
	delete(tx.s.leases, id)
}
func (tx *Tx) Mark() Mark { return Mark{len(tx.changes), len(tx.undo)} }
func (tx *Tx) Rollback(m Mark) {
	for i := len(tx.undo) - 1; i >= m.undo; i-- {
		tx.undo[i]()
	}
	tx.changes, tx.undo = tx.changes[:m.changes], tx.undo[:m.undo]
}
func (tx *Tx) Changes() []Change { return tx.changes }
func (tx *Tx) Commit() (main uint64, changed bool) {
	if len(tx.changes) == 0 {
		return tx.s.rev, false
	}
	tx.s.rev++
	return tx.s.rev, true
}
func (tx *Tx) Abort()     { tx.Rollback(Mark{}) }
func (tx *Tx) View() View { return View{tx.s} }
func (tx *Tx) Compact(rev uint64) error {
	if rev <= tx.s.compact {
		return ErrCompacted
	}
	if rev > tx.s.rev {
		return ErrFuture
	}
	tx.s.compact = rev
	return nil
}
func (tx *Tx) CompactStep(max int) (done int) { return 0 }

func (s *Store) Garbage() int          { return 0 }
func (s *Store) History() HistoryStats { return HistoryStats{Oldest: s.compact} }

// RevisionBefore is the oldest main revision such that at most keep superseded versions would stay
// if history were compacted to it.
func (s *Store) RevisionBefore(keep int) uint64 { return s.compact }

// View is the store as of one revision.
type View struct{ s *Store }

func (s *Store) View() View { return View{s} }
func (s *Store) At(main uint64) (View, error) {
	if main < s.compact {
		return View{}, ErrCompacted
	}
	if main > s.rev {
		return View{}, ErrFuture
	}
	return View{s}, nil
}
func (v View) Revision() uint64            { return v.s.rev }
func (v View) Keyspace(db uint32) Keyspace { return v.s.dbs[db] }
func (v View) Databases() (out []DatabaseBinding) {
	for db, ks := range v.s.dbs {
		out = append(out, DatabaseBinding{db, ks})
	}
	slices.SortFunc(out, func(a, b DatabaseBinding) int { return int(a.Database) - int(b.Database) })
	return out
}
func (v View) Lookup(ks Keyspace, key []byte) (Item, bool) {
	r := v.s.keys[place{ks, string(key)}]
	if r == nil || !r.live {
		return Item{}, false
	}
	return r.Item, true
}
func (v View) Load(it Item) ([]byte, error) { return it.Value, nil }
func (v View) sorted(ks Keyspace, cmp func(a, b *stubRecord) int) (out []*stubRecord) {
	for _, r := range v.s.keys {
		if r.ks == ks && r.live {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, cmp)
	return out
}
func byKey(a, b *stubRecord) int  { return bytes.Compare(a.Key, b.Key) }
func hashOf(r *stubRecord) uint64 { return xxhash.Sum64(r.Key)>>1 | 1 }

func (v View) Len(ks Keyspace) int {
	n := 0
	for _, r := range v.s.keys {
		if r.ks == ks && r.live {
			n++
		}
	}
	return n
}
func (v View) Ascend(ks Keyspace, from []byte, fn func(Item) bool) {
	for _, r := range v.sorted(ks, byKey) {
		if bytes.Compare(r.Key, from) >= 0 && !fn(r.Item) {
			return
		}
	}
}
func (v View) Scan(ks Keyspace, cursor uint64, count int, fn func(Item)) (next uint64) {
	all := v.sorted(ks, func(a, b *stubRecord) int {
		if hashOf(a) < hashOf(b) {
			return -1
		} else if hashOf(a) > hashOf(b) {
			return 1
		}
		return strings.Compare(string(a.Key), string(b.Key))
	})
	for _, r := range all {
		if hashOf(r) < cursor {
			continue
		}
		if count <= 0 && hashOf(r) != next {
			return hashOf(r)
		}
		next = hashOf(r)
		fn(r.Item)
		count--
	}
	return 0
}
func (v View) Random(ks Keyspace, seed uint64) (Item, bool) {
	all := v.sorted(ks, byKey)
	if len(all) == 0 {
		return Item{}, false
	}
	return all[seed%uint64(len(all))].Item, true
}
func (v View) History(ks Keyspace, key []byte, from, to uint64, newestFirst bool, fn func(Version) bool) {
	if r := v.s.keys[place{ks, string(key)}]; r != nil && r.Mod.Main >= from && r.Mod.Main <= to {
		fn(Version{r.Item, !r.live})
	}
}

func (s *Store) Access(ref Ref, clock uint32) { s.refs[ref].clk = clock }
func (s *Store) Accessed(ref Ref) uint32      { return s.refs[ref].clk }
func (s *Store) MemoryUsed() MemoryStats      { return MemoryStats{} }

// Cool drops values from memory.
func (s *Store) Cool(target int64, steps int) (freed int64) { return 0 }

// Warm puts a value read from disk back into memory.
func (s *Store) Warm(ref Ref, mod Revision, value []byte) bool { return false }

func (s *Store) Flush() error { return nil }
func (s *Store) FlushAsync() (<-chan struct{}, error) {
	c := make(chan struct{})
	close(c)
	return c, nil
}

// Snapshot is the store's content at one moment.
type Snapshot struct{}

var errStub = errors.New("mvcc: no snapshots")

func (s *Store) Snapshot() (*Snapshot, error)                                { return nil, errStub }
func (sn *Snapshot) WriteTo(w io.Writer, stop <-chan struct{}) error         { return errStub }
func (sn *Snapshot) Close()                                                  {}
func Restore(dir string, fs vfs.FS, r io.Reader, stop <-chan struct{}) error { return errStub }

// Hasher computes the content hash of a view in bounded steps.
type Hasher struct{ sum uint64 }

func (s *Store) Hasher(main uint64) (*Hasher, error) { return &Hasher{}, nil }

// Step visits at most n keys and reports whether all were. It needs RLock.
func (h *Hasher) Step(n int) (done bool, err error) { return true, nil }
func (h *Hasher) Sum() uint64                       { return h.sum }

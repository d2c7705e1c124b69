package mvcc

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
)

// View is the store as of the end of one revision, or as it is now. It is a small value without resources.
// Methods need the store's RLock (or the Tx), Load excepted.
//
// A view of the past whose revision is compacted while it is in use shows nothing any more: who reads in
// chunks asks Err after each.
type View struct {
	s    *Store
	main uint64 // latest: whatever is now
}

const latest = math.MaxUint64

// View is the store as it is now, changes of transactions that are committed but not published included.
func (s *Store) View() View { return View{s, latest} }

// At is the store as of the end of revision main: ErrCompacted below the compacted revision, ErrFuture above
// Revision. It needs RLock.
func (s *Store) At(main uint64) (View, error) {
	if main < s.compacted {
		return View{}, ErrCompacted
	}
	if main > s.Revision() {
		return View{}, ErrFuture
	}
	return View{s, main}, nil
}

// Err is ErrCompacted when the view's revision is compacted by now.
func (v View) Err() error {
	if v.main < v.s.compacted {
		return ErrCompacted
	}
	return nil
}

// Revision is the main revision that the view shows. For one of now it may be ahead of Store.Revision by the
// batch that is being committed.
func (v View) Revision() uint64 { return min(v.main, v.s.current) }

// Keyspace is what the database is bound to.
func (v View) Keyspace(db uint32) Keyspace { return v.s.keyspace(db, v.main) }

// Databases are the databases that may have keys, by number. A database without any may be among them.
func (v View) Databases() []DatabaseBinding {
	var out []DatabaseBinding
	for db := range v.s.bound {
		out = append(out, DatabaseBinding{db, v.Keyspace(db)})
	}
	for ks := range v.s.spaces {
		if db := uint32(ks - 1); ks < madeFirst && len(v.s.bound[db]) == 0 {
			out = append(out, DatabaseBinding{db, ks})
		}
	}
	slices.SortFunc(out, func(a, b DatabaseBinding) int { return int(int64(a.Database) - int64(b.Database)) })
	return out
}

// space is the keyspace's keys, nil when there are none or the view may not look at them any more.
func (v View) space(ks Keyspace) *space {
	sp := v.s.spaces[ks]
	if sp == nil || v.main < v.s.compacted || !sp.drop.IsZero() && sp.drop.Main < v.s.compacted {
		return nil
	}
	return sp
}

// Lookup is the key's live version; a deadline in the past is the caller's to notice.
func (v View) Lookup(ks Keyspace, key []byte) (Item, bool) {
	sp := v.space(ks)
	if sp == nil {
		return Item{}, false
	}
	ref := sp.table.find(&v.s.heap, v.s.hash.name(key), key)
	if ref == 0 {
		return Item{}, false
	}
	return v.see(ref)
}

// see is what the view sees of a cell.
func (v View) see(ref uint32) (Item, bool) {
	c := v.s.cell(ref)
	if c.modMain <= v.main {
		if !c.live() {
			return Item{}, false
		}
		return v.itemNow(ref, c), true
	}
	p := v.visiblePast(c)
	if p == nil {
		return Item{}, false
	}
	return v.itemThen(c, p), true
}

// visible tells whether the view sees a live version of the cell; it reads no disk.
func (v View) visible(ref uint32) bool {
	c := v.s.cell(ref)
	if c.modMain <= v.main {
		return c.live()
	}
	return v.visiblePast(c) != nil
}

func (v View) visiblePast(c *cell) *past {
	ref := v.s.at(c, v.main)
	if ref == 0 {
		return nil
	}
	if p := v.s.past(ref); p.flags&pastAbsent == 0 {
		return p
	}
	return nil
}

// itemNow is the item of the cell's own version, whose elements may have changed since the view.
func (v View) itemNow(ref uint32, c *cell) Item {
	it := v.s.item(ref, c)
	if it.coll != 0 && v.s.collection(it.coll).modMain > v.main {
		it.Mod, it.Version = c.mod(), c.version
		it = v.asOf(it, it.coll)
	}
	return it
}

// itemThen is the item of a superseded version.
func (v View) itemThen(c *cell, p *past) Item {
	it := v.s.pastItem(c, p.from())
	if p.flags&pastHolds != 0 {
		it = v.asOf(it, p.handle())
	}
	return it
}

// pastItem reads a superseded version's record. It is in Pebble, since no view reaches it otherwise.
func (s *Store) pastItem(c *cell, rev Revision) Item {
	r, err := s.readRecord(rev)
	if err == nil && (r.kind != kindPut || !bytes.Equal(r.key, s.key(c))) {
		err = errors.New("it is of another key")
	}
	if err != nil {
		panic(fmt.Sprintf("mvcc: record %v of key %q: %v", rev, s.key(c), err))
	}
	it := Item{
		Attr: r.attr, Key: s.key(c), Create: r.create, Mod: rev, Version: r.version,
		Len: r.length, Value: r.value, Cold: r.length > inlineMax, row: r.row,
	}
	return it
}

// Load is the item's value. When cold it is read from disk, which needs no lock, and is the caller's; else
// it aliases the store. ErrCompacted says that the row is gone: the key was changed meanwhile and compaction
// passed the change, so look again.
func (v View) Load(it Item) ([]byte, error) { return v.s.load(it) }

// Len is the number of live keys: kept for the current view, counted for one of the past.
func (v View) Len(ks Keyspace) int {
	sp := v.space(ks)
	switch {
	case sp == nil:
		return 0
	case v.main >= v.s.current:
		return sp.live
	}
	n := 0
	sp.tree.ascend(nil, func(ref uint32) bool {
		if v.visible(ref) {
			n++
		}
		return true
	})
	return n
}

// Ascend calls fn with every live key from the given one on, in the order of keys, until it returns false.
// fn must not change the store.
func (v View) Ascend(ks Keyspace, from []byte, fn func(Item) bool) {
	sp := v.space(ks)
	if sp == nil {
		return
	}
	sp.tree.ascend(from, func(ref uint32) bool {
		it, ok := v.see(ref)
		return !ok || fn(it)
	})
}

// scanDeadMax bounds what Scan skips for each item asked for: tombstones, and keys the view does not see.
const scanDeadMax = 10

// Scan calls fn with about count live keys from the cursor on, 0 at first, and returns the cursor to go on
// with, 0 at the end. The cursor is a place in the order of names' hashes, so nothing is kept between calls: a
// key that is there throughout is shown exactly once, whatever else changes; keys of equal hashes come together.
func (v View) Scan(ks Keyspace, cursor uint64, count int, fn func(Item)) (next uint64) {
	sp := v.space(ks)
	if sp == nil {
		return 0
	}
	shown, seen, last := 0, 0, uint64(0)
	sp.table.ascend(cursor, func(hash uint64, ref uint32) bool {
		if seen > 0 && hash != last && (shown >= count || seen >= count*scanDeadMax) {
			next = hash
			return false
		}
		seen, last = seen+1, hash
		if it, ok := v.see(ref); ok {
			shown++
			fn(it)
		}
		return true
	})
	return next
}

// randomTries bounds how often Random meets a tombstone before it takes the next live key instead.
const randomTries = 32

// Random is a live key, each about as likely as any other, chosen by seed; false when there is none. The choice
// depends on how the table grew on this replica, so it is for reads: no change may follow from it.
func (v View) Random(ks Keyspace, seed uint64) (it Item, ok bool) {
	sp := v.space(ks)
	if sp == nil {
		return Item{}, false
	}
	for range randomTries {
		ref := sp.table.pick(seed)
		if ref == 0 {
			return Item{}, false
		}
		if it, ok = v.see(ref); ok {
			return it, true
		}
		seed = splitMix(seed)
	}
	if v.main >= v.s.current && sp.live == 0 {
		return Item{}, false
	}
	live := func(_ uint64, ref uint32) bool {
		it, ok = v.see(ref)
		return !ok
	}
	if sp.table.ascend(seed>>(64-hashBits), live); !ok {
		sp.table.ascend(0, live)
	}
	return it, ok
}

// History calls fn with the versions of a key whose Mod.Main is from..to, tombstones included, until it returns
// false; none that only compacted views could see, none above Revision, and none above the view.
func (v View) History(ks Keyspace, key []byte, from, to uint64, newestFirst bool, fn func(Version) bool) {
	sp := v.space(ks)
	if sp == nil {
		return
	}
	ref := sp.table.find(&v.s.heap, v.s.hash.name(key), key)
	if ref == 0 {
		return
	}
	c := v.s.cell(ref)
	to = min(to, v.main, v.s.Revision())
	now := c.modMain >= from && c.modMain <= to
	if newestFirst {
		if !now || fn(v.s.versionNow(ref, c)) {
			v.s.eachPast(c, from, to, func(p uint32) bool { return fn(v.s.versionThen(c, v.s.past(p))) })
		}
		return
	}
	for list, high := v.s.oldestPasts(c, from, to); ; list, high = v.s.oldestPasts(c, from, to) {
		for _, p := range slices.Backward(list) {
			if !fn(v.s.versionThen(c, v.s.past(p))) {
				return
			}
		}
		if high >= to {
			break
		}
		from = high + 1
	}
	if now {
		fn(v.s.versionNow(ref, c))
	}
}

// eachPast calls fn with the pasts that begin at from..to, newest first, until it returns false.
func (s *Store) eachPast(c *cell, from, to uint64, fn func(ref uint32) bool) {
	for ref := s.pastOf(c, to); ref != 0; {
		p := s.past(ref)
		if p.fromMain < from || p.fromMain <= to && !fn(ref) || p.fromMain <= s.compacted {
			return // what is behind the compacted revision may be gone
		}
		ref = p.next
	}
}

// oldestPasts are pasts that begin at from..high, newest first. The list leads from new to old and who shows a million versions in
// pages shall not go through all of them for each, so high is at most to, and such that they are not many.
func (s *Store) oldestPasts(c *cell, from, to uint64) (list []uint32, high uint64) {
	for high = to; ; list = list[:0] {
		half := max(from+(high-min(from, high))/2, min(s.compacted, to))
		s.eachPast(c, from, high, func(ref uint32) bool {
			list = append(list, ref)
			return len(list) <= windowMax || half >= high
		})
		if len(list) <= windowMax || half >= high {
			return list, high
		}
		high = half
	}
}

// windowMax is how many versions are gone through at once, more only of one revision.
const windowMax = 512

// HadElements tells whether a version of a key, at or below a main revision, is a collection. It looks at no more than max of them; not
// having found one, it returns the revision to go on from, 0 when there is none left.
func (v View) HadElements(ks Keyspace, key []byte, from uint64, max int) (had bool, next uint64) {
	sp := v.space(ks)
	if sp == nil {
		return false, 0
	}
	ref := sp.table.find(&v.s.heap, v.s.hash.name(key), key)
	if ref == 0 {
		return false, 0
	}
	c := v.s.cell(ref)
	from = min(from, v.main)
	if c.modMain <= from && c.collection() {
		return true, 0
	}
	v.s.eachPast(c, 0, from, func(ref uint32) bool {
		p := v.s.past(ref)
		had = p.flags&pastHolds != 0
		max--
		if max <= 0 && p.fromMain < from { // all of one revision are looked at together
			next = p.fromMain
		}
		return !had && next == 0
	})
	return had, next
}

// pastOf is where the versions of at most main begin: the newest past with from.Main <= main, or a newer one.
func (s *Store) pastOf(c *cell, main uint64) uint32 {
	if c.modMain <= main || main < s.compacted {
		return c.past
	}
	return s.at(c, main)
}

func (s *Store) versionNow(ref uint32, c *cell) Version {
	if c.live() {
		it := s.item(ref, c)
		it.Mod, it.Version = c.mod(), c.version // of the key itself: elements have a history of their own
		return Version{Item: it}
	}
	return Version{Item{Key: s.key(c), Mod: c.mod()}, true}
}

func (s *Store) versionThen(c *cell, p *past) Version {
	if p.flags&pastAbsent != 0 {
		return Version{Item{Key: s.key(c), Mod: p.from()}, true}
	}
	it := s.pastItem(c, p.from())
	if p.flags&pastHolds != 0 {
		it.coll = p.handle()
	}
	return Version{Item: it}
}

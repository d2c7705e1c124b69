package keyspace

import (
	"cmp"
	"math"
	"slices"

	"github.com/redoubt-db/redoubt/mvcc"
)

// When memory is short, the node that proposes chooses which keys go, by what it knows of their uses, and the entry
// names them with the revisions it saw: every replica evicts the same, and a key changed meanwhile stays.
//
// The choice is Redis': a few keys are sampled in each database, the worst seen so far wait in a pool, and the worst
// of these goes. (A list in order of use would be exact, and would cost each read a write to shared memory.) Only
// volatile-ttl is exact, since deadlines stand in order anyway.

// Limits of choosing.
const (
	poolMax       = 16  // candidates kept from one choice to the next
	pickTries     = 8   // fruitless rounds of samples before keys are looked through in order
	volatileTries = 256 // keys sampled to find one with a deadline, where few have one
	volatileFew   = 1024
)

// EvictOptions say which keys are to go and how many.
type EvictOptions struct {
	Policy  Policy
	Samples int    // of each database for a key to go
	Now     int64  // this node's estimate of log time
	Seed    uint64 // chance
	Bytes   int64  // to be freed
	Max     int    // keys
}

// Victim is a key chosen to go.
type Victim struct {
	DB    uint32
	Key   []byte // a copy
	Ref   mvcc.Ref
	Mod   uint64 // the revision seen
	Bytes int64  // what it takes
}

// Evictor chooses keys. It belongs to one node, and to one goroutine at a time.
type Evictor struct {
	pool   []candidate         // the worst last
	chosen map[mvcc.Ref]uint64 // victims on their way, with the revisions seen
	next   int                 // the database that the random policies take from next
}

type candidate struct {
	score int64
	db    uint32
	ref   mvcc.Ref
	mod   uint64
}

// choice is one call of Choose.
type choice struct {
	*Evictor
	space   *Space
	o       EvictOptions
	decay   int64
	chance  rng
	view    mvcc.View
	dbs     []mvcc.DatabaseBinding
	victims []Victim
	bytes   int64
}

// Choose picks keys that free the bytes asked for, fewer if there are not enough. They are not picked again until
// Settled says what became of them. It needs the store's read lock.
func (e *Evictor) Choose(s *Space, o EvictOptions) []Victim {
	c := choice{Evictor: e, space: s, o: o, decay: s.Uses.load().DecayMinutes, chance: rng{o.Seed}, view: s.Store.View()}
	for _, b := range c.view.Databases() {
		if c.count(b.Keyspace) > 0 {
			c.dbs = append(c.dbs, b)
		}
	}
	if e.chosen == nil {
		e.chosen = map[mvcc.Ref]uint64{}
	}
	if len(c.dbs) == 0 {
		return nil
	}
	switch o.Policy {
	case VolatileTTL:
		c.soonest()
	case AllKeysRandom, VolatileRandom:
		c.random()
	case AllKeysLRU, AllKeysLFU, VolatileLRU, VolatileLFU:
		c.worst()
	}
	return c.victims
}

// Settled forgets victims whose request has been applied, or never will be.
func (e *Evictor) Settled(victims []Victim) {
	for _, v := range victims {
		delete(e.chosen, v.Ref)
	}
}

// Evictable tells whether there is any key that the policy lets go. It needs the store's read lock.
func (s *Space) Evictable(p Policy) bool {
	if p == NoEviction {
		return false
	}
	if p.Volatile() {
		return s.Volatile() > 0
	}
	v := s.Store.View()
	return slices.ContainsFunc(v.Databases(), func(b mvcc.DatabaseBinding) bool { return v.Len(b.Keyspace) > 0 })
}

// count is how many keys of the keyspace the policy lets go.
func (c *choice) count(ks mvcc.Keyspace) int {
	if !c.o.Policy.Volatile() {
		return c.view.Len(ks)
	}
	if q := c.space.due.queues[ks]; q != nil {
		return q.Len()
	}
	return 0
}

func (c *choice) enough() bool { return c.bytes >= c.o.Bytes || len(c.victims) >= c.o.Max }

// take makes a key a victim, if it still is what was seen and does not go already.
func (c *choice) take(db uint32, ref mvcc.Ref, mod uint64) bool {
	_, it, ok := c.space.Store.ByRef(ref)
	if !ok || it.Mod.Main != mod || c.going(it) {
		return false
	}
	v := Victim{DB: db, Key: slices.Clone(it.Key), Ref: ref, Mod: mod, Bytes: c.space.Store.KeyMemory(ref)}
	c.victims = append(c.victims, v)
	c.bytes += v.Bytes
	c.chosen[ref] = mod
	return true
}

func (c *choice) going(it mvcc.Item) bool {
	mod, chosen := c.chosen[it.Ref]
	return chosen && mod == it.Mod.Main
}

// worst takes by the order of the policy, among samples.
func (c *choice) worst() {
	for tries := 0; !c.enough(); {
		c.sample()
		if c.takeWorst() {
			tries = 0
		} else if tries++; tries > pickTries {
			if c.lookThrough(); !c.takeWorst() {
				return
			}
			tries = 0
		}
	}
}

// takeWorst takes the worst of the pool that is still there.
func (c *choice) takeWorst() bool {
	for n := len(c.pool); n > 0; n-- {
		worst := c.pool[n-1]
		c.pool = c.pool[:n-1]
		if c.take(worst.db, worst.ref, worst.mod) {
			return true
		}
	}
	return false
}

// sample puts some keys of each database into the pool.
func (c *choice) sample() {
	for _, b := range c.dbs {
		for range c.o.Samples {
			if it, ok := c.pick(b.Keyspace); ok {
				c.consider(b.Database, it)
			}
		}
	}
}

// consider keeps a key in the pool if it is among the worst.
func (c *choice) consider(db uint32, it mvcc.Item) {
	if c.going(it) {
		return
	}
	k := candidate{c.score(it), db, it.Ref, it.Mod.Main}
	if slices.ContainsFunc(c.pool, func(o candidate) bool { return o.ref == k.ref && o.mod == k.mod }) {
		return
	}
	at, _ := slices.BinarySearchFunc(c.pool, k, func(a, b candidate) int { return cmp.Compare(a.score, b.score) })
	if len(c.pool) < poolMax {
		c.pool = slices.Insert(c.pool, at, k)
	} else if at > 0 {
		copy(c.pool, c.pool[1:at])
		c.pool[at-1] = k
	}
}

// score is the higher the sooner the key should go.
func (c *choice) score(it mvcc.Item) int64 {
	u := c.space.usesOf(it.Ref, c.o.Now)
	if c.o.Policy.LFU() {
		return useCounterMax - int64(u.frequency(c.o.Now, c.decay))
	}
	return c.o.Now - u.at
}

// pick is one key that the policy lets go, by chance; it may be one that goes already.
func (c *choice) pick(ks mvcc.Keyspace) (it mvcc.Item, ok bool) {
	if !c.o.Policy.Volatile() {
		return c.view.Random(ks, c.chance.next())
	}
	n := c.count(ks)
	if n == 0 {
		return mvcc.Item{}, false
	}
	if n > volatileFew || n > c.view.Len(ks)/volatileFew {
		for range volatileTries {
			if it, ok = c.view.Random(ks, c.chance.next()); !ok || isVolatile(it) {
				return it, ok
			}
		}
	}
	// They are few, or rare: the first of them are counted through.
	at := int(c.chance.next() % uint64(min(n, volatileFew)))
	c.space.due.queues[ks].Due(math.MaxInt64, func(_ int64, ref mvcc.Ref) bool {
		if at--; at < 0 {
			_, it, ok = c.space.Store.ByRef(ref)
		}
		return at >= 0
	})
	return it, ok
}

// isVolatile tells whether a key has a deadline of its own. Keys of a shared lease go together or not at all.
func isVolatile(it mvcc.Item) bool { return it.Lease == 0 && it.Deadline != 0 }

// lookThrough considers keys in order, when chance meets none but those that go already.
func (c *choice) lookThrough() {
	for _, b := range c.dbs {
		c.inOrder(b, func(it mvcc.Item) bool {
			c.consider(b.Database, it)
			return len(c.pool) < poolMax
		})
	}
}

// inOrder calls fn with the keys that the policy lets go and that do not go already: by deadline if only keys with
// one may.
func (c *choice) inOrder(b mvcc.DatabaseBinding, fn func(mvcc.Item) bool) {
	if !c.o.Policy.Volatile() {
		c.view.Ascend(b.Keyspace, nil, func(it mvcc.Item) bool { return c.going(it) || fn(it) })
		return
	}
	c.space.due.queues[b.Keyspace].Due(math.MaxInt64, func(_ int64, ref mvcc.Ref) bool {
		_, it, ok := c.space.Store.ByRef(ref)
		return !ok || c.going(it) || fn(it)
	})
}

// random takes keys by chance, from each database in turn.
func (c *choice) random() {
	for tries := 0; !c.enough(); {
		b := c.dbs[c.next%len(c.dbs)]
		c.next++
		if it, ok := c.pick(b.Keyspace); ok && c.take(b.Database, it.Ref, it.Mod.Main) {
			tries = 0
		} else if tries++; tries > pickTries*len(c.dbs) {
			c.pool = c.pool[:0]
			if c.lookThrough(); !c.takeWorst() {
				return
			}
			tries = 0
		}
	}
}

// soonest takes the keys that would end first.
func (c *choice) soonest() {
	var list []candidate
	for _, b := range c.dbs {
		left, bytes := c.o.Max, int64(0)
		c.inOrder(b, func(it mvcc.Item) bool {
			list = append(list, candidate{it.Deadline, b.Database, it.Ref, it.Mod.Main})
			left, bytes = left-1, bytes+c.space.Store.KeyMemory(it.Ref)
			return left > 0 && bytes < c.o.Bytes
		})
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(a.score, b.score) })
	for i := 0; i < len(list) && !c.enough(); i++ {
		c.take(list[i].db, list[i].ref, list[i].mod)
	}
}

// Evict ends a key that was chosen to go, unless it changed since it was seen at revision mod; it tells whether it did.
func (tx *Tx) Evict(key []byte, mod uint64) bool {
	it, ok := tx.Lookup(key)
	if !ok || it.Mod.Main != mod {
		return false
	}
	tx.mv.Delete(tx.ks, key)
	tx.space.Evicted++
	tx.Notify(ClassEvicted, "evicted", key)
	return true
}

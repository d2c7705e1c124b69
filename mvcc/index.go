package mvcc

import (
	"fmt"

	"github.com/google/btree"
)

// index is all that a store keeps in memory: the cells of every keyspace with their pasts, the bindings of
// databases, and what waits for compaction. Tx and replay change it through the same methods; undoing is Tx's.
type index struct {
	heap
	hash   hasher
	spaces map[Keyspace]*space
	nodes  *btree.FreeListG[uint32]

	bound map[uint32][]binding // by database, ascending; never bound is original
	made  uint32               // keyspaces made by flushes

	pasts queue[uint32]    // every past, in the order of to
	tombs queue[tombstone] // every tombstone whose row is on disk, in order
	drops queue[drop]      // keyspaces dropped and not yet gone, in order
	binds queue[rebound]   // bindings superseded whose row is on disk, in order
	cools queue[Keyspace]  // keyspaces dropped whose values are still in memory
	chill []byte           // the key at which cooling the first of cools goes on
	gones queue[uint32]    // collections that no view reaches, to be emptied
	ends  queue[ended]     // collections that only the past holds, in the order of their ends
	stale []Revision       // rows that a start found and nothing needs

	dropped       int    // keys in dropped keyspaces,
	dropElements  int    // and elements of their collections, as coolSpace meets them
	pastBytes     int64  // about what the rows of pasts take on disk
	endedElements uint64 // elements of all collections that ever ended,
	endedGone     uint64 // and of those that compaction has passed
	goneElements  int    // elements of gones, twice where they are kept by score as well
}

// space is one keyspace's keys.
type space struct {
	id    Keyspace
	table *table
	tree  *tree
	live  int
	drop  Revision // when the keyspace was dropped; zero while it is in use

	elements int // of its collections, as far as they were counted since it was dropped
}

// binding is a database's keyspace from a revision on.
type binding struct {
	from Revision
	ks   Keyspace
}

type tombstone struct {
	rev Revision
	ref uint32
}

type drop struct {
	rev Revision
	ks  Keyspace
}

type rebound struct {
	to, from Revision
	database uint32
}

// madeFirst is the first keyspace id made by a flush. Below, database n has keyspace n+1 until it is
// bound to another, which needs no row.
const madeFirst = 1 << 31

func newIndex(seed uint64, onHeap bool) *index {
	return &index{
		heap: newHeap(onHeap), hash: newHasher(seed),
		spaces: map[Keyspace]*space{}, bound: map[uint32][]binding{},
		nodes: btree.NewFreeListG[uint32](btree.DefaultFreeListSize),
	}
}

func original(db uint32) Keyspace {
	if db >= madeFirst-1 {
		panic(fmt.Sprintf("mvcc: database %d, where %d is the last", db, madeFirst-2))
	}
	return Keyspace(db + 1)
}

// use is the keyspace's keys, made when there are none.
func (x *index) use(ks Keyspace) *space {
	sp := x.spaces[ks]
	if sp == nil {
		if ks == 0 {
			panic("mvcc: a change in keyspace 0, which is none")
		}
		sp = &space{id: ks, table: newTable(x.tables), tree: newTree(&x.heap, x.nodes)}
		x.spaces[ks] = sp
	}
	return sp
}

// find is the cell of a key, tombstones included.
func (x *index) find(ks Keyspace, key []byte) (uint32, *cell) {
	if sp := x.spaces[ks]; sp != nil {
		if ref := sp.table.find(&x.heap, x.hash.name(key), key); ref != 0 {
			return ref, x.cell(ref)
		}
	}
	return 0, nil
}

// end supersedes the cell's version.
func (x *index) end(ref uint32, c *cell, to Revision, ownsRow bool) {
	if ownsRow && c.collection() {
		x.endCollection(c.handle(), to)
	}
	c.past = x.supersede(ref, c, to, ownsRow)
	x.pasts.push(c.past)
	x.pastBytes += unpackSize(x.past(c.past).size)
}

// bury turns the cell into a tombstone; its value must be freed or kept elsewhere.
func (x *index) bury(sp *space, ref uint32, c *cell, rev Revision) {
	c.flags = c.flags&^(cellCold|cellLease) | cellTombstone
	c.value, c.valueLen, c.lease, c.version = 0, 0, 0, 0
	c.modMain, c.modSub = rev.Main, rev.Sub
	x.tombs.push(tombstone{rev, ref})
	sp.live--
}

// rise makes the cell's next version: the first of a generation when it is new or a tombstone.
func (x *index) rise(sp *space, c *cell, rev Revision, a Attr) {
	if c.modMain == 0 || !c.live() {
		c.flags &^= cellTombstone
		c.createMain, c.createSub, c.version = rev.Main, rev.Sub, 0
		sp.live++
	}
	c.version++
	c.modMain, c.modSub = rev.Main, rev.Sub
	c.setAttr(a)
}

// forget removes a cell altogether.
func (x *index) forget(sp *space, ref uint32, c *cell) {
	sp.table.remove(x.hash.name(x.key(c)), ref)
	sp.tree.remove(ref)
	x.freeCell(ref)
}

// keyspace is what a database is bound to at main.
func (x *index) keyspace(db uint32, main uint64) Keyspace {
	list := x.bound[db]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].from.Main <= main {
			return list[i].ks
		}
	}
	return original(db)
}

// bind binds a database, and drops a keyspace unless that is 0.
func (x *index) bind(db uint32, ks, dropped Keyspace, rev Revision) {
	if list := x.bound[db]; len(list) > 0 {
		x.binds.push(rebound{rev, list[len(list)-1].from, db})
	}
	x.bound[db] = append(x.bound[db], binding{rev, ks})
	if dropped != 0 {
		x.markDropped(x.use(dropped), rev)
	}
}

func (x *index) markDropped(sp *space, rev Revision) {
	sp.drop = rev
	x.dropped += sp.live
	x.drops.push(drop{rev, sp.id})
	x.cools.push(sp.id)
}

// unbind undoes the newest bind.
func (x *index) unbind(db uint32, dropped Keyspace) {
	list := x.bound[db][:len(x.bound[db])-1]
	if x.bound[db] = list; len(list) > 0 {
		x.binds.popBack()
	} else {
		delete(x.bound, db)
	}
	if dropped != 0 {
		sp := x.spaces[dropped]
		sp.drop = Revision{}
		x.dropped -= sp.live
		x.drops.popBack()
		x.cools.popBack()
	}
}

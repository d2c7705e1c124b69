package mvcc

import "github.com/redoubt-db/redoubt/internal/slab"

// PrefetchMax is how many keys one call of Prefetch takes.
const PrefetchMax = 32

// Prefetcher is the scratch space of Prefetch; one serves one goroutine.
type Prefetcher struct {
	hashes [PrefetchMax]uint64
	lists  [PrefetchMax][]uint64
	depths [PrefetchMax]uint8
	cells  [PrefetchMax]*cell
	colls  [PrefetchMax]*collection
	pasts  [PrefetchMax]*past
	sink   uint64 // what was read is put here, or the compiler would not read it
}

// Prefetch brings what Lookup of the keys will read into the processor's caches; keys behind the first
// PrefetchMax are left alone. It finds nothing and changes nothing: it is a hint.
//
// A Lookup waits for memory about four times, each place known only from the one before: directory, segment,
// cell, value; of a small collection, five: cell, collection, leaf. One after the other, 32 keys wait 128 times. Stage by stage, the processor waits for the
// 32 places of a stage at once, since none depends on another.
func (v View) Prefetch(p *Prefetcher, ks Keyspace, keys [][]byte) {
	sp := v.space(ks)
	if sp == nil || len(keys) < 2 {
		return
	}
	keys = keys[:min(len(keys), PrefetchMax)]
	p.segments(sp.table, v.s.hash, keys)
	for i := range keys {
		if list := p.lists[i]; len(list) > 0 {
			p.sink += list[int(uint64(uint32(p.hashes[i])<<p.depths[i])*uint64(len(list))>>32)]
		}
	}
	p.find(v.s, len(keys))
	for i := range keys {
		if c := p.cells[i]; c != nil && c.valueLen > tinyMax && c.flags&(cellCold|cellTombstone) == 0 {
			p.sink += uint64(*(*byte)(v.s.values.Pointer(slab.Ref(c.value))))
		}
	}
	p.collections(v.s, len(keys))
}

// PrefetchWrites is Prefetch for commands that will write the keys: a version that is superseded is linked to the past
// before it and to what that jumps to, two more waits.
func (v View) PrefetchWrites(p *Prefetcher, ks Keyspace, keys [][]byte) {
	clear(p.cells[:])
	v.Prefetch(p, ks, keys)
	for i, c := range p.cells {
		p.pasts[i] = nil
		if c != nil && c.past != 0 {
			p.pasts[i] = v.s.past(c.past)
		}
	}
	for i, next := range p.pasts {
		if next == nil {
			continue
		}
		if p.pasts[i] = nil; next.jump != 0 && next.jumpTo > v.s.compacted {
			p.pasts[i] = v.s.past(next.jump)
		}
	}
	for _, over := range p.pasts {
		if over != nil {
			p.sink += uint64(over.rank)
		}
	}
}

// collections reads the heads of collections, and of those that are one leaf, the leaf's.
func (p *Prefetcher) collections(s *Store, n int) {
	some := false
	for i, c := range p.cells[:n] {
		p.colls[i] = nil
		if c != nil && c.collection() {
			p.colls[i], some = s.collection(c.handle()), true
		}
	}
	if !some {
		return
	}
	for _, k := range p.colls[:n] {
		if k != nil {
			p.sink += k.changes
		}
	}
	for _, k := range p.colls[:n] {
		if k != nil {
			p.sink += s.forest.Touch(k.root)
		}
	}
}

// segments notes the segment of each key.
func (p *Prefetcher) segments(t *table, h hasher, keys [][]byte) {
	for i, key := range keys {
		hash := h.name(key)
		p.hashes[i], p.lists[i], p.cells[i] = hash, nil, nil
		if d := t.root[hash>>tagBits]; d != nil {
			if s := d.at(uint32(hash)); s.n > 0 {
				p.lists[i], p.depths[i] = t.entries(s), s.depth
			}
		}
	}
}

// find notes the first cell with each key's tag, which is almost always the key's, and reads its head.
func (p *Prefetcher) find(s *Store, n int) {
	for i := range n {
		tag := uint32(p.hashes[i])
		list := p.lists[i]
		if j := seek(list, tag, p.depths[i]); j < len(list) && uint32(list[j]>>32) == tag {
			p.cells[i] = s.cell(uint32(list[j]))
		}
	}
	for _, c := range p.cells[:n] {
		if c != nil {
			p.sink += c.modMain + uint64(c.flags)
		}
	}
}

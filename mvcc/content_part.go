package mvcc

import (
	"bytes"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// A content hash of everything takes as long as reading everything, and its revision may be compacted before that is done. So members compare
// their content part by part, each at a revision of its own: a part is read in moments.

// PartBitsMax bounds how small parts may be.
const PartBitsMax = 24

// Part is one of 1<<Bits equal parts of all keys, by the hashes of their names: on every replica the same keys. Number counts from 0.
type Part struct {
	Number uint64
	Bits   uint8 // at most PartBitsMax
}

// Valid tells whether there is such a part.
func (p Part) Valid() bool { return p.Bits <= PartBitsMax && p.Number>>p.Bits == 0 }

// PartHasher computes the content hash of one part of a view. All parts of a view add up to what Hasher says.
type PartHasher struct {
	h      Hasher
	at, to uint64 // hashes of names: where the first of h.bases goes on, and where the part ends
	from   uint64

	// What Step found and did not add.
	cold        []coldItem
	collections []collectionKey
}

type coldItem struct {
	db uint32
	it Item
}

type collectionKey struct {
	db  uint32
	ks  Keyspace
	key []byte
}

// PartHasher begins the content hash of a part of the view at main. It needs RLock.
func (s *Store) PartHasher(main uint64, p Part) (*PartHasher, error) {
	v, err := s.At(main)
	if err != nil {
		return nil, err
	}
	if !p.Valid() {
		panic(fmt.Sprintf("mvcc: there is no part %d of 1<<%d", p.Number, p.Bits))
	}
	width := uint64(1) << (hashBits - p.Bits)
	from := p.Number * width
	return &PartHasher{h: Hasher{v: v, bases: v.Databases()}, from: from, at: from, to: from + width}, nil
}

// Step takes in about n more keys and tells whether those were the last. It needs RLock, which pause lets go of for a moment, so that a large
// collection keeps nobody waiting. Load has to follow each Step. It takes ErrCompacted when compaction passed the view.
func (p *PartHasher) Step(n int, pause func()) (done bool, err error) {
	if err := p.h.v.Err(); err != nil {
		return false, err
	}
	if len(p.h.bases) == 0 {
		return true, nil
	}
	base := p.h.bases[0]
	next := p.h.v.Scan(base.Keyspace, p.at, n, func(it Item) {
		switch {
		case err != nil || p.h.v.s.hash.name(it.Key) >= p.to:
		case it.coll != 0:
			p.collections = append(p.collections, collectionKey{base.Database, base.Keyspace, bytes.Clone(it.Key)})
		case it.Cold:
			it.Key = bytes.Clone(it.Key)
			p.cold = append(p.cold, coldItem{base.Database, it})
		default:
			err = p.h.add(base.Database, it)
		}
	})
	if err != nil {
		return false, err
	}
	if p.at = next; next == 0 || next >= p.to {
		p.h.bases, p.at = p.h.bases[1:], p.from
	}
	for _, k := range p.collections {
		if err := p.collection(k, pause); err != nil {
			return false, err
		}
	}
	p.collections = p.collections[:0]
	return len(p.h.bases) == 0, nil
}

// collection adds one.
func (p *PartHasher) collection(k collectionKey, pause func()) error {
	if err := p.h.v.Err(); err != nil {
		return err
	}
	it, ok := p.h.v.Lookup(k.ks, k.key)
	if !ok {
		return fmt.Errorf("content of key %q: it is not where a scan had found it", k.key)
	}
	it.Key = k.key // the item's own is not good any more after a pause
	c, err := p.h.v.Hold(it, pause)
	if err != nil {
		return err
	}
	defer c.Release()
	p.h.mix(k.db, it, p.h.elements(c, it.Type))
	return nil
}

// Load takes in what of the last Step has to be read from the disk, which needs no lock. ErrCompacted says that the view has gone meanwhile.
func (p *PartHasher) Load() error {
	for _, c := range p.cold {
		value, err := p.h.v.Load(c.it)
		if err != nil {
			return fmt.Errorf("content of key %q at %v: %w", c.it.Key, c.it.Mod, err)
		}
		p.h.mix(c.db, c.it, xxhash.Sum64(value))
	}
	p.cold = p.cold[:0]
	return nil
}

// Sum is the hash once Step said that was all, and Load came behind it.
func (p *PartHasher) Sum() uint64 { return p.h.sum }

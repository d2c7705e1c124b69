package mvcc

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Replay rebuilds the index from the r rows, in their order, by the same steps that made it; only the trees
// come later, from handles sorted at once. Reading rows from Pebble and putting them into the index take
// about equally long, so they go side by side in blocks where a second core is to be had.

const (
	blockBytes = 4 << 20 // of rows, about; one larger row makes a larger block
	blockRows  = 1 << 16
)

// block is rows one behind the other: revision, length, value.
type block struct {
	buf  []byte
	rows int
	err  error
}

const blockHead = 8 + 4 + 4

// replay reads every record; none may be above last.
func (s *Store) replay(last uint64) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte("r"), UpperBound: []byte("s")})
	if err != nil {
		return err
	}
	defer it.Close()
	read, apply, met := &block{}, &block{}, byID{}
	more := it.First()
	for more || apply.rows > 0 {
		s.run(2, func(i int) {
			if i == 0 {
				more = read.fill(it, more)
			} else {
				apply.err = s.replayBlock(apply, met, last)
			}
		})
		if read.err != nil {
			return read.err
		}
		if apply.err != nil {
			return apply.err
		}
		read, apply = apply, read
	}
	s.dropUnnamed()
	return it.Error()
}

// fill reads the next rows, where ok tells that the iterator stands on one, and returns whether it still does.
func (b *block) fill(it *pebble.Iterator, ok bool) bool {
	b.buf, b.rows = b.buf[:0], 0
	for ; ok && len(b.buf) < blockBytes && b.rows < blockRows; ok = it.Next() {
		rev, err := rowRevision(it.Key())
		if err != nil {
			b.err = fmt.Errorf("row %x: %w", it.Key(), err)
			return false
		}
		v := it.Value()
		b.buf = binary.NativeEndian.AppendUint64(b.buf, rev.Main)
		b.buf = binary.NativeEndian.AppendUint32(b.buf, rev.Sub)
		b.buf = binary.NativeEndian.AppendUint32(b.buf, uint32(len(v)))
		b.buf = append(b.buf, v...)
		b.rows++
	}
	return ok
}

func (s *Store) replayBlock(b *block, met byID, last uint64) error {
	var r record
	hot := s.o.MaxMemory <= 0 || s.IndexMemory() < s.o.MaxMemory
	for buf := b.buf; len(buf) > 0; {
		rev := Revision{binary.NativeEndian.Uint64(buf), binary.NativeEndian.Uint32(buf[8:])}
		n := int(binary.NativeEndian.Uint32(buf[12:]))
		v := buf[blockHead : blockHead+n]
		buf = buf[blockHead+n:]
		if rev.Main > last {
			return fmt.Errorf("row r %v: the newest revision is %d: %w", rev, last, errRecord)
		}
		if err := r.decode(rev, v); err != nil {
			return fmt.Errorf("row r %v: %w", rev, err)
		}
		switch r.kind {
		case kindPut:
			s.replayPut(met, &r, rev, hot)
		case kindElement, kindNoElement:
			if err := s.replayElement(met, &r, rev); err != nil {
				return fmt.Errorf("row r %v: %w", rev, err)
			}
		case kindTombstone:
			s.replayTombstone(&r, rev)
		case kindBind:
			if s.spaces[r.dropped] == nil {
				r.dropped = 0 // its rows come before, so there are none left
			}
			s.bind(r.database, r.keyspace, r.dropped, rev)
		}
	}
	b.buf, b.rows = b.buf[:0], 0
	return nil
}

// meet is the cell of a record's key, made if need be, but not put in the tree.
func (x *index) meet(r *record) (sp *space, ref uint32, c *cell, made bool) {
	sp = x.use(r.keyspace)
	hash := x.hash.name(r.key)
	if ref = sp.table.find(&x.heap, hash, r.key); ref != 0 {
		return sp, ref, x.cell(ref), false
	}
	ref, c = x.newCell(r.keyspace, r.key)
	sp.table.insert(hash, ref)
	return sp, ref, c, true
}

func (x *index) replayPut(met byID, r *record, rev Revision, hot bool) {
	var handle uint32
	if !r.collection.IsZero() {
		var k *collection
		handle, k = x.meetCollection(met, r.attr.Type, r.collection)
		k.flags |= collBound
	}
	sp, ref, c, made := x.meet(r)
	if made || !c.live() {
		sp.live++
	}
	if !made {
		same := r.flags&flagFarRow != 0 && c.large() && x.valueRow(c) == r.row || handle != 0 && c.collection() && c.handle() == handle
		x.end(ref, c, rev, !same)
		x.freeValue(c)
	}
	c.flags &^= cellTombstone
	c.modMain, c.modSub = rev.Main, rev.Sub
	c.createMain, c.createSub = r.create.Main, r.create.Sub
	c.version = r.version
	c.setAttr(r.attr)
	if handle != 0 {
		c.value, c.valueLen = uint64(handle), 0
		c.flags &^= cellCold
	} else if r.length <= tinyMax || hot && r.length <= inlineMax {
		x.setValue(c, r.value, rev)
	} else {
		x.setCold(c, r.length, r.row)
	}
}

func (x *index) replayTombstone(r *record, rev Revision) {
	sp, ref, c, made := x.meet(r)
	if made {
		sp.live++ // bury counts it off
	} else {
		if !c.live() {
			sp.live++ // what was between is compacted
		}
		x.end(ref, c, rev, r.flags&flagMoved == 0)
		x.freeValue(c)
	}
	x.bury(sp, ref, c, rev)
}

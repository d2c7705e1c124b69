package mvcc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Replay rebuilds the index from r rows and chunks, in the order of revisions, by the same steps that made it; only the
// trees come later, from handles sorted at once. Reading rows from Pebble and putting them into the index take
// about equally long, so they go side by side in blocks where a second core is to be had.

const (
	blockBytes = 4 << 20 // of rows, about; one larger row makes a larger block
	blockRows  = 1 << 16
)

// block is records one behind the other: revision, length, value; and the chunks they were in.
type block struct {
	buf    []byte
	rows   int
	chunks []chunk
	err    error
}

const blockHead = 8 + 4 + 4

// replayer is what replay knows from one record to the next.
type replayer struct {
	met  byID
	run  elementRun
	seen Revision // the newest record so far
	last uint64   // no record is above this main revision
}

// replay reads every record; none may be above last.
func (s *Store) replay(last uint64) (err error) {
	rows, err := s.recordRows()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.close()) }()
	r, read, apply := &replayer{last: last}, &block{}, &block{}
	more := rows.pick()
	for more || apply.rows > 0 {
		s.run(2, func(i int) {
			if i == 0 {
				more = read.fill(rows, more)
			} else {
				apply.err = s.replayBlock(apply, r)
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
	return nil
}

// recordRows goes through r rows and chunks together, in the order of revisions.
type recordRows struct {
	all []*pebble.Iterator
	at  *pebble.Iterator // the one whose row is next
}

func (s *Store) recordRows() (*recordRows, error) {
	w := &recordRows{}
	for _, kind := range []byte{'r', 'c'} {
		it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kind}, UpperBound: []byte{kind + 1}})
		if err != nil {
			return nil, errors.Join(err, w.close())
		}
		it.First()
		w.all = append(w.all, it)
	}
	return w, nil
}

// pick finds the row that is next, and tells whether there is one.
func (w *recordRows) pick() bool {
	w.at = nil
	for _, it := range w.all {
		if it.Valid() && (w.at == nil || bytes.Compare(it.Key()[1:], w.at.Key()[1:]) < 0) {
			w.at = it
		}
	}
	return w.at != nil
}

func (w *recordRows) next() bool {
	w.at.Next()
	return w.pick()
}

// close tells whether all rows could be read.
func (w *recordRows) close() (err error) {
	for _, it := range w.all {
		err = errors.Join(err, it.Error(), it.Close())
	}
	return err
}

// fill reads the next rows, where ok tells that there is one, and returns whether there still is.
func (b *block) fill(rows *recordRows, ok bool) bool {
	b.buf, b.rows, b.chunks = b.buf[:0], 0, b.chunks[:0]
	for ; ok && len(b.buf) < blockBytes && b.rows < blockRows; ok = rows.next() {
		it := rows.at
		rev, err := rowRevision(it.Key())
		if err == nil && it.Key()[0] == 'c' {
			err = b.addChunk(rev, it.Value())
		} else if err == nil {
			b.add(rev, it.Value())
		}
		if err != nil {
			b.err = fmt.Errorf("row %x: %w", it.Key(), err)
			return false
		}
	}
	return ok
}

func (b *block) add(rev Revision, record []byte) {
	b.buf = binary.NativeEndian.AppendUint64(b.buf, rev.Main)
	b.buf = binary.NativeEndian.AppendUint32(b.buf, rev.Sub)
	b.buf = binary.NativeEndian.AppendUint32(b.buf, uint32(len(record)))
	b.buf = append(b.buf, record...)
	b.rows++
}

func (b *block) addChunk(first Revision, row []byte) error {
	c := chunk{main: first.Main, sub: first.Sub}
	r := readChunk(first, row)
	for record, ok := r.next(); ok; record, ok = r.next() {
		c.add(&r, record)
		b.add(r.rev, record)
	}
	b.chunks = append(b.chunks, c)
	return r.err()
}

func (s *Store) replayBlock(b *block, p *replayer) error {
	for _, c := range b.chunks {
		s.chunks.push(c)
	}
	var r record
	hot := s.o.MaxMemory <= 0 || s.IndexMemory() < s.o.MaxMemory
	for buf := b.buf; len(buf) > 0; {
		rev := Revision{binary.NativeEndian.Uint64(buf), binary.NativeEndian.Uint32(buf[8:])}
		n := int(binary.NativeEndian.Uint32(buf[12:]))
		v := buf[blockHead : blockHead+n]
		buf = buf[blockHead+n:]
		if rev.Main > p.last || rev.Compare(p.seen) <= 0 {
			return fmt.Errorf("record %v follows %v, and the newest revision is %d: %w", rev, p.seen, p.last, errRecord)
		}
		p.seen = rev
		if err := r.decode(rev, v); err != nil {
			return fmt.Errorf("record %v: %w", rev, err)
		}
		if p.run.gathers(&r) {
			if err := s.gather(p, &r); err != nil {
				return fmt.Errorf("record %v: %w", rev, err)
			}
			continue
		}
		s.replayRun(&p.run)
		switch r.kind {
		case kindPut:
			s.replayPut(&p.met, &r, rev, hot)
		case kindElement, kindNoElement:
			if err := s.replayElement(&p.met, &r, rev); err != nil {
				return fmt.Errorf("record %v: %w", rev, err)
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
	s.replayRun(&p.run) // its strings are of this block
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

func (x *index) replayPut(met *byID, r *record, rev Revision, hot bool) {
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
		if r.flags&flagMoved != 0 && c.collection() {
			x.collection(c.handle()).flags &^= collBound // unless the key it was moved to is there
		}
		x.end(ref, c, rev, r.flags&flagMoved == 0)
		x.freeValue(c)
	}
	x.bury(sp, ref, c, rev)
}

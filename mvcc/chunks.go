package mvcc

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/cockroachdb/pebble/v2"
)

// Where records are on disk, and how they leave it.
//
// A row for each record costs Pebble one insert, one deletion, and the flush and compaction of both: more than all the
// rest of a SET. So the records of a batch are gathered into chunks, but for one or two that are left over. What compaction frees of a chunk is marked here
// and lingers on disk; a chunk goes with one deletion when all of it is dead. When too much lingers, the oldest chunks are
// cleaned: what lives in them is written as r rows, once in the life of a record, and the chunk goes. Records in r rows
// go one by one.
//
//	r 1-0, c 7-0: 7-0† 8-0 9-0†, c 10-0: 10-0† 11-0† 12-0†, r 13-0     the second chunk goes at once,
//	r 1-0, r 8-0, r 13-0                                               and this is left when the first is cleaned
//
// A start reads what lingers as it reads what lives. It sees versions that are superseded below the compacted
// revision, and so free again what was free before, which marks it here: marks need not be on disk. That holds as long as
// whatever hides a dead version is still there. A later version may go, since it goes only when something hides it in
// turn; but a tombstone is freed when all that it hides is freed, not when that is gone. Therefore a chunk that has a record
// of that kind (chunkCovers) goes only when it is the oldest: then all that is older is in r rows, where nothing
// lingers; and such a record is not written to an r row while there is an older chunk.
type chunks struct {
	list    queue[chunk] // by revision
	records int          // in chunks on disk
	dead    int          // those of them that linger
	holes   int          // chunks of list that are gone
}

const (
	lingerMinDefault  = 64 << 10 // dead records that may linger, however few live
	lingerShare       = 3        // and one of so many records
	chunkMinDefault   = 64 << 10 // chunks that may be small, however few records there are
	chunkMean         = 2        // and records a chunk has at least, on average, when there are more; each is 32 bytes of memory
	chunkLeastDefault = 3        // fewer records are no chunk, unless they cover others: rows of their own cost no memory
	cleanShare        = 64       // records written and freed by a batch for each chunk that it cleans, but for one
	holesMin          = 1024
)

func (q *chunks) push(c chunk) {
	q.list.push(c)
	q.records += int(c.n)
}

// find is the chunk that holds the record of a revision, and its number; nil when it is in no chunk.
func (q *chunks) find(rev Revision) (*chunk, int) {
	low, high := 0, q.list.len // the last chunk that does not begin above rev is in front of high
	for low < high {
		mid := (low + high) / 2
		if c := q.list.ref(mid); c.main > rev.Main || c.main == rev.Main && c.sub > rev.Sub {
			high = mid
		} else {
			low = mid + 1
		}
	}
	if low == 0 {
		return nil, 0
	}
	c := q.list.ref(low - 1)
	i := c.place(rev)
	if i < 0 {
		return nil, 0
	}
	return c, i
}

// free marks a record as dead and returns its chunk; nil when it has a row of its own.
func (q *chunks) free(rev Revision) *chunk {
	c, i := q.find(rev)
	if c == nil {
		return nil
	}
	if bit := uint64(1) << i; c.dead&bit != 0 {
		panic(fmt.Sprintf("mvcc: record %v is freed twice", rev))
	} else {
		c.dead |= bit
	}
	q.dead++
	return c
}

// left takes a chunk that leaves the disk off the counts.
func (q *chunks) left(c *chunk) {
	q.dead -= bits.OnesCount64(c.dead)
	q.records -= int(c.n)
	c.flags |= chunkGone
	q.holes++
}

// trim forgets the chunks that are gone at the front, and the others when they are too many.
func (q *chunks) trim() {
	for q.list.len > 0 && q.list.ref(0).flags&chunkGone != 0 {
		q.list.pop()
		q.holes--
	}
	if q.holes < holesMin || q.holes < q.list.len/2 {
		return
	}
	var list queue[chunk]
	for i := range q.list.len {
		if c := q.list.at(i); c.flags&chunkGone == 0 {
			list.push(c)
		}
	}
	q.list, q.holes = list, 0
}

// crowded tells whether the oldest chunk shall be cleaned.
func (q *chunks) crowded(o *Options) bool {
	small := q.list.len - q.holes
	return q.dead > max(o.lingerMin, q.records/lingerShare) || small > max(o.chunkMin, q.records/chunkMean)
}

// frontier is the main revision at which chunks begin.
func (q *chunks) frontier() uint64 {
	if q.list.len == 0 {
		return math.MaxUint64
	}
	return q.list.ref(0).main
}

// gather adds a record to the batch's open chunk.
func (b *Batch) gather(rev Revision, record []byte) {
	if b.chunk.n > 0 {
		fits := int(b.chunk.n) < b.s.o.chunkRecords && len(b.gathered)+len(record) <= chunkBytes
		was := b.chunk.news
		if fits && b.chunk.extend(b.last, rev, record) {
			b.gathered = appendToChunk(b.gathered, record, b.chunk.news != was)
			b.last = rev
			return
		}
		b.closeChunk()
	}
	b.chunk = chunk{main: rev.Main, sub: rev.Sub, n: 1}
	b.chunk.note(record)
	b.gathered = appendToChunk(append(b.gathered[:0], chunkFormat), record, false)
	b.last = rev
}

// closeChunk hands the open chunk to Pebble's batch.
func (b *Batch) closeChunk() {
	if b.chunk.n == 0 {
		return
	}
	if c := &b.chunk; int(c.n) < b.s.o.chunkLeast && c.flags&chunkCovers == 0 {
		b.writeRecords(c, b.gathered)
	} else {
		op := b.db.SetDeferred(rowKeyLen, len(b.gathered))
		appendRowKey(op.Key[:0], 'c', c.first())
		copy(op.Value, b.gathered)
		finish(op)
		b.s.chunks.push(*c)
	}
	b.wrote += int(b.chunk.n)
	b.chunk.n = 0
	if cap(b.gathered) > gatheredKeptMax {
		b.gathered = nil
	}
}

// gatheredKeptMax is how much room for a chunk is kept from one batch to the next.
const gatheredKeptMax = 1 << 20

// removeChunk deletes a chunk's row, which was written once.
func (b *Batch) removeChunk(c *chunk) {
	op := b.db.SingleDeleteDeferred(rowKeyLen)
	appendRowKey(op.Key[:0], 'c', c.first())
	finish(op)
	b.s.chunks.left(c)
}

// removeDead marks what the batch has freed, and removes chunks that are dead. What is left of b.gone are rows.
func (b *Batch) removeDead() {
	q := &b.s.chunks
	b.wrote += len(b.gone)
	rows := b.gone[:0]
	for _, g := range b.gone {
		if g.kind != 'r' {
			rows = append(rows, g)
		} else if c := q.free(g.rev); c == nil {
			rows = append(rows, g)
		} else if c.flags&chunkCovers == 0 && c.allDead() {
			b.removeChunk(c)
		}
	}
	b.gone = rows
	b.removeFront()
}

// removeFront removes the oldest chunks as long as they are dead.
func (b *Batch) removeFront() {
	q := &b.s.chunks
	for q.trim(); q.list.len > 0 && q.list.ref(0).allDead(); q.trim() {
		b.removeChunk(q.list.ref(0))
	}
}

// clean writes what lives in the oldest chunks as r rows, if too much lingers. A batch cleans in proportion to its
// other work, so that none takes long.
func (b *Batch) clean() error {
	s, published := b.s, b.s.published.Load()
	q := &s.chunks
	for left := 1 + b.wrote/cleanShare; left > 0 && q.crowded(&s.o) && q.list.ref(0).main <= published; left-- {
		c := q.list.ref(0)
		if err := b.copyLiving(c); err != nil {
			return fmt.Errorf("clean chunk %v: %w", c.first(), err)
		}
		b.removeChunk(c)
		b.removeFront()
	}
	return nil
}

func (b *Batch) copyLiving(c *chunk) error {
	var buf [rowKeyLen]byte
	row, closer, err := b.s.db.Get(appendRowKey(buf[:0], 'c', c.first()))
	if err != nil {
		return err
	}
	return cmp.Or(b.writeRecords(c, row), closer.Close())
}

// writeRecords writes what lives in a chunk as r rows.
func (b *Batch) writeRecords(c *chunk, row []byte) error {
	r := readChunk(c.first(), row)
	for record, ok := r.next(); ok; record, ok = r.next() {
		if c.dead>>(r.n-1)&1 == 0 {
			op := b.db.SetDeferred(rowKeyLen, len(record))
			appendRowKey(op.Key[:0], 'r', r.rev)
			copy(op.Value, record)
			finish(op)
		}
	}
	if r.bad || r.n != int(c.n) {
		return fmt.Errorf("%w: chunk of %d records, where %d were written", errRecord, r.n, c.n)
	}
	return nil
}

// readRecordRow is the record of a revision as it is on disk, errNoRow if there is none (any more). It needs no lock: a
// record moves from its chunk to a row of its own in one batch, so it is in one of the two, and looked for where
// it was last.
func (s *Store) readRecordRow(rev Revision) ([]byte, error) {
	if rev.Main >= s.frontier.Load() {
		if b, err := s.readFromChunk(rev); !errors.Is(err, errNoRow) {
			return b, err
		}
		return s.readRow('r', rev)
	}
	b, err := s.readRow('r', rev)
	if errors.Is(err, errNoRow) {
		return s.readFromChunk(rev)
	}
	return b, err
}

// readFromChunk looks into the last chunk that does not begin above rev. Further back than a chunk has records
// it cannot begin.
func (s *Store) readFromChunk(rev Revision) (b []byte, err error) {
	var low, high [rowKeyLen]byte
	o := pebble.IterOptions{
		LowerBound: appendRowKey(low[:0], 'c', Revision{Main: rev.Main - min(rev.Main, chunkRecords)}),
		UpperBound: append(appendRowKey(high[:0], 'c', rev), 0),
	}
	it, err := s.db.NewIter(&o)
	if err != nil {
		return nil, err
	}
	defer func() { err = cmp.Or(err, it.Close()) }()
	if !it.Last() {
		return nil, cmp.Or(it.Error(), errNoRow)
	}
	first, err := rowRevision(it.Key())
	if err != nil {
		return nil, err
	}
	r := readChunk(first, it.Value())
	for {
		record, ok := r.next()
		if !ok {
			return nil, cmp.Or(r.err(), errNoRow)
		}
		if r.rev == rev {
			return append([]byte{}, record...), nil
		}
	}
}

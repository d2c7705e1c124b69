package mvcc

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// A chunk is one row with up to chunkRecords records of one batch, in the order of their revisions:
//
//	c main(8, big endian) sub(4)   chunkFormat, then for each record its length doubled, plus new, and the record
//
// The row is named after its first record. Revisions follow each other without gaps, so a bit tells the rest: new is 1
// for the first change of the next main revision, and 0 for the next change of the same; it is 0 for the first record.
// No record of more than chunkBytes shares a chunk, so that whoever reads one does not read megabytes beside it.
const (
	chunkFormat  = 1
	chunkRecords = 64   // bits of chunk.news and chunk.dead
	chunkBytes   = 4096 // more are in it only if one record has them
)

// chunk is what memory keeps of a chunk: which revisions are in it, and which of them compaction has freed.
type chunk struct {
	main  uint64 // the revision of its first record
	sub   uint32
	n     uint8 // records
	flags uint8
	news  uint64 // bit i: record i has new set
	dead  uint64 // bit i: record i is freed, and goes with the chunk
}

const (
	chunkCovers = 1 << iota // it has a record that others need to be gone before it: see covers
	chunkGone               // it is not on disk any more
)

func (c *chunk) first() Revision { return Revision{c.main, c.sub} }

// allDead tells whether nothing in the chunk is needed any more.
func (c *chunk) allDead() bool { return bits.OnesCount64(c.dead) == int(c.n) }

// place is the number of the record of that revision, -1 if it is not in the chunk.
//
//	3-7 3-8 4-0 4-1 5-0   has news 00101 read from the right; 4-1 is one behind the first bit set
func (c *chunk) place(rev Revision) int {
	up := rev.Main - c.main
	if up > uint64(bits.OnesCount64(c.news)) {
		return -1
	}
	left, start, sub := c.news, 0, rev.Sub
	if up == 0 {
		if sub < c.sub {
			return -1
		}
		sub -= c.sub
	} else {
		for ; up > 1; up-- {
			left &= left - 1
		}
		start = bits.TrailingZeros64(left)
		left &= left - 1
	}
	end := min(bits.TrailingZeros64(left), int(c.n))
	if uint64(sub) >= uint64(end-start) {
		return -1
	}
	return start + int(sub)
}

// extend adds a record to what the chunk has; false when it does not follow.
func (c *chunk) extend(last, rev Revision, record []byte) bool {
	switch {
	case rev == Revision{last.Main, last.Sub + 1}:
	case rev == Revision{last.Main + 1, 0}:
		c.news |= 1 << c.n
	default:
		return false
	}
	c.n++
	c.note(record)
	return true
}

func (c *chunk) note(record []byte) {
	if covers(record) {
		c.flags |= chunkCovers
	}
}

// covers tells whether a record hides earlier ones by being there: a tombstone, a binding, the end of an element. A
// version hides its predecessor too, but it goes itself only when a later record or one of these hides both.
func covers(record []byte) bool {
	return record[1] != kindPut && record[1] != kindElement
}

// appendToChunk appends a record to the value of a chunk's row.
func appendToChunk(dst, record []byte, opens bool) []byte {
	head := uint64(len(record)) << 1
	if opens {
		head++
	}
	return append(binary.AppendUvarint(dst, head), record...)
}

// chunkReader takes the records out of the value of a chunk's row.
type chunkReader struct {
	rest  []byte
	rev   Revision // of the record that next returned
	n     int      // records returned
	opens bool     // that record opens a main revision
	bad   bool
}

func readChunk(first Revision, row []byte) chunkReader {
	if len(row) < 2 || row[0] != chunkFormat {
		return chunkReader{bad: true}
	}
	return chunkReader{rest: row[1:], rev: first}
}

// next is the next record; it aliases the row. False is the end, or bad.
func (r *chunkReader) next() ([]byte, bool) {
	if len(r.rest) == 0 {
		return nil, false
	}
	head, n := binary.Uvarint(r.rest)
	size := head >> 1
	if n <= 0 || size < 3 || size > uint64(len(r.rest)-n) || r.n == chunkRecords || !r.step(head&1 == 1) {
		r.rest, r.bad = nil, true
		return nil, false
	}
	record := r.rest[n : n+int(size) : n+int(size)]
	r.rest = r.rest[n+int(size):]
	r.n++
	return record, true
}

func (r *chunkReader) step(opens bool) bool {
	r.opens = opens
	switch {
	case r.n == 0:
		return !opens
	case opens:
		r.rev = Revision{r.rev.Main + 1, 0}
		return r.rev.Main != 0
	}
	r.rev.Sub++
	return r.rev.Sub != 0
}

// err is errRecord if the chunk ended where none may.
func (r *chunkReader) err() error {
	if r.bad {
		return fmt.Errorf("%w: chunk of %d records", errRecord, r.n)
	}
	return nil
}

// add notes the record that the reader is at.
func (c *chunk) add(r *chunkReader, record []byte) {
	if r.opens {
		c.news |= 1 << c.n
	}
	c.n++
	c.note(record)
}

// cutChunk is the row without the records above main: a beginning of it, which has the first.
func cutChunk(first Revision, row []byte, main uint64) ([]byte, error) {
	r := readChunk(first, row)
	for {
		end := len(row) - len(r.rest)
		if _, ok := r.next(); !ok {
			return row, r.err()
		}
		if r.rev.Main > main {
			return row[:end], nil
		}
	}
}

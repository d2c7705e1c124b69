package mvcc

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// row is a row that a transaction will write: its bytes are tx.buf[from:to], or those of a large value's slot.
type row struct {
	kind     byte // as in the row's key; rowDropLease for the deletion of a lease
	rev      Revision
	id       uint64 // of a lease
	from, to int
	value    uint64 // v: the slot of the value, which Commit frees last
	length   int
}

const rowDropLease = 'L'

// chainRoom is how many bytes tx.buf begins with: room for the chain hash. Behind it lie the keys of r rows, each with its record, so that as
// long as there is nothing but these, all that the next chain hash is made of lies in one piece.
const chainRoom = 8

// beginRow writes the key of an r row, and returns where its record begins.
func (tx *Tx) beginRow(rev Revision) int {
	tx.buf = appendRowKey(tx.buf, 'r', rev)
	return len(tx.buf)
}

func (tx *Tx) addRow(rev Revision, from int) {
	tx.rows = append(tx.rows, row{kind: 'r', rev: rev, from: from, to: len(tx.buf)})
}

// writePut notes the cell's version as it is now: it may change again before Commit.
func (tx *Tx) writePut(c *cell, rev Revision) {
	from := tx.beginRow(rev)
	tx.buf = tx.s.appendPut(tx.buf, c)
	tx.addRow(rev, from)
	if c.large() && tx.s.valueRow(c) == rev {
		tx.rows = append(tx.rows, row{kind: 'v', rev: rev, value: c.value, length: int(c.valueLen)})
	}
}

func (tx *Tx) writeTombstone(c *cell, rev Revision, moved bool) {
	from := tx.beginRow(rev)
	tx.buf = appendTombstone(tx.buf, c.keyspace, tx.s.key(c), moved)
	tx.addRow(rev, from)
}

func (tx *Tx) writeBind(db uint32, ks, dropped Keyspace, rev Revision) {
	from := tx.beginRow(rev)
	tx.buf = appendBind(tx.buf, db, ks, dropped)
	tx.addRow(rev, from)
}

// PutLease writes the l row of a shared lease; it copies row.
func (tx *Tx) PutLease(id uint64, b []byte) {
	from := len(tx.buf)
	tx.buf = append(tx.buf, b...)
	tx.rows = append(tx.rows, row{kind: 'l', id: id, from: from, to: len(tx.buf)})
}

// DeleteLease removes the l row of a shared lease.
func (tx *Tx) DeleteLease(id uint64) {
	tx.rows = append(tx.rows, row{kind: rowDropLease, id: id})
}

// write hands the rows to the batch and to the chain hash.
func (tx *Tx) write() {
	for i := range tx.rows {
		if tx.rows[i].kind != 'r' {
			tx.writeMixed()
			return
		}
	}
	for i := range tx.rows {
		r := &tx.rows[i]
		tx.b.gather(r.rev, tx.buf[r.from:r.to])
	}
	binary.BigEndian.PutUint64(tx.buf, tx.s.chain)
	tx.s.chain = xxhash.Sum64(tx.buf)
}

// writeMixed is write of rows of several kinds. What it hands to the chain hash is the same, one piece after the other.
func (tx *Tx) writeMixed() {
	s, b := tx.s, tx.b.db
	var word [8]byte
	var key [rowKeyLen]byte
	binary.BigEndian.PutUint64(word[:], s.chain)
	tx.digest.Reset()
	tx.digest.Write(word[:])
	for i := range tx.rows {
		r := &tx.rows[i]
		switch r.kind {
		case rowDropLease:
			op := b.DeleteDeferred(9)
			op.Key[0] = 'l'
			binary.BigEndian.PutUint64(op.Key[1:], r.id)
			tx.digest.Write([]byte{rowDropLease})
			tx.digest.Write(op.Key)
			finish(op)
			continue
		case 'l':
			op := b.SetDeferred(9, r.to-r.from)
			op.Key[0] = 'l'
			binary.BigEndian.PutUint64(op.Key[1:], r.id)
			copy(op.Value, tx.buf[r.from:r.to])
			tx.digest.Write(op.Key)
			tx.digest.Write(op.Value)
			finish(op)
			continue
		}
		if r.kind == 'r' {
			record := tx.buf[r.from:r.to]
			tx.digest.Write(appendRowKey(key[:0], 'r', r.rev)) // whatever chunk it comes to
			tx.digest.Write(record)
			tx.b.gather(r.rev, record)
			continue
		}
		value := s.values.Bytes(slab.Ref(r.value), largePrefix+r.length)[largePrefix:]
		op := b.SetDeferred(rowKeyLen, len(value))
		appendRowKey(op.Key[:0], r.kind, r.rev)
		copy(op.Value, value)
		tx.digest.Write(op.Key)
		tx.digest.Write(op.Value)
		finish(op)
	}
	s.chain = tx.digest.Sum64()
}

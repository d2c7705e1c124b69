package mvcc

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// Batch is the changes of one committed Raft batch: they reach Pebble together with the applied index.
type Batch struct {
	s    *Store
	db   *pebble.Batch // nil between Commit and Begin
	tx   Tx
	meta []metaRow
	gone []goneRow // records and rows to be deleted by Commit

	gathered []byte   // the value of the open chunk's row
	chunk    chunk    // the open chunk; none when it has no records
	last     Revision // its last record
	wrote    int      // records gathered and freed, which bounds what Commit cleans
}

// goneRow names a record, or a v row.
type goneRow struct {
	kind byte
	rev  Revision
}

type metaRow struct {
	name  string
	value []byte
}

// Names of our own m rows; those of callers cannot begin with a zero byte.
const (
	metaFormat = "\x00format" // the ladder of whole directories: diskFormat
	metaState  = "\x00state"  // see state
	metaSeed   = "\x00seed"   // the key of the names' hash, big endian
)

// Begin opens the batch. There is one at a time, and the object is the same each time.
func (s *Store) Begin() *Batch {
	b := &s.batch
	if b.db != nil {
		panic(fmt.Sprintf("mvcc: a batch is open at revision %d", s.current))
	}
	b.db = s.db.NewBatch()
	b.meta, b.gone, b.wrote = b.meta[:0], b.gone[:0], 0
	return b
}

// Tx opens the next request's transaction, to end with Commit or Abort; the object is the same each time. It
// and the transaction's methods need Lock.
func (b *Batch) Tx() *Tx {
	tx := &b.tx
	if tx.open {
		panic(fmt.Sprintf("mvcc: a transaction is open at revision %d", b.s.current))
	}
	tx.open = true
	tx.reset()
	b.s.sweep()
	return tx
}

// SetMeta writes an m row with the batch; it copies value. Meta shows it after Commit.
func (b *Batch) SetMeta(name string, value []byte) {
	if name == "" || name[0] == 0 {
		panic(fmt.Sprintf("mvcc: meta name %q is not the caller's", name))
	}
	b.meta = append(b.meta, metaRow{name, bytes.Clone(value)})
}

// Commit writes the batch to Pebble, without waiting for the disk, and publishes its revision. It must be
// called without Lock. After an error the store is of no use any more.
func (b *Batch) Commit(applied uint64) error {
	s := b.s
	if b.tx.open {
		panic(fmt.Sprintf("mvcc: batch %d committed with a transaction open", applied))
	}
	if last := s.applied.Load(); applied < last {
		panic(fmt.Sprintf("mvcc: applied index %d follows %d", applied, last))
	}
	b.closeChunk()
	b.removeDead()
	b.removeRows()
	if err := b.clean(); err != nil {
		return fmt.Errorf("commit batch %d: %w", applied, err)
	}
	for _, m := range b.meta {
		b.setMeta(m.name, m.value)
	}
	st := state{applied: applied, revision: s.current, compacted: s.compacted, chain: s.chain, made: s.made}
	var buf [64]byte
	b.setMeta(metaState, st.append(buf[:0]))
	s.touched.Add(int64(b.db.Len()) + rowTouched*int64(b.db.Count()))
	if err := b.db.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("commit batch %d: %w", applied, err)
	}
	if err := b.db.Close(); err != nil {
		return fmt.Errorf("close batch %d: %w", applied, err)
	}
	b.db = nil
	if len(b.meta) > 0 {
		s.metaMu.Lock()
		for _, m := range b.meta {
			s.meta[m.name] = m.value
		}
		s.metaMu.Unlock()
	}
	s.frontier.Store(s.chunks.frontier())
	s.chunkBytes.Store(s.chunks.list.bytes())
	s.chained.Store(s.chain)
	s.published.Store(s.current)
	s.applied.Store(applied)
	return nil
}

func (b *Batch) setMeta(name string, value []byte) {
	op := b.db.SetDeferred(1+len(name), len(value))
	op.Key[0] = 'm'
	copy(op.Key[1:], name)
	copy(op.Value, value)
	finish(op)
}

// finish ends a deferred operation; it fails only on indexed batches, which ours is not.
func finish(op *pebble.DeferredBatchOp) {
	if err := op.Finish(); err != nil {
		panic("mvcc: " + err.Error())
	}
}

// remove deletes a record, or a row that was written once. A start may have found a version whose v row is gone already:
// to delete it again does nothing.
func (b *Batch) remove(kind byte, rev Revision) { b.gone = append(b.gone, goneRow{kind, rev}) }

// goneKeptMax is how much room for deletions is kept from one batch to the next.
const goneKeptMax = 64 << 10

// removeRows hands the deletions to Pebble in the order of the rows. Compaction frees versions in the order in
// which they were superseded, which is no order at all of the revisions that made them; sorted, each finds its
// place in the memtable beside the one before.
func (b *Batch) removeRows() {
	slices.SortFunc(b.gone, func(x, y goneRow) int {
		return cmp.Or(cmp.Compare(x.kind, y.kind), x.rev.Compare(y.rev))
	})
	for _, g := range b.gone {
		op := b.db.SingleDeleteDeferred(rowKeyLen)
		appendRowKey(op.Key[:0], g.kind, g.rev)
		finish(op)
	}
	if b.gone = b.gone[:0]; cap(b.gone) > goneKeptMax {
		b.gone = nil
	}
}

package mvcc

import "fmt"

// undo is how to take one change of the index back. Changes are taken back newest first, so each finds the
// index as it left it.
type undo struct {
	kind    uint8
	freeOld bool // Commit frees the value that old had
	freeNew bool // taking back frees the value that the cell has
	ref     uint32
	dropped Keyspace // undoBind
	old     cell     // undoVersion: as the cell was; its key's first bytes ride along unchanged
	element int      // undoElement: where in Tx.elements
}

const (
	undoCreate  = iota + 1 // the cell was made
	undoVersion            // the cell got another version; its old one is its newest past
	undoBind               // ref is a database that got another keyspace
	undoMake               // ref is a collection that was made
	undoElement            // ref is a collection of which an element changed: see elementUndo
)

// keptMax is how many changes a transaction may have had, at a hundred bytes of rows each, for
// its slices to be used again by the next: one request of a million changes shall not hold their room for ever.
const keptMax = 16 << 10

func (tx *Tx) reset() {
	if cap(tx.changes) > keptMax || cap(tx.rows) > keptMax || max(cap(tx.buf), cap(tx.kept)) > keptMax*100 {
		tx.changes, tx.undo, tx.rows, tx.buf, tx.elements, tx.kept = nil, nil, nil, nil, nil, nil
	}
	tx.elements, tx.kept, tx.sought.handle = tx.elements[:0], tx.kept[:0], 0
	tx.changes, tx.undo = tx.changes[:0], tx.undo[:0]
	tx.rows, tx.buf = tx.rows[:0], append(tx.buf[:0], make([]byte, chainRoom)...)
}

// note makes room for how to take a change back. What the kind does not use is left as it happens to be.
func (tx *Tx) note(kind uint8, ref uint32) *undo {
	tx.undo = extend(tx.undo)
	u := &tx.undo[len(tx.undo)-1]
	u.kind, u.ref, u.freeOld, u.freeNew = kind, ref, false, false
	return u
}

// extend makes a list longer by one, which is left as it happens to be: what a change needs beside its few bytes is large, and to
// clear all of it took longer than to fill in what matters.
func extend[T any](list []T) []T {
	if n := len(list); n < cap(list) {
		return list[:n+1]
	}
	var zero T
	return append(list, zero)
}

// Mark is the place to which Rollback comes back.
func (tx *Tx) Mark() Mark {
	return Mark{len(tx.changes), len(tx.undo), len(tx.rows), len(tx.buf)}
}

// Rollback takes back what came after the mark.
func (tx *Tx) Rollback(m Mark) {
	if m.undo > len(tx.undo) || m.changes > len(tx.changes) {
		panic(fmt.Sprintf("mvcc: rollback to change %d of %d", m.changes, len(tx.changes)))
	}
	tx.sought.handle = 0 // the number of changes goes back, and may come to what it was with others
	for i := len(tx.undo) - 1; i >= m.undo; i-- {
		tx.takeBack(&tx.undo[i])
	}
	tx.changes, tx.undo = tx.changes[:m.changes], tx.undo[:m.undo]
	tx.rows, tx.buf = tx.rows[:m.rows], tx.buf[:max(m.buf, chainRoom)]
}

func (tx *Tx) takeBack(u *undo) {
	s := tx.s
	if u.kind == undoBind {
		s.unbind(u.ref, u.dropped)
		if u.dropped != 0 {
			s.made--
		}
		return
	}
	switch u.kind {
	case undoMake:
		s.freeCollection(u.ref)
		return
	case undoElement:
		tx.takeBackElement(u)
		return
	}
	c := s.cell(u.ref)
	sp := s.spaces[Keyspace(c.keyspace)]
	if u.kind == undoCreate {
		if !u.freeNew {
			c.value, c.valueLen = 0, 0 // another key's
		}
		sp.live--
		s.forget(sp, u.ref, c)
		return
	}
	if u.freeNew {
		s.freeValue(c)
	}
	if c.live() {
		sp.live--
	} else {
		s.tombs.popBack()
	}
	s.pasts.popBack()
	if p := s.past(c.past); p.flags&(pastHolds|pastOwnsRow) == pastHolds|pastOwnsRow {
		s.unendCollection()
	}
	s.freePast(c.past)
	*c = u.old
	if c.live() {
		sp.live++
	}
}

// forgetUndo frees the values that nothing goes back to any more.
func (tx *Tx) forgetUndo() {
	for i := range tx.undo {
		if u := &tx.undo[i]; u.freeOld {
			tx.s.freeValue(&u.old)
		}
	}
	tx.undo = tx.undo[:0]
}

package mvcc

import "github.com/redoubt-db/redoubt/internal/slab"

// Compaction to n means what it means in etcd: views below n are refused, and of what they alone could see,
// versions superseded at or below n go, then tombstones below n, with their key if nobody made it again, then
// the keys of keyspaces dropped below n.
//
//	put@1.0 del@2.1 put@3.0 del@3.1   the generations {1.0, 2.1†} {3.0, 3.1†}
//	compact(2)                        {2.1†} {3.0, 3.1†}
//	compact(3)                        {3.1†}
//	compact(4)                        the key is forgotten
//
// A row goes only after every row it covers, so that a start at any moment rebuilds what was there: all
// versions up to n, then tombstones, then dropped keyspaces, then the rows that dropped them. What is
// to go is taken from the front of queues, so the cost is that of the garbage.

// Compact sets the compacted revision; views below are refused from now on. It frees nothing: that is
// CompactStep's. It takes no revision and is not undone by Rollback or Abort.
func (tx *Tx) Compact(rev uint64) error {
	s := tx.s
	if rev <= s.compacted {
		return ErrCompacted
	}
	if rev > s.current {
		return ErrFuture
	}
	s.compacted = rev
	s.oldest.Store(rev)
	return nil
}

// CompactStep frees at most max superseded versions, tombstones and keys of dropped keyspaces that the
// compacted revision has passed, rows and memory, and returns how many; less than max means there are
// no more. It is not undone, so it must be a transaction's only work.
func (tx *Tx) CompactStep(max int) (done int) {
	if len(tx.undo) > 0 {
		panic("mvcc: compaction in a transaction that may be undone")
	}
	s, b := tx.s, tx.b
	for ; done < max && s.duePast(); done++ {
		b.freePast(s.pasts.pop())
	}
	for ; done < max && len(s.stale) > 0; done++ {
		last := len(s.stale) - 1
		b.remove('r', s.stale[last])
		s.stale = s.stale[:last]
	}
	done += b.emptyCollections(max - done)
	if done == max {
		return done
	}
	for ; done < max && s.tombs.len > 0 && s.tombs.at(0).rev.Main < s.compacted; done++ {
		b.freeTombstone(s.tombs.pop())
	}
	for done < max && s.dueDrop() {
		done += b.emptySpace(max - done)
		done += b.emptyCollections(max - done)
	}
	for ; done < max && s.dueBind(); done++ {
		b.freeBinding(s.binds.pop())
	}
	for done < max && s.cools.len > 0 {
		done += s.coolSpace(max - done)
	}
	return done
}

func (x *index) duePast() bool {
	return x.pasts.len > 0 && x.past(x.pasts.at(0)).toMain <= x.compacted
}

func (x *index) dueDrop() bool {
	return x.drops.len > 0 && x.drops.at(0).rev.Main < x.compacted
}

// dueBind: a bind that dropped a keyspace stays until the keyspace is gone.
func (x *index) dueBind() bool {
	if x.binds.len == 0 || x.binds.at(0).to.Main > x.compacted {
		return false
	}
	return x.drops.len == 0 || x.drops.at(0).rev.Compare(x.binds.at(0).from) > 0
}

// freePast frees a past whose turn has come, and its rows.
func (b *Batch) freePast(ref uint32) {
	s := b.s
	p := s.past(ref)
	if p.flags&pastElement != 0 {
		b.freeElementPast(ref)
		return
	}
	if c := s.cell(p.owner); c.past == ref {
		c.past = 0
	}
	if p.flags&pastAbsent == 0 {
		b.remove('r', p.from())
	}
	switch p.flags & (pastOwnsRow | pastHolds) {
	case pastOwnsRow:
		b.remove('v', p.row())
	case pastOwnsRow | pastHolds:
		s.endedGone = s.ends.pop().elements
		s.letGo(p.handle())
	}
	s.index.freePast(ref)
}

func (x *index) freePast(ref uint32) {
	p := x.past(ref)
	x.pastBytes -= unpackSize(p.size)
	x.heap.pastSlab.Free(slab.Ref(ref))
}

func (b *Batch) freeTombstone(t tombstone) {
	s := b.s
	b.remove('r', t.rev)
	if c := s.cell(t.ref); c.mod() == t.rev {
		s.forget(s.spaces[Keyspace(c.keyspace)], t.ref, c)
	}
}

// emptySpace removes at most max keys of the oldest dropped keyspace, and the keyspace with the last.
func (b *Batch) emptySpace(max int) (done int) {
	s := b.s
	sp := s.spaces[s.drops.at(0).ks]
	for ; done < max; done++ {
		ref := sp.tree.takeMin()
		if ref == 0 {
			break
		}
		c := s.cell(ref)
		b.remove('r', c.mod())
		if c.collection() {
			s.letGo(c.handle())
		}
		if c.large() && s.valueRow(c) != (Revision{}) {
			b.remove('v', s.valueRow(c))
		}
		s.freeCell(ref)
		sp.live--
		s.dropped--
	}
	// No view reaches the table any more. It has at most a few entries for each of its parts left to free.
	for done < max {
		if sp.table.drop() < 0 {
			if s.cools.len > 0 && s.cools.at(0) == sp.id {
				s.cools.pop()
				s.chill = nil
			}
			s.dropElements -= sp.elements
			delete(s.spaces, sp.id)
			s.drops.pop()
			return done + 1
		}
		done++
	}
	return done
}

func (b *Batch) freeBinding(r rebound) {
	b.remove('r', r.from)
	s := b.s
	s.bound[r.database] = s.bound[r.database][1:]
}

// coolSpace drops the values of at most max keys of a keyspace that only views of the past can reach, and counts the elements of
// those that have some: they are history now. (To keep their number beside each keyspace would cost every change of an element.)
func (s *Store) coolSpace(max int) (done int) {
	sp := s.spaces[s.cools.at(0)]
	more := false
	sp.tree.ascend(s.chill, func(ref uint32) bool {
		c := s.cell(ref)
		if done == max {
			s.chill = append(s.chill[:0], s.key(c)...)
			more = true
			return false
		}
		if c.collection() {
			n := s.forest.Len(s.collection(c.handle()).root)
			sp.elements += n
			s.dropElements += n
		} else if c.live() && !c.cold() && c.valueLen > tinyMax {
			s.chillCell(c)
		}
		done++
		return true
	})
	if !more {
		s.cools.pop()
		s.chill = s.chill[:0]
		done = min(done+1, max)
	}
	return done
}

// chillCell drops a value from memory that is on disk.
func (h *heap) chillCell(c *cell) {
	n, row := int(c.valueLen), h.valueRow(c)
	h.freeValue(c)
	h.setCold(c, n, row)
}

// Garbage is how many items CompactStep would free now. It needs RLock.
func (s *Store) Garbage() int {
	n := s.pasts.before(func(ref uint32) bool { return s.past(ref).toMain > s.compacted })
	n += len(s.stale) + s.gones.len + s.goneElements
	n += s.tombs.before(func(t tombstone) bool { return t.rev.Main >= s.compacted })
	for i := 0; i < s.drops.len && s.drops.at(i).rev.Main < s.compacted; i++ {
		n += max(1, s.spaces[s.drops.at(i).ks].tree.t.Len())
	}
	if s.dueBind() {
		n += s.binds.before(func(r rebound) bool { return r.to.Main > s.compacted })
	}
	for i := range s.cools.len {
		n += max(1, s.spaces[s.cools.at(i)].tree.t.Len())
	}
	return n
}

// History tells what is kept of the past. It needs RLock.
func (s *Store) History() HistoryStats {
	return HistoryStats{
		Versions: s.kept(s.compacted),
		Bytes:    s.pastBytes + int64(s.tombs.len)*recordOverhead + int64(s.dropped)*s.cellMean() + s.pastElements()*elementBytes,
		Oldest:   s.compacted,
	}
}

// pastElements is how many elements only the past holds, with their keys or keyspaces.
func (x *index) pastElements() int64 {
	return int64(x.endedElements-x.endedGone) + int64(x.dropElements)
}

// kept is how many superseded versions, tombstones, dropped keys and elements of what is gone would stay after compact(rev).
func (s *Store) kept(rev uint64) int {
	n := s.pasts.len - s.pasts.before(func(ref uint32) bool { return s.past(ref).toMain > rev })
	n += s.tombs.len - s.tombs.before(func(t tombstone) bool { return t.rev.Main >= rev })
	n += s.dropped + s.dropElements + s.endedAfter(rev)
	for i := 0; i < s.drops.len && s.drops.at(i).rev.Main < rev; i++ {
		sp := s.spaces[s.drops.at(i).ks]
		n -= sp.live + sp.elements
	}
	return n
}

// cellMean is about what a key takes on disk.
func (s *Store) cellMean() int64 {
	cells, values := s.cells.Stats(), s.values.Stats()
	if cells.Slots == 0 {
		return 0
	}
	return recordOverhead - int64(cellHead) + (cells.Used+values.Used)/cells.Slots
}

// RevisionBefore is the least revision whose compaction leaves at most keep superseded versions, tombstones
// and dropped keys: the compacted revision when that is so already, the newest when no revision does it.
// It needs RLock.
func (s *Store) RevisionBefore(keep int) uint64 {
	low, high := s.compacted, s.current
	for low < high {
		if mid := low + (high-low)/2; s.kept(mid) <= keep {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

// RevisionBeforeBytes is RevisionBefore for a limit on History's Bytes, taking versions for equally large.
func (s *Store) RevisionBeforeBytes(limit int64) uint64 {
	h := s.History()
	if h.Bytes <= limit {
		return s.compacted
	}
	return s.RevisionBefore(int(float64(h.Versions) * float64(limit) / float64(h.Bytes)))
}

package raftlog

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

// ListNodeInfo lists the replicas that were bootstrapped here.
func (l *Log) ListNodeInfo() ([]raftio.NodeInfo, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var all []raftio.NodeInfo
	for id, g := range l.groups {
		if g.bootstrap != nil {
			all = append(all, id)
		}
	}
	slices.SortFunc(all, func(a, b raftio.NodeInfo) int {
		return cmp.Or(cmp.Compare(a.ShardID, b.ShardID), cmp.Compare(a.ReplicaID, b.ReplicaID))
	})
	return all, nil
}

// GetBootstrapInfo returns what was saved by SaveBootstrapInfo, or raftio.ErrNoBootstrapInfo.
func (l *Log) GetBootstrapInfo(shard, replica uint64) (b pb.Bootstrap, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	g := l.groups[raftio.GetNodeInfo(shard, replica)]
	if g == nil || g.bootstrap == nil {
		return b, raftio.ErrNoBootstrapInfo
	}
	return b, b.Unmarshal(g.bootstrap)
}

// GetSnapshot returns the newest snapshot, an empty one if there is none.
func (l *Log) GetSnapshot(shard, replica uint64) (ss pb.Snapshot, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	g := l.groups[raftio.GetNodeInfo(shard, replica)]
	if g == nil || g.snapshot == nil {
		return ss, nil
	}
	return ss, ss.Unmarshal(g.snapshot)
}

// ReadRaftState returns the state, and which entries there are at and behind the index of the newest snapshot.
func (l *Log) ReadRaftState(shard, replica, snapshot uint64) (raftio.RaftState, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	g := l.groups[raftio.GetNodeInfo(shard, replica)]
	if g == nil || pb.IsEmptyState(g.newest()) {
		return raftio.RaftState{}, raftio.ErrNoSavedLog
	}
	rs := raftio.RaftState{State: g.newest(), FirstIndex: snapshot}
	if g.last == 0 || g.last == snapshot {
		return rs, nil
	}
	rs.FirstIndex = max(snapshot, g.first)
	if g.last < snapshot || rs.FirstIndex > snapshot+1 {
		return raftio.RaftState{}, fmt.Errorf("%w: there is a snapshot of index %d, and entries from %d to %d; "+
			"restore the data directory from a copy", ErrDamaged, snapshot, g.first, g.last)
	}
	if g.first <= g.last {
		rs.EntryCount = g.last - rs.FirstIndex + 1
	}
	return rs, nil
}

// Limits of reading.
const (
	planMax = 256     // entries looked up at once
	readMin = 4 << 10 // bytes read at least, if there are as many
	readMax = 1 << 20 // and at most, unless an entry is longer
)

// plan is where some entries lie in one segment, and what was read of it.
type plan struct {
	seg     *segment
	offsets []uint32
	end     int64 // of the segment's records
	buf     []byte
	at      int64 // offset of buf
}

// IterateEntries appends the entries from low to before high to ents, and their sizes to size. It stops behind the entry that
// makes the size larger than maxSize.
func (l *Log) IterateEntries(
	ents []pb.Entry, size, shard, replica, low, high, maxSize uint64,
) ([]pb.Entry, uint64, error) {
	if err := l.beside.settle(); err != nil { // what is being written beside is not in the file yet
		return nil, 0, err
	}
	l.files.RLock()
	defer l.files.RUnlock()
	p := l.plans.Get().(*plan)
	defer l.putBack(p)
	for id := raftio.GetNodeInfo(shard, replica); low < high && l.locate(p, id, low, high); {
		for _, offset := range p.offsets {
			payload, err := l.item(p, int64(offset), int64(min(maxSize-min(size, maxSize), readMax)))
			if err != nil {
				return nil, 0, err
			}
			e, ok := decodeEntry(payload)
			if !ok || e.Index != low {
				return nil, 0, p.broken(int64(offset))
			}
			ents, size, low = append(ents, e), size+uint64(e.SizeUpperLimit()), low+1
			if size > maxSize {
				return ents, size, nil
			}
		}
	}
	return ents, size, nil
}

// locate plans for the entries from low on that lie in one segment. It is false if there is none.
func (l *Log) locate(p *plan, id raftio.NodeInfo, low, high uint64) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	g := l.groups[id]
	if g == nil || low < g.first || low > g.last {
		return false
	}
	i, found := slices.BinarySearchFunc(g.spans, low, func(s span, low uint64) int { return cmp.Compare(s.first, low) })
	if !found {
		i--
	}
	if i < 0 {
		return false
	}
	s := g.spans[i]
	from := low - s.first
	to := min(high-s.first, uint64(len(s.offsets)), from+planMax)
	p.seg, p.end, p.offsets = s.seg, s.seg.end, append(p.offsets[:0], s.offsets[from:to]...)
	p.buf, p.at = p.buf[:0], 0
	return true
}

// putBack keeps a plan for the next reader, without a buffer of unusual size.
func (l *Log) putBack(p *plan) {
	if cap(p.buf) > 2*readMax {
		p.buf = nil
	}
	p.seg = nil
	l.plans.Put(p)
}

// item returns the payload of the entry at an offset, which is the plan's until the next call. It reads as many bytes as are asked for, or
// as the entry has.
func (l *Log) item(p *plan, offset, want int64) ([]byte, error) {
	want = max(want, readMin)
	for range 3 { // what was read may not reach to the entry, and what is read then not to its end
		if skip := offset - p.at; skip >= 0 && skip+itemHeaderLen <= int64(len(p.buf)) {
			b := p.buf[skip:]
			if it, _, whole := nextItem(b); whole {
				if !it.sound || it.kind != kindEntry {
					break
				}
				return it.payload, nil
			}
			want = max(want, itemHeaderLen+int64(binary.LittleEndian.Uint32(b)))
		}
		n := min(want, p.end-offset)
		p.buf, p.at = slices.Grow(p.buf[:0], int(n))[:n], offset
		f, err := p.seg.reader(l.fs)
		if err == nil {
			err = readFull(f, p.buf, offset)
		}
		if err != nil {
			p.buf = p.buf[:0]
			return nil, fmt.Errorf("raftlog: read %s: %w", p.seg.path, err)
		}
	}
	return nil, p.broken(offset)
}

func (p *plan) broken(offset int64) error {
	return fmt.Errorf("%w: %s holds other bytes at offset %d than were written", ErrDamaged, p.seg.path, offset)
}

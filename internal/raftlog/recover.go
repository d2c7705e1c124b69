package raftlog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lni/dragonboat/v4/raftio"
)

// recovery reads a log.
type recovery struct {
	l       *Log
	numbers []uint64 // of the segments, without a gap

	unfinished []string // segments that were never renamed
	leftover   []string // segments that were to be removed

	headers  []segmentHeader
	last     *segment // the newest
	previous link     // how the next segment continues it

	// tail is the last record, if it was not written together with the segment that it lies in. Nobody knows whether it is on the
	// disk: the process may have died between the write and the sync, or because the sync failed. So it is not counted as part of
	// its segment but written again, into the next one, before anything is done that relies on it.
	tail *builder
}

// list looks for segments. Removal begins in front, but what the disk remembers of it is in no order: so what lies in front of a gap
// was to be removed. If it was not, entries are missing.
func (l *Log) list() (*recovery, error) {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return nil, err
	}
	r := &recovery{l: l, tail: newBuilder()}
	for _, name := range names {
		if number, ok := segmentNumber(name); ok {
			r.numbers = append(r.numbers, number)
		} else if _, unfinished := segmentNumber(strings.TrimSuffix(name, newSuffix)); unfinished {
			r.unfinished = append(r.unfinished, name)
		}
	}
	slices.Sort(r.numbers)
	for i := len(r.numbers) - 1; i > 0; i-- {
		if r.numbers[i-1] == r.numbers[i]-1 {
			continue
		}
		for _, number := range r.numbers[:i] {
			r.leftover = append(r.leftover, segmentName(number))
		}
		r.numbers = r.numbers[i:]
		break
	}
	return r, nil
}

// replay reads all segments.
func (r *recovery) replay() error {
	for i := range r.numbers {
		if err := r.open(i, r.header); err != nil {
			return err
		}
	}
	for i := range r.numbers {
		if err := r.open(i, r.segment); err != nil {
			return err
		}
	}
	return nil
}

// open calls a function with the file of a segment.
func (r *recovery) open(i int, read func(i int, s *segment, in *scanner) error) error {
	s := &segment{number: r.numbers[i], path: r.l.fs.PathJoin(r.l.dir, segmentName(r.numbers[i]))}
	f, err := r.l.fs.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = read(i, s, &scanner{in: f, size: info.Size()})
	}
	if err == nil || errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewer) {
		return err
	}
	return fmt.Errorf("raftlog: read %s: %w", s.path, err)
}

func (r *recovery) header(i int, s *segment, in *scanner) error {
	if in.size < segmentHeaderLen {
		return r.damaged(i, 0)
	}
	var b [segmentHeaderLen]byte
	if err := readFull(in.in, b[:], 0); err != nil {
		return err
	}
	h, err := decodeSegmentHeader(b[:])
	switch {
	case errors.Is(err, errHeader):
		return r.damaged(i, 0)
	case err != nil:
		return fmt.Errorf("%w: %s", err, s.path)
	case h.number != s.number || i > 0 && h.previous.salt != r.headers[i-1].salt || i > 0 && h.previous.end < segmentHeaderLen:
		return fmt.Errorf("%w: %s does not continue the segment before it; restore the data directory from a copy", ErrDamaged, s.path)
	}
	r.headers = append(r.headers, h)
	return nil
}

// segment reads the records of a segment: of one before the last up to where the next one says.
func (r *recovery) segment(i int, s *segment, in *scanner) error {
	h := r.headers[i]
	s.salt, in.salt = h.salt, h.salt
	if i == 0 {
		r.l.seq = h.previous.seq
	}
	r.l.segments = append(r.l.segments, s)
	if i < len(r.headers)-1 {
		next := r.headers[i+1].previous
		offset, err := r.records(i, s, in, next.end)
		if err == nil && (offset != next.end || r.l.seq != next.seq) {
			err = r.damaged(i, offset)
		}
		return err
	}
	return r.newest(i, s, in)
}

// records takes notice of the records up to an offset.
func (r *recovery) records(i int, s *segment, in *scanner, end int64) (int64, error) {
	offset := int64(segmentHeaderLen)
	for offset < end {
		rec, v, err := in.look(offset, r.l.seq+1)
		if err != nil {
			return offset, err
		}
		if v != whole {
			return offset, r.damaged(i, offset)
		}
		if err := r.apply(i, s, rec); err != nil {
			return offset, err
		}
		offset = rec.end()
	}
	return offset, nil
}

// newest reads the newest segment, which may end anywhere behind its head.
func (r *recovery) newest(i int, s *segment, in *scanner) error {
	r.last = s
	offset := int64(segmentHeaderLen)
	for {
		rec, v, err := in.next(offset, r.l.seq+1+r.pending())
		switch {
		case err != nil:
			return err
		case v == damaged || v == torn && offset == segmentHeaderLen:
			return r.damaged(i, offset)
		case v == torn:
			r.previous = link{salt: s.salt, end: s.end, seq: r.l.seq}
			return nil
		}
		if err := r.settle(); err != nil {
			return err
		}
		if offset == segmentHeaderLen {
			err = r.apply(i, s, rec)
		} else {
			r.tail.reset()
			r.tail.grow(len(rec.body) + recordAlign)
			r.tail.buf = append(r.tail.buf, rec.body...)
		}
		if err != nil {
			return err
		}
		offset = rec.end()
	}
}

// pending counts the record that was read and is not applied.
func (r *recovery) pending() uint64 {
	if !r.tail.empty() {
		return 1
	}
	return 0
}

// settle takes notice of the tail.
func (r *recovery) settle() error {
	if r.tail.empty() {
		return nil
	}
	return r.apply(len(r.numbers)-1, r.last, record{offset: r.last.end, body: r.tail.body()})
}

func (r *recovery) apply(i int, s *segment, rec record) error {
	err := r.l.apply(s, rec.offset, rec.body)
	if err == nil || errors.Is(err, ErrNewer) {
		return err
	}
	return fmt.Errorf("%w: %w", r.damaged(i, rec.offset), err)
}

// complete fails if entries are live that no segment holds. It tries that with a copy of all groups, since the tail counts and is
// not to be noticed before it is written again.
func (r *recovery) complete() error {
	trial := &recovery{l: &Log{fs: r.l.fs, dir: r.l.dir, groups: map[raftio.NodeInfo]*group{}}, numbers: r.numbers, last: r.last, tail: r.tail}
	for id, g := range r.l.groups {
		trial.l.groups[id] = g.clone()
	}
	if r.last != nil {
		end := r.last.end
		defer func() { r.last.end = end }()
	}
	if err := trial.settle(); err != nil {
		return err
	}
	for _, g := range trial.l.sorted() {
		if g.lacks() {
			return fmt.Errorf("%w: %s does not hold the entries from %d to %d any more; restore the data directory from a copy",
				ErrDamaged, r.l.dir, g.first, min(g.missing, g.last))
		}
	}
	return nil
}

// damaged says what can be done about wrong bytes at an offset of a segment, where a record was to begin.
func (r *recovery) damaged(i int, offset int64) error {
	var paths []string
	for _, number := range r.numbers[i:] {
		paths = append(paths, r.l.fs.PathJoin(r.l.dir, segmentName(number)))
	}
	broken := fmt.Errorf("%w: %s holds other bytes than were written at offset %d", ErrDamaged, paths[0], offset)
	var way string
	switch {
	case offset > segmentHeaderLen && len(paths) == 1:
		way = fmt.Sprintf("cutting the file to %d bytes", offset)
	case offset > segmentHeaderLen:
		way = fmt.Sprintf("removing %s and cutting the file to %d bytes", strings.Join(paths[1:], ", "), offset)
	case i > 0:
		way = "removing " + strings.Join(paths, ", ")
	default: // what the log begins with is gone
		return fmt.Errorf("%w; restore the data directory from a copy", broken)
	}
	return fmt.Errorf("%w, in front of acknowledged writes; restore the data directory from a copy, or give up the writes from there on by %s",
		broken, way)
}

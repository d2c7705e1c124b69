package raftlog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
	"github.com/lni/vfs"

	"github.com/redoubt-db/redoubt/internal/aio"
)

// Name is what dragonboat writes into its flag file about this log.
const Name = "redoubt-raftlog"

// defaultSegmentBytes is small beside what is kept of the log, since that goes in whole segments.
const defaultSegmentBytes = 16 << 20

// Errors of opening a log.
var (
	// ErrDamaged means that acknowledged writes are lost or cannot be told from others.
	ErrDamaged = errors.New("raftlog: the Raft log is damaged")
	// ErrNewer means that a newer version wrote the log.
	ErrNewer = errors.New("raftlog: the Raft log was written by a newer version; start that version instead")

	errHeader = errors.New("raftlog: not the header of a segment")
	errClosed = errors.New("raftlog: closed")
)

// Options of a log. Dir has no default.
type Options struct {
	FS           vfs.FS // the operating system's by default
	Dir          string // made if absent
	SegmentBytes int64

	// Direct has files written past the kernel's cache, or takes that back; aio.Direct by default. Where it fails, they are written through it.
	Direct func(file any, on bool) error

	// Writer writes records from a kilobyte on, where files are written directly; the log closes it. The default is aio.Parked, or none with another Direct
	// than the default: they are written by calls that wait then.
	Writer Writer
}

// Writer writes blocks to a vfs.File and returns when they, and what was written to it before, are on the disk: aio.Parked. There is one call at a time.
// An error of aio.ErrNone means that nothing was written.
type Writer interface {
	WriteSync(file any, blocks []byte, offset int64) error
	Close()
}

// writerLeast bytes of a record are worth a Writer. It has what one client at a time writes on the disk later than calls that wait do.
const writerLeast = 1 << 10

// Log is a log of Raft. All its methods may be called by any goroutine; those that write do it one at a time. Once one of them failed to
// write, all fail: what the disk holds is not known any more, and only a restart finds out.
type Log struct {
	fs           vfs.FS
	dir          string
	segmentBytes int64
	direct       func(file any, on bool) error
	writer       Writer // guarded by writing

	// Locks are taken in the order writing, files, mu.
	writing sync.Mutex   // held while a record is made, written and synced
	files   sync.RWMutex // shared by readers of files; held to remove some
	mu      sync.RWMutex // guards what follows where it changes; who holds writing may read it

	groups   map[raftio.NodeInfo]*group
	segments []*segment // ascending; the last one is written
	seq      uint64     // of the last record
	failed   error      // guarded by writing
	out      builder    // guarded by writing, as zeros are
	zeros    []byte
	beside   beside
	plans    sync.Pool // of *plan
}

var _ raftio.ILogDB = (*Log)(nil)

// Name returns the type of the log.
func (l *Log) Name() string { return Name }

// BinaryFormat returns the version of the format, which dragonboat compares with the one that a directory was made with.
func (l *Log) BinaryFormat() uint32 { return format }

// active is the segment that is written.
func (l *Log) active() *segment { return l.segments[len(l.segments)-1] }

// group returns what is held of a replica. Whoever calls it holds writing.
func (l *Log) group(shard, replica uint64) *group {
	id := raftio.GetNodeInfo(shard, replica)
	if g := l.groups[id]; g != nil {
		return g
	}
	g := &group{id: id, first: 1}
	l.mu.Lock()
	l.groups[id] = g
	l.mu.Unlock()
	return g
}

// sorted returns all groups in the order of their ids.
func (l *Log) sorted() []*group {
	all := make([]*group, 0, len(l.groups))
	for _, g := range l.groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.id.ShardID, b.id.ShardID), cmp.Compare(a.id.ReplicaID, b.id.ReplicaID))
	})
	return all
}

// start begins the making of a record.
func (l *Log) start() error {
	l.out.reset()
	return l.failed
}

// fail remembers that the log cannot be written any more.
func (l *Log) fail(err error) error {
	if l.failed == nil {
		l.failed = fmt.Errorf("raftlog: write %s: %w", l.dir, err)
	}
	return l.failed
}

// commit writes the record that was made, if anything was put into it, syncs it, and only then takes notice of it.
func (l *Log) commit() error { return l.commitTo(0) }

// commitTo is commit; if the record is of entries from ahead on, and not zero, it is synced beside where that can be.
func (l *Log) commitTo(ahead uint64) error {
	if l.out.empty() {
		return nil
	}
	if err := l.beside.settle(); err != nil {
		return l.fail(err)
	}
	size := total(int64(len(l.out.body())))
	if s := l.active(); s.end+size > l.segmentBytes && s.end > s.begun {
		if err := l.rotate(); err != nil {
			return l.fail(err)
		}
	}
	s := l.active()
	rec, err := l.out.seal(s.salt, l.seq+1, s.end)
	if err == nil {
		err = s.prepare(size, l.segmentBytes, l.zeros)
	}
	if err == nil {
		err = l.put(s, rec, ahead)
	}
	if err == nil {
		err = l.apply(s, s.end, l.out.body())
	}
	if err != nil {
		return l.fail(err)
	}
	l.out.reset()
	return nil
}

// put has a record on the disk or, with ahead, on its way there.
func (l *Log) put(s *segment, rec []byte, ahead uint64) error {
	if s.atOnce(len(rec)) {
		if ahead > 0 {
			if under, err := l.beside.write(s, rec, ahead); under || err != nil {
				return err
			}
		}
		if l.writer != nil && len(rec) >= writerLeast {
			return l.writeParked(s, rec)
		}
	}
	if err := s.write(rec, s.end); err != nil {
		return err
	}
	if ahead > 0 {
		return l.beside.sync(s, ahead)
	}
	return s.sync()
}

// writeParked has a record on the disk without a thread that waits for it.
func (l *Log) writeParked(s *segment, rec []byte) error {
	s.blocks.fill(rec)
	err := l.writer.WriteSync(s.out, s.blocks.whole(), s.blocks.at)
	if errors.Is(err, aio.ErrNone) {
		return s.writeFilled()
	}
	return err
}

// apply takes notice of the items of a record at an offset of a segment. A start does it with what it reads, and a commit with what it has
// written, so that they cannot come to differ.
func (l *Log) apply(s *segment, offset int64, body []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.end = offset + total(int64(len(body)))
	l.seq++
	var g *group
	at := offset + recordHeaderLen
	for len(body) > 0 {
		it, n, ok := nextItem(body)
		if !ok {
			return errItem
		}
		if it.kind == kindReplica {
			var id raftio.NodeInfo
			if !decodeWords(it.payload, &id.ShardID, &id.ReplicaID) {
				return errItem
			}
			if g = l.groups[id]; g == nil {
				g = &group{id: id, first: 1}
				l.groups[id] = g
			}
		} else if g == nil {
			return errItem
		} else if err := l.applyItem(g, s, uint32(at), it); err != nil {
			return err
		}
		body, at = body[n:], at+int64(n)
	}
	return nil
}

var errItem = errors.New("raftlog: an item of a record has no meaning")

func (l *Log) applyItem(g *group, s *segment, at uint32, it item) error {
	switch it.kind {
	case kindState:
		var st pb.State
		if !decodeWords(it.payload, &st.Term, &st.Vote, &st.Commit) {
			return errItem
		}
		g.setSaved(st)
	case kindEntry:
		typ, index, ok := peekEntry(it.payload)
		if !ok {
			return errItem
		}
		return g.append(s, index, at, typ)
	case kindBootstrap:
		var b pb.Bootstrap
		if err := b.Unmarshal(it.payload); err != nil {
			return err
		}
		g.bootstrap = slices.Clone(it.payload)
	case kindSnapshot:
		var ss pb.Snapshot
		if err := ss.Unmarshal(it.payload); err != nil {
			return err
		}
		g.snapshot, g.snapIndex = slices.Clone(it.payload), ss.Index
	case kindRange:
		var first, last uint64
		if !decodeWords(it.payload, &first, &last) || first == 0 || first > last+1 {
			return errItem
		}
		g.limit(first, last)
		g.trimmed = false
	case kindGone:
		delete(l.groups, g.id)
	default:
		return fmt.Errorf("%w: an item of kind %d", ErrNewer, it.kind)
	}
	return nil
}

// head returns the items that a segment begins with: all that is known besides entries, so that the segments before can be dropped.
func (l *Log) head() *builder {
	b := newBuilder()
	for _, g := range l.sorted() {
		b.replica(g.id)
		if g.bootstrap != nil {
			b.bytes(kindBootstrap, g.bootstrap)
		}
		if s := g.newest(); !pb.IsEmptyState(s) {
			b.state(s)
		}
		if g.snapshot != nil {
			b.bytes(kindSnapshot, g.snapshot)
		}
		b.words(kindRange, g.first, g.last)
	}
	return b
}

// begin makes the next segment and writes to it from now on. It holds the head, and what was found at the end of the log before, if anything
// was.
func (l *Log) begin(previous link, records ...*builder) error {
	h := segmentHeader{number: 1, salt: newSalt(), previous: previous}
	if len(l.segments) > 0 {
		h.number = l.active().number + 1
	}
	content, seq, end := [][]byte{h.encode()}, previous.seq, int64(segmentHeaderLen)
	for _, b := range records {
		seq++
		rec, err := b.seal(h.salt, seq, end)
		if err != nil {
			return err
		}
		content, end = append(content, rec), end+int64(len(rec))
	}
	s, err := l.create(h.number, h.salt, content)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.segments = append(l.segments, s)
	l.seq = previous.seq
	l.mu.Unlock()
	offset := int64(segmentHeaderLen)
	for i, b := range records {
		if err := l.apply(s, offset, b.body()); err != nil {
			return err
		}
		offset += int64(len(content[i+1]))
	}
	return nil
}

// rotate closes the segment that is written and begins the next.
func (l *Log) rotate() error {
	s := l.active()
	out := s.out
	s.out = nil
	if err := out.Close(); err != nil {
		return err
	}
	return l.begin(link{salt: s.salt, end: s.end, seq: l.seq}, l.head())
}

// drop removes the segments in front that hold no live entry. Records of the limits of all groups are on disk.
func (l *Log) drop() error {
	n := l.droppable()
	if n == 0 {
		return nil
	}
	l.files.Lock()
	defer l.files.Unlock()
	l.mu.Lock()
	gone := slices.Clone(l.segments[:n])
	l.segments = slices.Delete(l.segments, 0, n)
	l.mu.Unlock()
	for _, s := range gone {
		if err := errors.Join(s.close(), l.fs.Remove(s.path)); err != nil {
			return err
		}
	}
	return l.syncDir(l.dir)
}

// droppable counts the segments in front that hold no live entry.
func (l *Log) droppable() int {
	needed := l.active().number
	for _, g := range l.groups {
		if s := g.oldest(); s != nil {
			needed = min(needed, s.number)
		}
	}
	return slices.IndexFunc(l.segments, func(s *segment) bool { return s.number >= needed })
}

// Close writes what is held back and closes the files.
func (l *Log) Close() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if errors.Is(l.failed, errClosed) {
		return nil
	}
	err := l.beside.settle()
	if err == nil {
		err = l.start()
	}
	if err == nil {
		for _, g := range l.sorted() {
			l.stageHeld(g)
		}
		err = l.commit()
	}
	l.failed = errClosed
	l.files.Lock()
	defer l.files.Unlock()
	errs := []error{err}
	for _, s := range l.segments {
		errs = append(errs, s.close())
	}
	if l.writer != nil {
		l.writer.Close()
	}
	return errors.Join(errs...)
}

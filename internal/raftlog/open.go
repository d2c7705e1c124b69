package raftlog

import (
	"errors"
	"fmt"

	"github.com/lni/dragonboat/v4/raftio"
	"github.com/lni/vfs"

	"github.com/redoubt-db/redoubt/internal/aio"
)

const zeroBuffer = 256 << 10 // which nobody writes to, so that it takes no memory

// Open reads the log in a directory and begins a new segment in it. Nothing that was read waits for a sync then: see recovery.tail.
func Open(o Options) (*Log, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Direct == nil {
		o.Direct = aio.Direct
		if err := o.park(); err != nil {
			return nil, err
		}
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	l := &Log{fs: o.FS, dir: o.Dir, segmentBytes: o.SegmentBytes, direct: o.Direct, writer: o.Writer, groups: map[raftio.NodeInfo]*group{}, zeros: aio.Aligned(zeroBuffer)}
	l.plans.New = func() any { return new(plan) }
	if err := l.open(); err != nil {
		if l.writer != nil {
			l.writer.Close()
		}
		return nil, err
	}
	return l, nil
}

// park sets the default Writer, if there is one here.
func (o *Options) park() error {
	if o.Writer != nil {
		return nil
	}
	w, err := aio.NewParked()
	switch {
	case err == nil:
		o.Writer = w
	case !errors.Is(err, aio.ErrNone):
		return err
	}
	return nil
}

func (l *Log) open() error {
	if err := l.makeDir(); err != nil {
		return err
	}
	r, err := l.list()
	if err != nil {
		return err
	}
	if err := r.replay(); err != nil {
		return err
	}
	if err := r.complete(); err != nil {
		return err
	}
	if err := l.sweep(r.unfinished); err != nil {
		return err
	}
	records := []*builder{l.head()}
	if !r.tail.empty() {
		records = append(records, r.tail)
	}
	if err := l.begin(r.previous, records...); err != nil {
		return fmt.Errorf("raftlog: write %s: %w", l.dir, err)
	}
	if err := l.sweep(r.leftover); err != nil {
		return errors.Join(err, l.active().close())
	}
	return nil
}

func (l *Log) makeDir() error {
	if err := l.fs.MkdirAll(l.dir, 0o750); err != nil {
		return err
	}
	return l.syncDir(l.fs.PathDir(l.dir))
}

// sweep removes files that a start or the removal of segments was interrupted with.
func (l *Log) sweep(names []string) error {
	for _, name := range names {
		if err := l.fs.Remove(l.fs.PathJoin(l.dir, name)); err != nil {
			return err
		}
	}
	if len(names) == 0 {
		return nil
	}
	return l.syncDir(l.dir)
}

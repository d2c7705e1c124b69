package raftlog

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/lni/vfs"
)

// Zeros are written ahead of the records, so that a sync finds the size of the file and its blocks unchanged and has no journal
// of the file system to wait for. The steps grow with the segment, so that a node which is restarted often does not fill the disk.
const (
	zeroStepMin = 4 << 10
	zeroStepMax = 1 << 20
	zeroSkip    = 64 << 10 // a record from this length on costs more than the journal, and its zeros would cost as much again
)

const (
	segmentSuffix = ".raftlog"
	newSuffix     = ".new"
)

// segment is one file of the log.
type segment struct {
	number, salt uint64
	path         string
	begun        int64 // end of what it was created with
	end          int64 // of the last record; guarded by Log.mu once the log is open

	out    vfs.File     // of the newest segment, which is written
	sync   func() error // fdatasync where there is one
	blocks *blocks      // nil: it is written through the kernel's cache
	zeroed int64        // up to where the file is there

	reading sync.Mutex
	in      vfs.File // opened by the first who reads
}

func segmentName(number uint64) string { return fmt.Sprintf("%010d%s", number, segmentSuffix) }

// segmentNumber returns the number of a segment of that name.
func segmentNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	number, err := strconv.ParseUint(digits, 10, 63)
	return number, ok && err == nil && number > 0 && segmentName(number) == name
}

// newSalt returns a number that no other segment has.
func newSalt() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return max(1, binary.LittleEndian.Uint64(b[:]))
}

// create writes a segment with its first records. It has its name only when all of that is on disk, so a segment with
// another header than a whole one is damaged.
func (l *Log) create(number, salt uint64, content [][]byte) (*segment, error) {
	s := &segment{number: number, salt: salt, path: l.fs.PathJoin(l.dir, segmentName(number))}
	f, err := l.fs.Create(s.path + newSuffix)
	if err != nil {
		return nil, err
	}
	s.out, s.sync = f, vfs.NewSyncingFile(f, vfs.SyncingFileOptions{}).Sync // not its Close, which syncs once more
	if err = l.writeFirst(s, content); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = l.fs.Rename(s.path+newSuffix, s.path)
	}
	if err == nil {
		err = l.syncDir(l.dir)
	}
	if err != nil {
		return nil, errors.Join(err, s.out.Close())
	}
	s.begun, s.zeroed = s.end, s.end
	return s, nil
}

// writeFirst writes what a segment is created with, past the kernel's cache if that can be.
func (l *Log) writeFirst(s *segment, content [][]byte) error {
	all := slices.Concat(content...)
	if l.direct(s.out, true) == nil {
		s.blocks = new(blocks)
	}
	err := s.write(all, 0)
	if s.blocks != nil && errors.Is(err, syscall.EINVAL) {
		s.blocks = nil
		if err = l.direct(s.out, false); err == nil {
			err = s.write(all, 0)
		}
	}
	s.end = int64(len(all))
	return err
}

// write writes what comes next.
func (s *segment) write(b []byte, offset int64) error {
	if s.blocks != nil {
		return s.blocks.write(s.out, b)
	}
	_, err := s.out.WriteAt(b, offset)
	return err
}

// atOnce tells whether a record can be written, with its sync, by one request to the kernel. One for which the file has to grow cannot:
// submitting that would wait.
func (s *segment) atOnce(length int) bool {
	return s.blocks != nil && s.end+int64(length) <= s.zeroed && length < zeroSkip && s.blocks.fits(length)
}

// writeFilled writes what the blocks were filled with, by calls that wait, and syncs it.
func (s *segment) writeFilled() error {
	if _, err := s.out.WriteAt(s.blocks.whole(), s.blocks.at); err != nil {
		return err
	}
	return s.sync()
}

// prepare writes zeros where a record of that length is to be, and some more, if they have run out.
func (s *segment) prepare(length, limit int64, zeros []byte) error {
	end := s.end + length
	if end <= s.zeroed {
		return nil
	}
	at := max(s.zeroed, s.end)
	if length >= zeroSkip {
		s.zeroed = end
		return nil
	}
	until := max(end, min(end+min(max(end, zeroStepMin), zeroStepMax), limit))
	if s.blocks != nil { // whose last block is there, and has its zeros
		at, until = wholeBlocks(at), wholeBlocks(until)
	}
	for at < until {
		n := min(int64(len(zeros)), until-at)
		if _, err := s.out.WriteAt(zeros[:n], at); err != nil {
			return err
		}
		at += n
	}
	s.zeroed = until
	return nil
}

// reader returns the file for reading.
func (s *segment) reader(fs vfs.FS) (vfs.File, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.in == nil {
		f, err := fs.Open(s.path)
		if err != nil {
			return nil, err
		}
		s.in = f
	}
	return s.in, nil
}

// close closes what is open of the file.
func (s *segment) close() error {
	s.reading.Lock()
	defer s.reading.Unlock()
	var errs []error
	if s.out != nil {
		errs = append(errs, s.out.Close())
	}
	if s.in != nil {
		errs = append(errs, s.in.Close())
	}
	s.out, s.in = nil, nil
	return errors.Join(errs...)
}

func (l *Log) syncDir(dir string) error {
	d, err := l.fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

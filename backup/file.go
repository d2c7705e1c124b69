// Package backup keeps copies of the data outside of the cluster, makes a cluster of one of a copy, and another of the
// one directory that is left of a cluster.
package backup

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/redoubt-db/redoubt/internal/datadir"
)

// A backup file is its facts as text, an empty line, and the state as mvcc.Snapshot writes it, which ends with a
// checksum of its own:
//
//	redoubt-backup 1
//	cluster 0004601f6c1e04c2
//	node 000e8d2c5a0b9f31
//	revision 42
//	compacted 7
//	applied 1017
//	logtime 1731412345678
//	content 9f86d081884c7d65
//	sum 2c26b46b68ffc68f
//
// sum is the xxhash64 of the lines before it. Numbers of formats are never reused.
const (
	fileFormat = 1
	headerMax  = 4 << 10
	sumBytes   = 8 // behind the state
)

// ErrFile: the file is not a whole backup.
var ErrFile = errors.New("not a whole backup")

// Header is what a backup says about itself.
type Header struct {
	Cluster, Node uint64 // where it was taken
	Revision      uint64 // the newest one in it
	Compacted     uint64 // the oldest that can be read
	Applied       uint64 // index of the last entry of the old cluster's log in it
	LogTime       int64  // milliseconds since 1970
	Content       uint64 // hash of all that is to be seen at Revision
}

func (h *Header) facts() []byte {
	return fmt.Appendf(nil, "redoubt-backup %d\ncluster %016x\nnode %016x\nrevision %d\ncompacted %d\napplied %d\nlogtime %d\ncontent %016x\n",
		fileFormat, h.Cluster, h.Node, h.Revision, h.Compacted, h.Applied, h.LogTime, h.Content)
}

func (h *Header) text() []byte {
	facts := h.facts()
	return fmt.Appendf(facts, "sum %016x\n\n", xxhash.Sum64(facts))
}

// readHeader reads up to the state.
func readHeader(in *bufio.Reader) (h Header, err error) {
	var text strings.Builder
	for !strings.HasSuffix(text.String(), "\n\n") {
		line, err := in.ReadString('\n')
		if text.WriteString(line); err != nil && err != io.EOF {
			return Header{}, err
		} else if err != nil || text.Len() > headerMax {
			return Header{}, fmt.Errorf("%w: it has no header", ErrFile)
		}
	}
	var format int
	var sum uint64
	if _, err := fmt.Sscanf(text.String(), "redoubt-backup %d\n", &format); err != nil {
		return Header{}, fmt.Errorf("%w: it does not begin with redoubt-backup", ErrFile)
	}
	if format != fileFormat {
		return Header{}, fmt.Errorf("the backup has format %d and this version knows %d: use a newer redoubt", format, fileFormat)
	}
	_, err = fmt.Sscanf(text.String(), "redoubt-backup %d\ncluster %x\nnode %x\nrevision %d\ncompacted %d\napplied %d\nlogtime %d\ncontent %x\nsum %x\n",
		&format, &h.Cluster, &h.Node, &h.Revision, &h.Compacted, &h.Applied, &h.LogTime, &h.Content, &sum)
	if err != nil || string(h.text()) != text.String() {
		return Header{}, fmt.Errorf("%w: the header is damaged", ErrFile)
	}
	return h, nil
}

// checker passes a state through and knows in the end whether it is whole: the last eight bytes are the hash of all
// before.
type checker struct {
	sum  hash.Hash64
	tail []byte
}

func newChecker() *checker { return &checker{sum: xxhash.New()} }

func (c *checker) Write(p []byte) (int, error) {
	c.tail = append(c.tail, p...)
	if n := len(c.tail) - sumBytes; n > 0 {
		c.sum.Write(c.tail[:n])
		c.tail = append(c.tail[:0], c.tail[n:]...)
	}
	return len(p), nil
}

func (c *checker) check() error {
	if len(c.tail) < sumBytes || binary.BigEndian.Uint64(c.tail) != c.sum.Sum64() {
		return fmt.Errorf("%w: the checksum of the state is wrong", ErrFile)
	}
	return nil
}

// Check reads a backup to its end and tells what is in it.
func Check(file string) (Header, error) {
	f, err := os.Open(file)
	if err != nil {
		return Header{}, err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	h, err := readHeader(in)
	if err != nil {
		return Header{}, fmt.Errorf("%s: %w", file, err)
	}
	c := newChecker()
	if _, err = io.Copy(c, in); err == nil {
		err = c.check()
	}
	if err != nil {
		return Header{}, fmt.Errorf("%s: %w", file, err)
	}
	return h, nil
}

// source is a state that can be backed up.
type source interface {
	header() Header
	writeTo(w io.Writer) error
}

// write writes a backup to a file, durably, and reads it again; without a name to w.
func write(from source, file string, w io.Writer) error {
	if file == "" {
		return writeChecked(from, w)
	}
	if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("%s is there already", file)
	}
	partial := file + ".partial"
	f, err := os.Create(partial)
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(f, 1<<20)
	err = writeChecked(from, buf)
	if err == nil {
		err = buf.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		_, err = Check(partial)
	}
	if err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	if err := os.Rename(partial, file); err != nil {
		return err
	}
	return datadir.Sync(filepath.Dir(file))
}

func writeChecked(from source, w io.Writer) error {
	h, c := from.header(), newChecker()
	if _, err := w.Write(h.text()); err != nil {
		return err
	}
	if err := from.writeTo(io.MultiWriter(w, c)); err != nil {
		return err
	}
	return c.check()
}

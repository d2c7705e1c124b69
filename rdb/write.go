package rdb

import (
	"encoding/binary"
	"fmt"
	"io"
)

// fileBuffer is how many bytes a Writer collects before it writes them.
const fileBuffer = 64 << 10

// listWholeMax is how many elements of a list a Writer encodes before it knows how many nodes they make; of longer ones it counts
// the nodes first, as they would all be in memory otherwise.
const listWholeMax = 1 << 10

// Writer writes a file. What it keeps in memory does not grow with the values.
type Writer struct {
	w       io.Writer
	version int
	e       encoder
	sum     uint64
	db      int
	err     error // of w
}

// NewWriter begins a file of that version, Version or VersionMax, with what Redis calls auxiliary fields, such as "redis-ver" and "ctime":
// names and values by turns.
func NewWriter(w io.Writer, version int, aux ...string) *Writer {
	out := &Writer{w: w, version: version, db: -1}
	out.e.drain = out.flush
	out.e.dst = fmt.Appendf(nil, "%s%04d", magic, version)
	for i := 0; i+1 < len(aux); i += 2 {
		out.e.dst = append(out.e.dst, byte(opAux))
		out.e.string([]byte(aux[i]))
		out.e.string([]byte(aux[i+1]))
	}
	return out
}

// Database begins a database, and says about how many keys it has, and how many of them with a deadline, so that who reads
// the file may make room for them.
func (w *Writer) Database(db, keys, volatile int) {
	w.choose(db)
	w.e.dst = append(w.e.dst, byte(opSize))
	w.e.length(uint64(keys))
	w.e.length(uint64(volatile))
}

func (w *Writer) choose(db int) {
	if db != w.db {
		w.e.dst = append(w.e.dst, byte(opDB))
		w.e.length(uint64(db))
		w.db = db
	}
}

// Key adds a key. Those of one database should follow each other. ErrVersion says that the file's version does not know such
// values, and that the file is of no use.
func (w *Writer) Key(k Key) error {
	kind := kindOf(k.Value)
	if kind == kindHashTTL && w.version < VersionMax {
		return fmt.Errorf("key %q has fields with deadlines: %w", k.Name, ErrVersion)
	}
	w.choose(k.DB)
	if k.Deadline != 0 {
		w.e.dst = append(w.e.dst, byte(opDeadline))
		w.e.fixed(uint64(k.Deadline))
	}
	w.e.dst = append(w.e.dst, byte(kind))
	w.e.string(k.Name)
	w.e.value(k.Value)
	w.e.spill()
	return w.err
}

// Function adds a library of functions. They come before all keys.
func (w *Writer) Function(code []byte) error {
	w.e.dst = append(w.e.dst, byte(opFunction))
	w.e.string(code)
	return w.err
}

// Close ends the file. It does not close what it is written to.
func (w *Writer) Close() error {
	w.e.dst = append(w.e.dst, byte(opEnd))
	sum := checksum(w.sum, w.e.dst)
	w.e.dst = binary.LittleEndian.AppendUint64(w.e.dst, sum)
	w.flush()
	return w.err
}

func (w *Writer) flush() {
	w.sum = checksum(w.sum, w.e.dst)
	if w.err == nil {
		_, w.err = w.w.Write(w.e.dst)
	}
	if w.e.dst = w.e.dst[:0]; cap(w.e.dst) > bufferKept {
		w.e.dst = nil
	}
}

// bufferKept is the largest buffer that a Writer uses again: a long string makes a longer one.
const bufferKept = 1 << 20

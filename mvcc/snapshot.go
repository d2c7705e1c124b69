package mvcc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
)

// A snapshot on the wire is snapshotMagic, then every row of the store in order as length and bytes of key,
// length and bytes of value; then a zero for a key's length and the xxhash64 of all before it.
const (
	snapshotMagic   = "redoubt snapshot\x01" // ends with the version of the format
	snapshotKeyMax  = 64 << 10
	snapshotRowMax  = 1 << 30
	snapshotStopRow = 1024    // rows between two looks at stop
	restoreBatch    = 8 << 20 // bytes gathered for one batch
	readPiece       = 1 << 20 // a length is believed only as far as bytes follow
)

// Errors of snapshots.
var (
	// ErrStopped: stop was closed.
	ErrStopped = errors.New("mvcc: stopped")
	// ErrSnapshot: the stream is not a whole snapshot.
	ErrSnapshot = errors.New("mvcc: damaged snapshot")
)

// Snapshot is every row as of one moment.
type Snapshot struct {
	db *pebble.Snapshot
}

// Snapshot holds what is committed to Pebble now. It is cheap to take, needs no lock, and keeps rows on disk
// until Close.
func (s *Store) Snapshot() (*Snapshot, error) { return &Snapshot{s.db.NewSnapshot()}, nil }

// Close lets the rows go.
func (sn *Snapshot) Close() {
	if err := sn.db.Close(); err != nil {
		panic(fmt.Sprintf("mvcc: close snapshot: %v", err))
	}
}

// WriteTo writes the snapshot, with ErrStopped when stop is closed before the end.
func (sn *Snapshot) WriteTo(w io.Writer, stop <-chan struct{}) error {
	return sn.write(w, stop, func(key, value []byte) ([]byte, bool) { return value, true })
}

// write writes those rows that keep wants, with the values it gives them.
func (sn *Snapshot) write(w io.Writer, stop <-chan struct{}, keep func(key, value []byte) ([]byte, bool)) error {
	it, err := sn.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer it.Close()
	sum := xxhash.New()
	buf := bufio.NewWriterSize(io.MultiWriter(w, sum), 256<<10)
	buf.WriteString(snapshotMagic)
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%snapshotStopRow == 0 && closed(stop) {
			return ErrStopped
		}
		value, wanted := keep(it.Key(), it.Value())
		if !wanted {
			continue
		}
		if err := writeRow(buf, it.Key(), value); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return err
	}
	buf.WriteByte(0)
	if err := buf.Flush(); err != nil {
		return err
	}
	_, err = w.Write(binary.BigEndian.AppendUint64(nil, sum.Sum64()))
	return err
}

func writeRow(w *bufio.Writer, key, value []byte) error {
	var head [binary.MaxVarintLen64]byte
	w.Write(head[:binary.PutUvarint(head[:], uint64(len(key)))])
	w.Write(key)
	w.Write(head[:binary.PutUvarint(head[:], uint64(len(value)))])
	_, err := w.Write(value) // a writer that failed keeps failing
	return err
}

func closed(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// Restore builds a store in o.Dir, which must not hold one, from a stream that WriteTo wrote, and makes it
// durable. After an error the directory is to be thrown away. Reading stops behind the snapshot.
func Restore(o Options, r io.Reader, stop <-chan struct{}) (err error) {
	dir := o.Dir
	db, err := openEngine(Options{Dir: dir, FS: o.FS, Trouble: o.Trouble})
	if err != nil {
		return fmt.Errorf("restore %s: %w", dir, err)
	}
	s := &Store{db: db}
	defer func() { err = errors.Join(err, db.Close()) }()
	if empty, err := s.empty(); err != nil || !empty {
		return fmt.Errorf("restore %s: %w", dir, errors.Join(ErrNotStore, err))
	}
	in := &snapshotReader{r: r, sum: xxhash.New()}
	if err := in.rows(db, stop); err != nil {
		return fmt.Errorf("restore %s: %w", dir, err)
	}
	return db.Flush()
}

// snapshotReader reads byte by byte where it must, so that nothing behind the snapshot is consumed; r had
// better be buffered.
type snapshotReader struct {
	r   io.Reader
	sum hash.Hash64
	one [1]byte
	key []byte
	val []byte
}

func (in *snapshotReader) rows(db *pebble.DB, stop <-chan struct{}) error {
	magic, err := in.bytes(nil, len(snapshotMagic))
	if err != nil || string(magic) != snapshotMagic {
		return errors.Join(ErrSnapshot, err)
	}
	b := db.NewBatch()
	defer func() { b.Close() }()
	for n := 0; ; n++ {
		if n%snapshotStopRow == 0 && closed(stop) {
			return ErrStopped
		}
		size, err := in.length(snapshotKeyMax)
		if err != nil {
			return err
		}
		if size == 0 {
			break
		}
		if in.key, err = in.bytes(in.key, size); err != nil {
			return err
		}
		if size, err = in.length(snapshotRowMax); err != nil {
			return err
		}
		if in.val, err = in.bytes(in.val, size); err != nil {
			return err
		}
		if err := b.Set(in.key, in.val, nil); err != nil {
			return err
		}
		if b.Len() >= restoreBatch {
			if err := errors.Join(b.Commit(pebble.NoSync), b.Close()); err != nil {
				return err
			}
			b = db.NewBatch()
		}
	}
	want := in.sum.Sum64()
	tail, err := in.bytes(nil, 8)
	if err != nil {
		return err
	}
	if got := binary.BigEndian.Uint64(tail); got != want {
		return fmt.Errorf("%w: checksum %x, where its rows have %x", ErrSnapshot, got, want)
	}
	return b.Commit(pebble.NoSync)
}

// ReadByte is for binary.ReadUvarint.
func (in *snapshotReader) ReadByte() (byte, error) {
	if _, err := io.ReadFull(in.r, in.one[:]); err != nil {
		return 0, err
	}
	in.sum.Write(in.one[:])
	return in.one[0], nil
}

func (in *snapshotReader) length(limit uint64) (int, error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if n > limit {
		return 0, fmt.Errorf("%w: a length of %d, where %d is the most", ErrSnapshot, n, limit)
	}
	return int(n), nil
}

func (in *snapshotReader) bytes(buf []byte, n int) ([]byte, error) {
	buf = buf[:0]
	for n > 0 {
		piece := min(n, readPiece)
		at := len(buf)
		if cap(buf)-at < piece {
			buf = append(buf, make([]byte, piece)...)
		} else {
			buf = buf[:at+piece]
		}
		if _, err := io.ReadFull(in.r, buf[at:]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
		}
		n -= piece
	}
	in.sum.Write(buf)
	return buf, nil
}

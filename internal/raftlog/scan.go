package raftlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// scanner reads the records of one segment.
type scanner struct {
	in   io.ReaderAt
	size int64
	salt uint64
	buf  []byte // the bytes of the file from at on
	at   int64
}

const scanBytes = 1 << 20 // read at a time, unless a record is longer

// bytes returns n bytes at an offset. They lie in the file, and are the scanner's.
func (s *scanner) bytes(offset, n int64) ([]byte, error) {
	if offset < s.at || offset+n > s.at+int64(len(s.buf)) {
		want := min(max(n, scanBytes), s.size-offset)
		if int64(cap(s.buf)) < want {
			s.buf = make([]byte, want)
		}
		s.buf, s.at = s.buf[:want], offset
		if err := readFull(s.in, s.buf, offset); err != nil {
			s.buf = s.buf[:0]
			return nil, err
		}
	}
	return s.buf[offset-s.at : offset-s.at+n], nil
}

// readFull reads all of b, or fails. It does not rely on ReadAt to report why it read less, since vfs' file in memory does not.
func readFull(in io.ReaderAt, b []byte, offset int64) error {
	for len(b) > 0 {
		n, err := in.ReadAt(b, offset)
		b, offset = b[n:], offset+int64(n)
		switch {
		case len(b) == 0:
		case err != nil && !errors.Is(err, io.EOF):
			return err
		case n == 0:
			return io.ErrUnexpectedEOF
		}
	}
	return nil
}

// verdict says what lies at an offset of a segment.
type verdict uint8

const (
	whole   verdict = iota + 1 // a record
	torn                       // nothing, or what a power loss left of the last record
	damaged                    // bytes that nobody wrote
)

// record is a whole one.
type record struct {
	offset int64
	body   []byte // the scanner's
}

func (r record) end() int64 { return r.offset + total(int64(len(r.body))) }

// next returns the record at an offset, which is to have that number.
func (s *scanner) next(offset int64, seq uint64) (r record, v verdict, err error) {
	r, v, err = s.look(offset, seq)
	if v == torn && err == nil {
		later, err := s.later(offset+recordAlign, seq)
		if err != nil || later {
			return r, damaged, err
		}
	}
	return r, v, err
}

// look judges a record by itself.
//
// Power fails while the last record is written. Its sectors are there then, or they are zero, or the file ends before them, since a
// segment is written once from front to back and made of zeros before. So damage can be told from a tear: something is wrong, and no
// sector lacks. As many zero sectors as the header says are meant to be zero. What this misses is damage that looks
// like a lost sector: zeros from one end of it to the other.
func (s *scanner) look(offset int64, seq uint64) (r record, v verdict, err error) {
	if s.size-offset < recordHeaderLen {
		return r, torn, nil
	}
	b, err := s.bytes(offset, recordHeaderLen)
	if err != nil {
		return r, 0, err
	}
	h, ok := decodeRecordHeader(b, s.salt)
	switch {
	case !ok && h.sum == 0:
		return r, torn, nil
	case !ok || h.seq != seq:
		return r, damaged, nil
	}
	size := total(int64(h.body))
	if s.size-offset < size {
		return r, torn, nil
	}
	if b, err = s.bytes(offset, size); err != nil {
		return r, 0, err
	}
	r = record{offset: offset, body: b[recordHeaderLen : recordHeaderLen+h.body]}
	trailer := binary.LittleEndian.Uint32(b[size-recordTrailerLen:])
	sum, ok := bodySum(b, r.body, true)
	switch {
	case ok && sum == trailer && zero(b[recordHeaderLen+int64(h.body):size-recordTrailerLen]):
		return r, whole, nil
	case trailer == 0 || zeroSectors(b, offset) > h.zeros:
		return r, torn, nil
	}
	return r, damaged, nil
}

// later tells whether a record with a higher number begins at or behind an offset: it was written when the one before had been
// synced.
func (s *scanner) later(offset int64, seq uint64) (bool, error) {
	var salt [8]byte
	binary.LittleEndian.PutUint64(salt[:], s.salt)
	for s.size-offset >= recordHeaderLen {
		n := min(scanBytes, s.size-offset)
		b, err := s.bytes(offset, n)
		if err != nil {
			return false, err
		}
		for at := 0; ; at++ {
			i := bytes.Index(b[at:], salt[:])
			if i < 0 || at+i+recordHeaderLen > len(b) {
				break
			}
			at += i
			if h, ok := decodeRecordHeader(b[at:at+recordHeaderLen], s.salt); ok && h.seq > seq {
				return true, nil
			}
		}
		if n < scanBytes {
			break
		}
		offset += n - recordHeaderLen
	}
	return false, nil
}

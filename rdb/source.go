package rdb

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// corrupt is an ErrCorrupt that says what is wrong.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// source gives the bytes of a payload or a file, in order. An error of a file stays: whatever is asked of it then fails as well.
type source struct {
	b    []byte        // of a payload, what is left of it
	file *bufio.Reader // of a file
	sum  uint64        // of a file, what was taken from it
	err  error
	head [8]byte // room for few
}

// fileChunk is how much memory a length in a file gets before the bytes that it tells of are seen.
const fileChunk = 1 << 20

// take returns the next n bytes.
func (s *source) take(n uint64) ([]byte, error) {
	if s.file != nil {
		return s.read(n)
	}
	if n > uint64(len(s.b)) {
		return nil, corrupt("%d bytes are wanted where there are %d", n, len(s.b))
	}
	out := s.b[:n:n]
	s.b = s.b[n:]
	return out, nil
}

func (s *source) read(n uint64) ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	var out []byte
	if n <= fileChunk {
		out = make([]byte, n)
		_, s.err = io.ReadFull(s.file, out)
	} else {
		if n > 1<<62 {
			return nil, corrupt("a string of a file has %d bytes", n)
		}
		var buf bytes.Buffer
		_, s.err = io.CopyN(&buf, s.file, int64(n))
		out = buf.Bytes()
	}
	return s.taken(out)
}

// taken returns what was read of a file, unless that failed.
func (s *source) taken(b []byte) ([]byte, error) {
	if s.err == io.EOF || s.err == io.ErrUnexpectedEOF {
		s.err = corrupt("the file ends too early")
	}
	if s.err != nil {
		return nil, s.err
	}
	s.sum = checksum(s.sum, b)
	return b, nil
}

// room is for how many items to make room, where n are told of and each takes size bytes at least.
func (s *source) room(n uint64, size int) int {
	left := uint64(len(s.b))
	if s.file != nil {
		left = fileChunk / 64
	}
	return int(min(n, left/uint64(size)))
}

// few returns the next n bytes, which are up to 8, and good until it is called again.
func (s *source) few(n int) ([]byte, error) {
	if s.file == nil {
		return s.take(uint64(n))
	}
	if s.err == nil {
		_, s.err = io.ReadFull(s.file, s.head[:n])
	}
	return s.taken(s.head[:n])
}

func (s *source) byte() (byte, error) {
	b, err := s.few(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// fixed reads eight bytes.
func (s *source) fixed() (uint64, error) {
	b, err := s.few(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// lengthOr reads a length, or if it is none, the six bits that say how a string is encoded.
func (s *source) lengthOr() (n uint64, encoding byte, isLength bool, err error) {
	c, err := s.byte()
	if err != nil {
		return 0, 0, false, err
	}
	switch {
	case c < 0x40:
		return uint64(c), 0, true, nil
	case c < 0x80:
		next, err := s.byte()
		return uint64(c&0x3f)<<8 | uint64(next), 0, true, err
	case c == 0x80:
		b, err := s.few(4)
		if err != nil {
			return 0, 0, false, err
		}
		return uint64(binary.BigEndian.Uint32(b)), 0, true, nil
	case c == 0x81:
		b, err := s.few(8)
		if err != nil {
			return 0, 0, false, err
		}
		return binary.BigEndian.Uint64(b), 0, true, nil
	case c >= 0xc0:
		return 0, c & 0x3f, false, nil
	}
	return 0, 0, false, corrupt("no length begins with %#x", c)
}

func (s *source) length() (uint64, error) {
	n, _, isLength, err := s.lengthOr()
	if err == nil && !isLength {
		err = corrupt("an encoded string is where a length should be")
	}
	return n, err
}

// count reads how many items a collection has.
func (s *source) count() (uint64, error) {
	n, err := s.length()
	if err == nil && n == 0 {
		err = ErrEmpty
	}
	return n, err
}

func (s *source) string() ([]byte, error) {
	n, encoding, isLength, err := s.lengthOr()
	switch {
	case err != nil:
		return nil, err
	case isLength:
		return s.take(n)
	case encoding <= 2:
		b, err := s.few(1 << encoding)
		if err != nil {
			return nil, err
		}
		return item{number: little(b), isInt: true}.bytes(), nil
	case encoding == 3:
		return s.compressed()
	}
	return nil, corrupt("no string has the encoding %d", encoding)
}

func (s *source) compressed() ([]byte, error) {
	packed, err := s.length()
	if err != nil {
		return nil, err
	}
	n, err := s.length()
	if err != nil {
		return nil, err
	}
	b, err := s.take(packed)
	if err != nil {
		return nil, err
	}
	return lzfExpand(b, n)
}

package replica

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// A file of the Pebble below Raft's log, its write-ahead log, is a stream of blocks; a block is filled with chunks, and the
// few bytes that are too short for another header are zero:
//
//	crc (4) length (2) type (1) file number (4) payload (length)
//
// A record (what was written at once) is one full chunk, or a first, middles and a last. Files are used again: what follows the newest
// chunk may be left from an older file, whose number tells.
//
// Pebble stops reading the newest file at the first chunk that is not right, and calls what is behind it torn by the
// end of the power. When a byte flips in the middle, that throws away writes that were synced and acknowledged. Power
// cannot take what was synced, though, so there is damage, not a tear, when one of these holds:
//
//   - One byte changed makes the chunk right. Power goes in sectors of 512 bytes at least.
//   - Behind the bad chunk there is a record that was written only after the bad one was synced. The one goroutine that steps Raft
//     writes a record only when its last one is synced; others write now and then (a note of a snapshot, the removal of
//     old entries). So one later record of the stepper's proves that another of its records was synced; if we cannot
//     tell whose the bad record is, it takes two.
//
// What both miss: more than one byte of the very last record.
const (
	walBlock  = 32 << 10
	walHeader = 11
	walLegacy = 7 // what a reader wants to see of a header before it looks at it

	chunkFull = 5 // of a file that may be used again; as are the others
	chunkHead = 6
	chunkLast = 8

	batchHeader = 12 // sequence number and count of a Pebble batch, the content of a record
	batchSet    = 1  // kind of its first change
)

// walDamage is where a write-ahead log is damaged.
type walDamage struct {
	record int64 // offset of the record, which a reader never gets past
	chunk  int64 // and of its bad chunk
}

// walScan reads one file.
type walScan struct {
	in     io.Reader
	number uint32
	table  *crc32.Table
	block  [walBlock]byte
	n      int   // bytes of block
	base   int64 // offset of block
}

func newWALScan(in io.Reader, number uint32) *walScan {
	return &walScan{in: in, number: number, table: crc32.MakeTable(crc32.Castagnoli)}
}

// checkWAL looks for damage in the file with that number. It returns nil if there is none, a torn end included.
func checkWAL(in io.Reader, number uint32) (*walDamage, error) {
	s := newWALScan(in, number)
	var record int64
	open, steps := false, false // a record has begun; it is the stepper's
	for {
		if err := s.next(); err != nil || s.n == 0 {
			return nil, err
		}
		at := 0
		for at+walLegacy <= s.n {
			if zero(s.block[at:min(at+walHeader, s.n)]) && at+walHeader > walBlock {
				break
			}
			size, ok := s.valid(at)
			if !ok {
				if !open {
					record, steps = s.base+int64(at), s.steps(at)
				}
				return s.judge(at, record, steps)
			}
			kind := s.block[at+6]
			if kind == chunkFull || kind == chunkHead {
				record, steps = s.base+int64(at), s.steps(at)
			}
			open = kind != chunkFull && kind != chunkLast
			at += size
		}
		if s.n < walBlock {
			return nil, nil
		}
	}
}

// next reads a block; n is 0 behind the last.
func (s *walScan) next() error {
	s.base += int64(s.n)
	n, err := io.ReadFull(s.in, s.block[:])
	s.n = n
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// valid returns the size of the chunk at an offset of the block, if there is one of this file.
func (s *walScan) valid(at int) (size int, ok bool) {
	if at+walHeader > s.n {
		return 0, false
	}
	b := s.block[at:s.n]
	size = walHeader + int(binary.LittleEndian.Uint16(b[4:]))
	if b[6] < chunkFull || b[6] > chunkLast || binary.LittleEndian.Uint32(b[7:]) != s.number || size > len(b) {
		return 0, false
	}
	return size, cooked(crc32.Checksum(b[6:size], s.table)) == binary.LittleEndian.Uint32(b)
}

// cooked is how Pebble writes a checksum.
func cooked(crc uint32) uint32 { return (crc>>15 | crc<<17) + 0xa282ead8 }

func raw(cooked uint32) uint32 {
	rotated := cooked - 0xa282ead8
	return rotated<<15 | rotated>>17
}

// steps tells whether a record that begins at an offset of the block was written by the goroutine that steps Raft: it sets
// entries, the term and the vote, or the last index first.
func (s *walScan) steps(at int) bool {
	at += walHeader + batchHeader
	if at+4 > s.n || s.block[at] != batchSet {
		return false
	}
	switch [2]byte(s.block[at+2 : at+4]) { // behind the key's length, which is one byte
	case [2]byte{1, 1}, [2]byte{2, 2}, [2]byte{3, 3}, [2]byte{7, 7}: // of dragonboat's keys
		return true
	}
	return false
}

// judge says whether the chunk at an offset of the block, which is not valid, is damaged.
func (s *walScan) judge(at int, record int64, steps bool) (*walDamage, error) {
	found := &walDamage{record: record, chunk: s.base + int64(at)}
	if at+walHeader > walBlock || s.oneByteOff(at) { // the bytes behind the last chunk of a block are written together with it
		return found, nil
	}
	proof := 2
	if steps {
		proof = 1
	}
	for from := at + 1; ; from = 0 {
		if proof -= s.later(from); proof <= 0 {
			return found, nil
		}
		if s.n < walBlock {
			return nil, nil
		}
		if err := s.next(); err != nil || s.n == 0 {
			return nil, err
		}
	}
}

// later counts the stepper's records that begin in the block behind an offset.
func (s *walScan) later(from int) int {
	var number [4]byte
	binary.LittleEndian.PutUint32(number[:], s.number)
	count := 0
	for from+walHeader <= s.n {
		i := bytes.Index(s.block[from+walHeader-len(number):s.n], number[:])
		if i < 0 {
			break
		}
		from += i
		size, ok := s.valid(from)
		if !ok {
			from++
			continue
		}
		if kind := s.block[from+6]; (kind == chunkFull || kind == chunkHead) && s.steps(from) {
			count++
		}
		from += size
	}
	return count
}

// oneByteOff tells whether some byte of the chunk at an offset of the block, set to something else, makes it valid.
func (s *walScan) oneByteOff(at int) bool {
	if at+walHeader > s.n {
		return false
	}
	b := s.block[at:s.n]
	size := walHeader + int(binary.LittleEndian.Uint16(b[4:]))
	return size <= len(b) && (s.checksumOff(b[:size]) || s.contentOff(b[:size])) || s.lengthOff(b)
}

func (s *walScan) checksumOff(b []byte) bool {
	if b[6] < chunkFull || b[6] > chunkLast || binary.LittleEndian.Uint32(b[7:]) != s.number {
		return false
	}
	diff := cooked(crc32.Checksum(b[6:], s.table)) ^ binary.LittleEndian.Uint32(b)
	for shift := 0; shift < 32; shift += 8 {
		if diff&^(0xff<<shift) == 0 {
			return true
		}
	}
	return false
}

// contentOff looks for the byte behind the length that is wrong. A checksum is linear: the difference between the one there
// is and the one there should be is that of the wrong byte alone, followed by as many zeros as there are bytes behind it. So
// we take zeros back from the difference until what is left is the difference of a single byte.
func (s *walScan) contentOff(b []byte) bool {
	diff := crc32.Checksum(b[6:], s.table) ^ raw(binary.LittleEndian.Uint32(b))
	if diff == 0 {
		return false // left from an older file
	}
	var back [256]byte // which entry of the table has this byte on top
	for i, entry := range s.table {
		back[entry>>24] = byte(i)
	}
	for at := len(b) - 1; at >= 6; at-- {
		i := back[diff>>24]
		diff = (diff^s.table[i])<<8 | uint32(i)
		if diff <= 0xff && s.fits(b, at, byte(diff)) {
			return true
		}
	}
	return false
}

// fits tells whether the header is that of a chunk of this file when a byte is changed.
func (s *walScan) fits(b []byte, at int, by byte) bool {
	var header [walHeader]byte
	copy(header[:], b)
	if at < walHeader {
		header[at] ^= by
	}
	return header[6] >= chunkFull && header[6] <= chunkLast && binary.LittleEndian.Uint32(header[7:]) == s.number
}

// lengthOff tries every length that differs in one byte.
func (s *walScan) lengthOff(b []byte) bool {
	if !s.fits(b, len(b), 0) {
		return false
	}
	is, want := binary.LittleEndian.Uint16(b[4:]), raw(binary.LittleEndian.Uint32(b))
	crc, from := uint32(0), 6
	for length := 0; walHeader+length <= len(b); length++ {
		if diff := is ^ uint16(length); diff&0xff != 0 && diff>>8 != 0 {
			continue
		}
		crc = crc32.Update(crc, s.table, b[from:walHeader+length])
		from = walHeader + length
		if crc == want {
			return true
		}
	}
	return false
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

package raftlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Sizes of the format. They and the kinds of items are for ever; see the package comment for what they mean.
const (
	format = 1

	segmentHeaderLen = 64
	recordHeaderLen  = 32
	recordTrailerLen = 4
	itemHeaderLen    = 12

	recordAlign = 32  // so that no header lies in two sectors
	sector      = 512 // what a disk writes whole, or not at all
)

// bodyMax bounds a record: offsets within a segment are 32 bits. What dragonboat saves at once is far below, as entries that are
// not applied are bounded.
const bodyMax = 1 << 31

// magic begins a segment.
const magic = "RDBTRAFT"

// kind says what an item is.
type kind uint8

const (
	kindReplica   kind = 1 // shard and replica that the items behind it are about
	kindState     kind = 2 // term, vote and commit index
	kindEntry     kind = 3
	kindBootstrap kind = 4 // raftpb.Bootstrap
	kindSnapshot  kind = 5 // raftpb.Snapshot, of metadata
	kindRange     kind = 6 // first and last index of the log; entries outside of it are gone, none are left if it is empty
	kindGone      kind = 7 // nothing is kept of the replica any more
)

// link says how a segment continues the one before it.
type link struct {
	salt uint64 // of the segment before
	end  int64  // where its last record ends that counts
	seq  uint64 // number of that record
}

// segmentHeader begins a segment.
type segmentHeader struct {
	number   uint64
	salt     uint64 // in every record: bytes of another segment are never taken for one of this
	previous link
}

// encode returns the header as it is in the file:
//
//	magic (8) format (4) crc (4) number (8) salt (8) previous salt (8) end (8) seq (8) zero (8)
func (h segmentHeader) encode() []byte {
	b := make([]byte, segmentHeaderLen)
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], format)
	for i, v := range []uint64{h.number, h.salt, h.previous.salt, uint64(h.previous.end), h.previous.seq} {
		binary.LittleEndian.PutUint64(b[16+8*i:], v)
	}
	binary.LittleEndian.PutUint32(b[12:], headerSum(b))
	return b
}

// headerSum is the checksum of a segment's header with the place of the checksum left out.
func headerSum(b []byte) uint32 {
	return notZero(crc32.Update(checksum(b[:12]), castagnoli, b[16:segmentHeaderLen]))
}

func decodeSegmentHeader(b []byte) (h segmentHeader, err error) {
	if len(b) < segmentHeaderLen || string(b[:8]) != magic || binary.LittleEndian.Uint32(b[12:]) != headerSum(b) {
		return h, errHeader
	}
	if f := binary.LittleEndian.Uint32(b[8:]); f != format {
		return h, fmt.Errorf("%w: format %d", ErrNewer, f)
	}
	h.number, h.salt = binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
	h.previous = link{binary.LittleEndian.Uint64(b[32:]), int64(binary.LittleEndian.Uint64(b[40:])), binary.LittleEndian.Uint64(b[48:])}
	return h, nil
}

// recordHeader begins a record:
//
//	salt of the segment (8) seq (8) length of the body (4) zero sectors (4) zero (4) crc (4)
type recordHeader struct {
	salt, seq uint64
	body      uint32 // length of the items
	zeros     uint32 // whole sectors of the record that hold nothing but zeros, and are meant to
	sum       uint32
}

func (h recordHeader) encode(b []byte) {
	binary.LittleEndian.PutUint64(b, h.salt)
	binary.LittleEndian.PutUint64(b[8:], h.seq)
	binary.LittleEndian.PutUint32(b[16:], h.body)
	binary.LittleEndian.PutUint32(b[20:], h.zeros)
	binary.LittleEndian.PutUint32(b[24:], 0)
	binary.LittleEndian.PutUint32(b[28:], notZero(checksum(b[:28])))
}

// decodeRecordHeader returns false if the bytes are no header of the segment with that salt.
func decodeRecordHeader(b []byte, salt uint64) (h recordHeader, ok bool) {
	h = recordHeader{
		salt: binary.LittleEndian.Uint64(b), seq: binary.LittleEndian.Uint64(b[8:]),
		body: binary.LittleEndian.Uint32(b[16:]), zeros: binary.LittleEndian.Uint32(b[20:]), sum: binary.LittleEndian.Uint32(b[28:]),
	}
	return h, h.salt == salt && h.body <= bodyMax && h.sum == notZero(checksum(b[:28]))
}

// total is how much of the file a record with a body of that length takes.
func total(body int64) int64 {
	return (recordHeaderLen + body + recordTrailerLen + recordAlign - 1) &^ (recordAlign - 1)
}

// item is one of those that a record consists of:
//
//	length of the payload (4) kind (1) zero (3) crc of the bytes before and of the payload (4) payload
type item struct {
	kind    kind
	payload []byte
	sum     uint32
	sound   bool // the checksum is right
}

// nextItem returns the first item of the bytes, false if they are none.
func nextItem(b []byte) (it item, length int, ok bool) {
	if len(b) < itemHeaderLen {
		return it, 0, false
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n > int64(len(b)-itemHeaderLen) {
		return it, 0, false
	}
	length = itemHeaderLen + int(n)
	it = item{kind: kind(b[4]), payload: b[itemHeaderLen:length], sum: binary.LittleEndian.Uint32(b[8:])}
	it.sound = b[5] == 0 && b[6] == 0 && b[7] == 0 && it.sum == itemSum(b[:length])
	return it, length, true
}

func itemSum(b []byte) uint32 {
	return crc32.Update(checksum(b[:8]), castagnoli, b[itemHeaderLen:])
}

// bodySum is what a record ends with: a checksum of its header's and its items', so that each byte is summed once and one entry can be
// checked alone. It is false if an item is not whole.
func bodySum(header, body []byte, check bool) (sum uint32, ok bool) {
	sum = checksum(header[recordHeaderLen-4 : recordHeaderLen])
	for len(body) > 0 {
		it, n, ok := nextItem(body)
		if !ok || check && !it.sound {
			return 0, false
		}
		sum = crc32.Update(sum, castagnoli, body[8:itemHeaderLen])
		body = body[n:]
	}
	return notZero(sum), true
}

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// notZero keeps apart a checksum and the zeros of a sector that was never written.
func notZero(sum uint32) uint32 { return max(sum, 1) }

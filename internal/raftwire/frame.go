package raftwire

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Of a frame's layout.
const (
	magic      = 0xae7d
	farewell   = 0x0000 // in the place of the magic number: the last chunk was sent, or was received
	magicSize  = 2
	headerSize = magicSize + 18

	methodMessages = 100
	methodChunk    = 200
)

// Limits of a payload, in bytes. dragonboat cuts batches of messages at 64 MiB, but for one message that is larger, and
// that is one entry of a gigabyte (replica's unappliedMax) at most. It cuts snapshots in chunks of 2 MiB.
const (
	messagesMax = 1<<30 + 1<<26
	chunkMax    = 4 << 20
)

// Errors of what arrived.
var (
	errMagic    = errors.New("raftwire: what arrived does not begin like a message")
	errHeader   = errors.New("raftwire: the checksum of a header is wrong")
	errMethod   = errors.New("raftwire: a message is of an unknown kind")
	errSize     = errors.New("raftwire: a message has no plausible size")
	errPayload  = errors.New("raftwire: the checksum of a message is wrong")
	errEncoding = errors.New("raftwire: a message cannot be decoded")
	errNobody   = errors.New("raftwire: a message is addressed to nobody")
	errFarewell = errors.New("raftwire: the sender has sent all it had")
)

// header is what precedes a payload.
type header struct {
	method uint16
	size   uint64
	crc    uint32 // of the payload
}

// put encodes h into the beginning of a frame.
func (h header) put(frame []byte) {
	binary.BigEndian.PutUint16(frame, magic)
	b := frame[magicSize:headerSize]
	binary.BigEndian.PutUint16(b, h.method)
	binary.BigEndian.PutUint64(b[2:], h.size)
	binary.BigEndian.PutUint32(b[10:], 0) // as which the checksum counts itself
	binary.BigEndian.PutUint32(b[14:], h.crc)
	binary.BigEndian.PutUint32(b[10:], crc32.ChecksumIEEE(b))
}

// parseMagic looks at the first bytes of a frame.
func parseMagic(b []byte) error {
	switch binary.BigEndian.Uint16(b) {
	case magic:
		return nil
	case farewell:
		return errFarewell
	}
	return errMagic
}

// parseHeader is the inverse of put. It holds what it returns against the limits, and leaves frame as it was.
func parseHeader(frame []byte) (header, error) {
	var b [headerSize - magicSize]byte
	copy(b[:], frame[magicSize:])
	crc := binary.BigEndian.Uint32(b[10:])
	binary.BigEndian.PutUint32(b[10:], 0)
	if crc32.ChecksumIEEE(b[:]) != crc {
		return header{}, errHeader
	}
	h := header{method: binary.BigEndian.Uint16(b[:]), size: binary.BigEndian.Uint64(b[2:]), crc: binary.BigEndian.Uint32(b[14:])}
	limit := uint64(messagesMax)
	switch h.method {
	case methodMessages:
	case methodChunk:
		limit = chunkMax
	default:
		return header{}, errMethod
	}
	if h.size == 0 || h.size > limit {
		return header{}, errSize
	}
	return h, nil
}

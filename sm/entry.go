package sm

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// An entry of the log is
//
//	format, semantics version, kind        format is one byte, the others varints
//	batch      node, incarnation, number   varints
//	           now                         zigzag varint
//	           seed                        8 bytes, little endian
//	           count, then that many requests
//	incarnate  node                        varint
//	           nonce                       8 bytes, little endian
//
// and ends there. Numbers of formats, kinds and flags are for ever: one that is retired stays in these lists,
// and one that is not in them stops the node, since what it does not understand others may have done.
const (
	entryFormat = 1

	entryBatch     = 1
	entryIncarnate = 2
)

// errDamaged is an entry that is not what SealBatch or AppendIncarnate make.
var errDamaged = errors.New("sm: damaged entry")

// Header is what is known of a batch beside its requests.
type Header struct {
	Node        uint64 // id of the node that proposes
	Incarnation uint64 // of that node, issued by an incarnate entry
	Number      uint64 // of the batch in its incarnation, from 1 without a gap
	Now         int64  // the proposer's estimate of log time, in milliseconds
	Seed        uint64 // all the chance there is when the batch is applied
	Count       int    // requests in the body
}

// SealBatch appends the entry of a batch whose body is h.Count requests, made by AppendCommand and
// AppendMulti for the first semantics version.
func SealBatch(dst []byte, h Header, body []byte) []byte {
	return SealBatchFor(semanticsFirst, dst, h, body)
}

// SealBatchFor is SealBatch for a semantics version, which is to be that of the state: members of an older program go on as long as
// it is theirs.
func SealBatchFor(version uint64, dst []byte, h Header, body []byte) []byte {
	dst = append(binary.AppendUvarint(append(dst, entryFormat), version), entryBatch)
	dst = binary.AppendUvarint(dst, h.Node)
	dst = binary.AppendUvarint(dst, h.Incarnation)
	dst = binary.AppendUvarint(dst, h.Number)
	dst = binary.AppendVarint(dst, h.Now)
	dst = binary.LittleEndian.AppendUint64(dst, h.Seed)
	dst = binary.AppendUvarint(dst, uint64(h.Count))
	return append(dst, body...)
}

// AppendIncarnate appends the entry that asks for a new incarnation of node. The nonce tells the answer
// from that to an earlier question.
func AppendIncarnate(dst []byte, node, nonce uint64) []byte {
	dst = append(dst, entryFormat, byte(semanticsFirst), entryIncarnate)
	dst = binary.AppendUvarint(dst, node)
	return binary.LittleEndian.AppendUint64(dst, nonce)
}

// preamble reads the part that all entries share and returns the kind. Entries of later semantics versions than is known are refused.
func (d *decoder) preamble(known uint64) (kind byte, err error) {
	format := d.byte()
	if !d.bad && format != entryFormat {
		return 0, fmt.Errorf("sm: entry of format %d, where %d is known: a newer version is needed", format, entryFormat)
	}
	version := d.uvarint()
	if !d.bad && (version < semanticsFirst || version > known) {
		return 0, unknownSemantics(version, known)
	}
	number := d.uvarint()
	if d.bad {
		return 0, errDamaged
	}
	if number != entryBatch && number != entryIncarnate {
		return 0, fmt.Errorf("sm: entry of kind %d, which is unknown: a newer version is needed", number)
	}
	return byte(number), nil
}

func (d *decoder) header() (h Header, err error) {
	h.Node, h.Incarnation, h.Number = d.uvarint(), d.uvarint(), d.uvarint()
	h.Now = d.varint()
	h.Seed = d.uint64()
	h.Count = d.count(requestSizeMin)
	if d.bad {
		return Header{}, errDamaged
	}
	return h, nil
}

// decoder reads numbers and byte strings. After the first that is not there it is bad and reads zeros.
type decoder struct {
	b   []byte
	at  int
	bad bool
}

func (d *decoder) left() int { return len(d.b) - d.at }

func (d *decoder) fail() {
	d.bad, d.at = true, len(d.b)
}

func (d *decoder) byte() byte {
	if d.at >= len(d.b) {
		d.fail()
		return 0
	}
	d.at++
	return d.b[d.at-1]
}

func (d *decoder) uvarint() uint64 {
	if d.at < len(d.b) && d.b[d.at] < 0x80 {
		d.at++
		return uint64(d.b[d.at-1])
	}
	v, n := binary.Uvarint(d.b[d.at:])
	if n <= 0 {
		d.fail()
		return 0
	}
	d.at += n
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b[d.at:])
	if n <= 0 {
		d.fail()
		return 0
	}
	d.at += n
	return v
}

func (d *decoder) uint64() uint64 {
	if d.left() < 8 {
		d.fail()
		return 0
	}
	d.at += 8
	return binary.LittleEndian.Uint64(d.b[d.at-8:])
}

// count reads how many things of at least size bytes follow. More than there is room for is damage, so a
// count never makes anybody allocate more than a small multiple of the entry.
func (d *decoder) count(size int) int {
	n, left := d.uvarint(), uint64(d.left())
	if n > left || n*uint64(size) > left {
		d.fail()
		return 0
	}
	return int(n)
}

// bytes reads a byte string; it aliases the entry.
func (d *decoder) bytes() []byte {
	if at := d.at + 1; at <= len(d.b) {
		if n := int(d.b[d.at]); n < 0x80 && n <= len(d.b)-at { // most are that short
			d.at = at + n
			return d.b[at:d.at:d.at]
		}
	}
	n := d.count(1)
	d.at += n
	return d.b[d.at-n : d.at : d.at]
}

// database reads the number of a database.
func (d *decoder) database() uint32 {
	n := d.uvarint()
	if n > databaseMax {
		d.fail()
		return 0
	}
	return uint32(n)
}

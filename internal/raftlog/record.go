package raftlog

import (
	"encoding/binary"
	"fmt"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

// keepBuffer is the capacity up to which a buffer waits for the next record.
const keepBuffer = 1 << 20

// builder makes a record.
type builder struct {
	buf []byte // room for the header, then the items
	at  int    // where the open item begins
}

func newBuilder() *builder {
	b := new(builder)
	b.reset()
	return b
}

func (b *builder) reset() {
	if cap(b.buf) > keepBuffer || cap(b.buf) == 0 {
		b.buf = make([]byte, 0, 4<<10)
	}
	b.buf = b.buf[:recordHeaderLen]
}

func (b *builder) empty() bool { return len(b.buf) <= recordHeaderLen }

// body is the items.
func (b *builder) body() []byte { return b.buf[recordHeaderLen:] }

// grow makes room for that many bytes at once.
func (b *builder) grow(n int) {
	if need := len(b.buf) + n; need > cap(b.buf) {
		grown := make([]byte, len(b.buf), need+need/4)
		copy(grown, b.buf)
		b.buf = grown
	}
}

// begin opens an item, end closes it; what is appended to buf between them is its payload.
func (b *builder) begin(k kind) {
	b.at = len(b.buf)
	b.buf = append(b.buf, 0, 0, 0, 0, byte(k), 0, 0, 0, 0, 0, 0, 0)
}

func (b *builder) end() {
	it := b.buf[b.at:]
	binary.LittleEndian.PutUint32(it, uint32(len(it)-itemHeaderLen))
	binary.LittleEndian.PutUint32(it[8:], itemSum(it))
}

func (b *builder) words(k kind, words ...uint64) {
	b.begin(k)
	for _, w := range words {
		b.buf = binary.LittleEndian.AppendUint64(b.buf, w)
	}
	b.end()
}

func (b *builder) bytes(k kind, payload []byte) {
	b.begin(k)
	b.buf = append(b.buf, payload...)
	b.end()
}

func (b *builder) replica(id raftio.NodeInfo) { b.words(kindReplica, id.ShardID, id.ReplicaID) }
func (b *builder) state(s pb.State)           { b.words(kindState, s.Term, s.Vote, s.Commit) }

// entry appends an entry: type, term, index, key, client, series and the answered one as varints, then the command.
func (b *builder) entry(e *pb.Entry) {
	b.begin(kindEntry)
	for _, v := range [...]uint64{uint64(uint32(e.Type)), e.Term, e.Index, e.Key, e.ClientID, e.SeriesID, e.RespondedTo} {
		b.buf = binary.AppendUvarint(b.buf, v)
	}
	b.buf = append(b.buf, e.Cmd...)
	b.end()
}

// seal turns the items into a record that is to lie at an offset of its segment.
func (b *builder) seal(salt, seq uint64, offset int64) ([]byte, error) {
	body := len(b.buf) - recordHeaderLen
	if body > bodyMax {
		return nil, fmt.Errorf("raftlog: a record of %d bytes, at most %d are allowed", body, bodyMax)
	}
	size := int(total(int64(body)))
	b.grow(size - len(b.buf))
	rec := b.buf[:size]
	clear(rec[recordHeaderLen+body:])
	h := recordHeader{salt: salt, seq: seq, body: uint32(body)}
	h.encode(rec)
	// The checksums are of a fixed length and never zero, so that which sectors are zero does not depend on them.
	binary.LittleEndian.PutUint32(rec[size-recordTrailerLen:], 1)
	h.zeros = zeroSectors(rec, offset)
	h.encode(rec)
	sum, ok := bodySum(rec, rec[recordHeaderLen:recordHeaderLen+body], false)
	if !ok {
		panic("raftlog: a record is made of broken items")
	}
	binary.LittleEndian.PutUint32(rec[size-recordTrailerLen:], sum)
	return rec, nil
}

// zeroSectors counts the sectors of a record at an offset that are zero as far as they belong to it.
func zeroSectors(rec []byte, offset int64) (n uint32) {
	for at := 0; at < len(rec); {
		end := min(at+sector-int((offset+int64(at))%sector), len(rec))
		if zero(rec[at:end]) {
			n++
		}
		at = end
	}
	return n
}

func zero(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// decodeEntry returns the entry of an item. Its command is a copy.
func decodeEntry(payload []byte) (e pb.Entry, ok bool) {
	var typ uint64
	for _, to := range [...]*uint64{&typ, &e.Term, &e.Index, &e.Key, &e.ClientID, &e.SeriesID, &e.RespondedTo} {
		if payload, ok = uvarint(payload, to); !ok {
			return e, false
		}
	}
	e.Type = pb.EntryType(int32(typ))
	if len(payload) > 0 {
		e.Cmd = append(make([]byte, 0, len(payload)), payload...)
	}
	return e, typ <= 1<<31-1
}

// peekEntry returns of an entry what the index of the log needs.
func peekEntry(payload []byte) (typ pb.EntryType, index uint64, ok bool) {
	var t, term uint64
	for _, to := range [...]*uint64{&t, &term, &index} {
		if payload, ok = uvarint(payload, to); !ok {
			return 0, 0, false
		}
	}
	return pb.EntryType(int32(t)), index, t <= 1<<31-1
}

func uvarint(b []byte, to *uint64) (rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, false
	}
	*to = v
	return b[n:], true
}

// decodeWords returns the numbers of an item, false if there are not as many.
func decodeWords(payload []byte, to ...*uint64) bool {
	if len(payload) != 8*len(to) {
		return false
	}
	for i, w := range to {
		*w = binary.LittleEndian.Uint64(payload[8*i:])
	}
	return true
}

package rdb

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// Up to these, collections are written in their compact encodings. They are Redis' defaults.
const (
	intsetMax        = 512 // members of a set of numbers
	hashPackMax      = 512 // fields
	hashPackBytesMax = 64  // of a name or a value
	zsetPackMax      = 128 // members
	zsetPackBytesMax = 64  // of a name
	listNodeBytesMax = 8 << 10
	listPlainMin     = 1 << 30 // an element of so many bytes has a node of its own, and no listpack
)

// listItemHead is what Redis reckons for an element beside its bytes when it asks whether a node has room.
const listItemHead = 8

// Containers of a node of a quicklist.
const (
	nodePlain  = 1
	nodePacked = 2
)

// intTextMax is the length of the longest string that is tried as an integer.
const intTextMax = 11

// footerBytes are the version and the checksum at the end of a payload.
const footerBytes = 2 + 8

// AppendDump appends the payload that DUMP replies for v, byte for byte as Redis 7.0 would write it with its default settings and
// with hashes and sets in this order. A hash with deadlines, of which Redis 7.0 knows nothing, is written as Redis 7.4 would. What
// the comments of Value say must hold of v.
func AppendDump(dst []byte, v *Value) []byte {
	start := len(dst)
	var e encoder
	e.dst = append(dst, byte(kindOf(v)))
	e.value(v)
	version := uint16(Version)
	if kindOf(v) == kindHashTTL {
		version = VersionMax
	}
	dst = binary.LittleEndian.AppendUint16(e.dst, version)
	return binary.LittleEndian.AppendUint64(dst, checksum(0, dst[start:]))
}

// encoder appends values to dst. What else it has is room that is used again.
type encoder struct {
	dst  []byte
	pack packWriter
	lzf  lzf
	node []byte

	drain func() // takes what is in dst, as it would grow large; nil when all is to be in dst in the end
}

// spill is for between the elements of a value.
func (e *encoder) spill() {
	if e.drain != nil && len(e.dst) >= fileBuffer {
		e.drain()
	}
}

// kindOf chooses the encoding.
func kindOf(v *Value) kind {
	switch v.Type {
	case String:
		return kindString
	case List:
		return kindQuicklist2
	case Set:
		if _, ok := numbers(v.Set); ok && v.Form != Table {
			return kindIntset
		}
		return kindSet
	case Hash:
		return kindOfHash(v.Hash, v.Form)
	case ZSet:
		if len(v.ZSet) > zsetPackMax || v.Form == Table {
			return kindZSet2
		}
		for _, m := range v.ZSet {
			if len(m.Name) > zsetPackBytesMax {
				return kindZSet2
			}
		}
		return kindZSetListpack
	case Stream:
		return kindStream2
	}
	panic(fmt.Sprintf("rdb: no type has the number %d", v.Type))
}

func kindOfHash(fields []Field, form Form) kind {
	small := len(fields) <= hashPackMax && form != Table
	for _, f := range fields {
		if f.Deadline != 0 {
			return kindHashTTL
		}
		small = small && len(f.Name) <= hashPackBytesMax && len(f.Value) <= hashPackBytesMax
	}
	if small {
		return kindHashListpack
	}
	return kindHash
}

// numbers returns the members of a set that is to be an intset.
func numbers(set [][]byte) ([]int64, bool) {
	if len(set) > intsetMax {
		return nil, false
	}
	out := make([]int64, len(set))
	for i, s := range set {
		v, ok := parseInt(s)
		if !ok {
			return nil, false
		}
		out[i] = v
	}
	return out, true
}

func (e *encoder) value(v *Value) {
	switch kindOf(v) {
	case kindString:
		e.string(v.String)
	case kindQuicklist2:
		e.list(v.List)
	case kindIntset:
		all, _ := numbers(v.Set)
		e.node = appendIntset(e.node[:0], all)
		e.string(e.node)
	case kindSet:
		e.length(uint64(len(v.Set)))
		for _, s := range v.Set {
			e.string(s)
			e.spill()
		}
	case kindHashListpack:
		e.pack.reset()
		for _, f := range v.Hash {
			e.pack.add(f.Name)
			e.pack.add(f.Value)
		}
		e.string(e.pack.finish())
	case kindHash:
		e.length(uint64(len(v.Hash)))
		for _, f := range v.Hash {
			e.string(f.Name)
			e.string(f.Value)
			e.spill()
		}
	case kindHashTTL:
		e.hashTTL(v.Hash)
	case kindZSetListpack:
		e.zsetPack(v.ZSet)
	case kindZSet2: // from the last to the first, which is how Redis likes to insert them
		e.length(uint64(len(v.ZSet)))
		for i := len(v.ZSet) - 1; i >= 0; i-- {
			e.string(v.ZSet[i].Name)
			e.fixed(math.Float64bits(v.ZSet[i].Score))
			e.spill()
		}
	case kindStream2:
		e.stream(v.Stream)
	}
}

// length appends a number in as few bytes as it needs, the most significant first:
//
//	00nnnnnn, 01nnnnnn nnnnnnnn, 10000000 and 4 bytes, 10000001 and 8 bytes
func (e *encoder) length(n uint64) {
	switch {
	case n < 1<<6:
		e.dst = append(e.dst, byte(n))
	case n < 1<<14:
		e.dst = append(e.dst, 0x40|byte(n>>8), byte(n))
	case n < 1<<32:
		e.dst = binary.BigEndian.AppendUint32(append(e.dst, 0x80), uint32(n))
	default:
		e.dst = binary.BigEndian.AppendUint64(append(e.dst, 0x81), n)
	}
}

// fixed appends eight bytes.
func (e *encoder) fixed(n uint64) {
	e.dst = binary.LittleEndian.AppendUint64(e.dst, n)
}

// string appends a string: as an integer, compressed, or as it is.
//
//	11000000 to 11000010         a signed number of 1, 2 or 4 bytes, which follow
//	11000011                     the length compressed, the length, the compressed bytes
//	length                       the bytes
func (e *encoder) string(s []byte) {
	if len(s) <= intTextMax {
		if v, ok := parseInt(s); ok && fits(v, 4) {
			log := 0
			for !fits(v, 1<<log) {
				log++
			}
			e.dst = appendLittle(append(e.dst, 0xc0|byte(log)), v, 1<<log)
			return
		}
	}
	if compressed := e.lzf.compress(s); compressed != nil {
		e.dst = append(e.dst, 0xc3)
		e.length(uint64(len(compressed)))
		e.length(uint64(len(s)))
		e.dst = append(e.dst, compressed...)
		return
	}
	e.length(uint64(len(s)))
	e.dst = append(e.dst, s...)
}

// list appends the nodes that pushing the elements at the tail makes. Their number comes first, so they are counted before.
func (e *encoder) list(list [][]byte) {
	nodes := uint64(0)
	if e.drain != nil && len(list) > listWholeMax {
		for i := 0; i < len(list); nodes++ {
			i = e.packNode(list, i)
		}
		e.length(nodes)
		for i := 0; i < len(list); e.spill() {
			i = e.listNode(list, i)
		}
		return
	}
	all := encoder{dst: e.node[:0], lzf: e.lzf, pack: e.pack}
	for i := 0; i < len(list); nodes++ {
		i = all.listNode(list, i)
	}
	e.node, e.lzf, e.pack = all.dst, all.lzf, all.pack
	e.length(nodes)
	e.dst = append(e.dst, e.node...)
}

// listNode appends the node that begins with an element, and returns which is the first behind it.
func (e *encoder) listNode(list [][]byte, from int) (next int) {
	if len(list[from]) >= listPlainMin {
		e.length(nodePlain)
		e.string(list[from])
		return from + 1
	}
	next = e.packNode(list, from)
	e.length(nodePacked)
	e.string(e.pack.finish())
	return next
}

// packNode puts into pack what the node that begins with an element has of them, and returns which is the first behind it.
func (e *encoder) packNode(list [][]byte, from int) (next int) {
	e.pack.reset()
	for next = from; ; {
		if len(list[next]) < listPlainMin {
			e.pack.add(list[next])
		}
		next++
		if next == len(list) || len(list[from]) >= listPlainMin || len(list[next]) >= listPlainMin || e.pack.size()+len(list[next])+listItemHead > listNodeBytesMax {
			return next
		}
	}
}

// hashTTL appends the least deadline, and fields with theirs counted from one before it, 0 being none.
func (e *encoder) hashTTL(fields []Field) {
	least := int64(math.MaxInt64)
	for _, f := range fields {
		if f.Deadline != 0 {
			least = min(least, f.Deadline)
		}
	}
	e.fixed(uint64(least))
	e.length(uint64(len(fields)))
	for _, f := range fields {
		if f.Deadline == 0 {
			e.length(0)
		} else {
			e.length(uint64(f.Deadline - least + 1))
		}
		e.string(f.Name)
		e.string(f.Value)
		e.spill()
	}
}

func (e *encoder) zsetPack(members []Member) {
	e.pack.reset()
	var room [32]byte
	for _, m := range members {
		e.pack.add(m.Name)
		if whole := int64(m.Score); math.Abs(m.Score) <= 1<<62 && float64(whole) == m.Score {
			e.pack.addInt(whole)
		} else {
			e.pack.add(appendScore(room[:0], m.Score))
		}
	}
	e.string(e.pack.finish())
}

// appendScore appends a number as C's %.17g does.
func appendScore(dst []byte, score float64) []byte {
	switch {
	case math.IsInf(score, 1):
		return append(dst, "inf"...)
	case math.IsInf(score, -1):
		return append(dst, "-inf"...)
	}
	return strconv.AppendFloat(dst, score, 'g', 17, 64)
}

package ranked

import (
	"encoding/binary"
	"fmt"

	"github.com/redoubt-db/redoubt/internal/slab"
)

// An entry is packed as
//
//	length  1 or 2 bytes: of all that follows
//	major   Hashed 5 bytes, Scored 8, Placed varint: distance from the leaf's base
//	tag     uvarint: length of the name, above three flags
//	main    varint: distance from the leaf's base          (not Scored)
//	sub     uvarint                                        (if flagged)
//	due     varint: the deadline                           (if flagged)
//	name    the bytes, or 8 bytes of reference if longer than inlineMax
//	value   the rest or, if flagged, 8 bytes of reference and a uvarint of length
//
// A field written at the revision of its leaf's first, with a name and value of ten bytes each, takes 28 bytes.
const (
	hasDeadline = 1 << iota
	hasSub
	valueOut
	flagBits = 3

	inlineMax = 256      // bytes of a name or a value in a leaf; longer ones are blobs
	shortMax  = 1<<7 - 1 // the longest entry whose length is one byte

	hashBits = 40 // of a major in layout Hashed
)

// base is what the entries of a leaf are measured from.
type base struct{ main, major uint64 }

// outside are the blobs of an entry, with 0 for a string that lies in the leaf.
type outside struct {
	name, value       slab.Ref
	nameLen, valueLen int
}

// pack returns an entry as it lies in a leaf, good until the next pack.
func (f *Forest) pack(l Layout, from base, e *Entry, out outside) []byte {
	b := append(f.entry[:0], 0, 0)
	switch m := e.Major; l {
	case Hashed:
		if m>>hashBits != 0 {
			panic(fmt.Sprintf("ranked: major %#x has more than %d bits", m, hashBits))
		}
		b = append(b, byte(m), byte(m>>8), byte(m>>16), byte(m>>24), byte(m>>32))
	case Scored:
		b = binary.LittleEndian.AppendUint64(b, m)
	case Placed:
		b = binary.AppendVarint(b, int64(m-from.major))
	default:
		panic(fmt.Sprintf("ranked: a tree of no layout, %d", l))
	}
	tag := uint64(len(e.Name)) << flagBits
	if out.value != 0 {
		tag |= valueOut
	}
	if l == Scored {
		b = binary.AppendUvarint(b, tag)
	} else {
		b = packRevision(b, tag, from, e)
	}
	if out.name != 0 {
		b = binary.LittleEndian.AppendUint64(b, uint64(out.name))
	} else {
		b = append(b, e.Name...)
	}
	if out.value != 0 {
		b = binary.LittleEndian.AppendUint64(b, uint64(out.value))
		b = binary.AppendUvarint(b, uint64(len(e.Value)))
	} else {
		b = append(b, e.Value...)
	}
	f.entry = b
	return seal(b)
}

func packRevision(b []byte, tag uint64, from base, e *Entry) []byte {
	if e.Sub != 0 {
		tag |= hasSub
	}
	if e.Deadline != 0 {
		tag |= hasDeadline
	}
	b = binary.AppendUvarint(b, tag)
	b = binary.AppendVarint(b, int64(e.Main-from.main))
	if e.Sub != 0 {
		b = binary.AppendUvarint(b, uint64(e.Sub))
	}
	if e.Deadline != 0 {
		b = binary.AppendVarint(b, e.Deadline)
	}
	return b
}

// seal writes the length in front of an entry that begins with two bytes for it, and returns it without those it does
// not need.
func seal(b []byte) []byte {
	n := len(b) - 2
	if n <= shortMax {
		b[1] = byte(n)
		return b[1:]
	}
	b[0], b[1] = byte(n)|0x80, byte(n>>7)
	return b
}

// span is where the entry at off goes on behind its length, and where it ends.
func span(b []byte, off int) (body, end int) {
	n := int(b[off])
	if n <= shortMax {
		return off + 1, off + 1 + n
	}
	return off + 2, off + 2 + (n&0x7f | int(b[off+1])<<7)
}

// uvarint reads a number at p and returns where it ends.
func uvarint(b []byte, p int) (uint64, int) {
	if x := b[p]; x < 0x80 {
		return uint64(x), p + 1
	}
	return uvarintLong(b, p)
}

func uvarintLong(b []byte, p int) (x uint64, end int) {
	for shift := 0; ; shift += 7 {
		c := b[p]
		p++
		x |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return x, p
		}
	}
}

// unzig undoes what binary.AppendVarint does to the sign.
func unzig(x uint64) uint64 { return x>>1 ^ -(x & 1) }

// majorAt is the major of the entry whose body is at p, and where its tag is.
func (b leaf) majorAt(l Layout, p int, from uint64) (uint64, int) {
	switch l {
	case Hashed: // the eight bytes from the length's last on, of which the middle five matter
		return binary.LittleEndian.Uint64(b[p-1:]) >> 8 & (1<<hashBits - 1), p + 5
	case Scored:
		return binary.LittleEndian.Uint64(b[p:]), p + 8
	}
	x, p := uvarint(b, p)
	return from + unzig(x), p
}

// nameAt is where the name lies whose entry's tag is at p; it returns the tag as well.
func (b leaf) nameAt(l Layout, p int) (tag uint64, name int) {
	tag, p = uvarint(b, p)
	if l != Scored {
		_, p = uvarint(b, p)
		if tag&hasSub != 0 {
			_, p = uvarint(b, p)
		}
		if tag&hasDeadline != 0 {
			_, p = uvarint(b, p)
		}
	}
	return tag, p
}

// name is the name of the entry whose tag is at p.
func (f *Forest) name(b leaf, l Layout, p int) []byte {
	tag, p := b.nameAt(l, p)
	n := int(tag >> flagBits)
	if n > inlineMax {
		return f.blob(b.ref(p), n)
	}
	return b[p : p+n : p+n]
}

func (b leaf) ref(p int) slab.Ref { return slab.Ref(binary.LittleEndian.Uint64(b[p:])) }

// open unpacks the entry at off into e, which must be zero or of the same layout, and returns where it ends.
func (f *Forest) open(b leaf, l Layout, off int, e *Entry) int {
	p, end := span(b, off)
	var from uint64
	if l == Placed {
		from = b.baseMajor()
	}
	e.Major, p = b.majorAt(l, p, from)
	tag, p := uvarint(b, p)
	if l != Scored {
		var x uint64
		x, p = uvarint(b, p)
		e.Main = b.baseMain() + unzig(x)
		e.Sub, e.Deadline = 0, 0
		if tag&hasSub != 0 {
			x, p = uvarint(b, p)
			e.Sub = uint32(x)
		}
		if tag&hasDeadline != 0 {
			x, p = uvarint(b, p)
			e.Deadline = int64(unzig(x))
		}
	}
	n := int(tag >> flagBits)
	if n > inlineMax {
		e.Name = f.blob(b.ref(p), n)
		p += 8
	} else {
		e.Name = b[p : p+n : p+n]
		p += n
	}
	if tag&valueOut != 0 {
		n, _ := uvarint(b, p+8)
		e.Value = f.blob(b.ref(p), int(n))
	} else {
		e.Value = b[p:end:end]
	}
	return end
}

// outsideOf finds the blobs of the entry at off.
func (b leaf) outsideOf(l Layout, off int) (out outside) {
	p, _ := span(b, off)
	_, p = b.majorAt(l, p, 0)
	tag, p := b.nameAt(l, p)
	out.nameLen = int(tag >> flagBits)
	if out.nameLen > inlineMax {
		out.name = b.ref(p)
		p += 8
	} else {
		p += out.nameLen
	}
	if tag&valueOut != 0 {
		n, _ := uvarint(b, p+8)
		out.value, out.valueLen = b.ref(p), int(n)
	}
	return out
}

// rebase appends to dst the entries of a leaf as they are packed in one with another base.
func (f *Forest) rebase(dst []byte, b leaf, l Layout, to base) []byte {
	from := b.base(l)
	if from == to {
		return append(dst, b[l.head():b.used()]...)
	}
	for off, used := l.head(), b.used(); off < used; {
		body, end := span(b, off)
		major, p := b.majorAt(l, body, from.major)
		tag, p := uvarint(b, p)
		main, p := uvarint(b, p)
		e := append(f.entry[:0], 0, 0)
		if l == Hashed {
			e = append(e, b[body:body+hashBits/8]...)
		} else {
			e = binary.AppendVarint(e, int64(major-to.major))
		}
		e = binary.AppendUvarint(e, tag)
		e = binary.AppendVarint(e, int64(from.main+unzig(main)-to.main))
		e = append(e, b[p:end]...)
		f.entry = e
		dst = append(dst, seal(e)...)
		off = end
	}
	return dst
}

package mvcc

import (
	"encoding/binary"

	"github.com/redoubt-db/redoubt/internal/ranked"
)

// Records of collections and their elements: see record.go for what they hold.

// appendCollection appends the value of a key that has elements, its length in front.
func appendCollection(dst []byte, id, mod Revision) []byte {
	if id == mod {
		return append(dst, 0)
	}
	var buf [2 * binary.MaxVarintLen64]byte
	b := binary.AppendUvarint(buf[:0], id.Main)
	return appendBytes(dst, binary.AppendUvarint(b, uint64(id.Sub)))
}

// decodeCollection reads the id from the value of a key; zero when it is none.
func (r *record) decodeCollection(rev Revision) {
	if r.length == 0 {
		r.collection = rev
		return
	}
	d := decoder{b: r.value}
	id := Revision{d.number(1<<64 - 1), uint32(d.number(1<<32 - 1))}
	if !d.bad && len(d.b) == 0 && id.Compare(rev) < 0 {
		r.collection = id
	}
	r.length, r.value = 0, nil
}

// appendElement appends the record of an element that is put at rev.
func appendElement(dst []byte, k *collection, e *Element, rev Revision) []byte {
	var flags byte
	if e.Deadline != 0 {
		flags = flagDeadline
	}
	dst = appendElementHead(append(dst, recordFormat, kindElement, flags), k, rev)
	if flags != 0 {
		dst = binary.AppendVarint(dst, e.Deadline)
	}
	return append(appendElementPlace(dst, k, e), e.Value...)
}

// appendElementGone appends the record of an element that is removed at rev.
func appendElementGone(dst []byte, k *collection, e *Element, rev Revision) []byte {
	return appendElementPlace(appendElementHead(append(dst, recordFormat, kindNoElement, 0), k, rev), k, e)
}

func appendElementHead(dst []byte, k *collection, rev Revision) []byte {
	dst = appendBefore(append(dst, k.typ), rev, k.id())
	return binary.AppendUvarint(dst, k.changes)
}

func appendElementPlace(dst []byte, k *collection, e *Element) []byte {
	if layout(Type(k.typ)) == ranked.Placed {
		dst = binary.BigEndian.AppendUint64(dst, e.Major)
	}
	return appendBytes(dst, e.Name)
}

func (r *record) decodeElement(d *decoder, rev Revision) {
	r.attr.Type = Type(d.byte())
	r.collection = d.before(rev)
	r.changes = d.number(1<<64 - 1)
	e := &r.element
	e.Main, e.Sub = rev.Main, rev.Sub
	if r.flags&flagDeadline != 0 {
		e.Deadline = d.signed()
	}
	if layout(r.attr.Type) == ranked.Placed {
		if len(d.b) < 8 {
			d.bad, d.b = true, nil
			return
		}
		e.Major = binary.BigEndian.Uint64(d.b)
		d.b = d.b[8:]
	}
	e.Name = d.bytes()
	allowed := byte(0)
	if r.kind == kindElement {
		e.Value, d.b = d.b, nil
		allowed = flagDeadline
	}
	d.bad = d.bad || !r.attr.Type.HasElements() || r.changes == 0 || r.flags&^allowed != 0 ||
		r.attr.Type == ZSet && r.kind == kindElement && len(e.Value) != 8
}

package mvcc

import (
	"encoding/binary"
	"errors"
)

// What the rows of Pebble hold. Keys are
//
//	r main(8, big endian) sub(4)   a record, below
//	c main sub                     records of that revision and those behind it: see chunk.go
//	v main sub                     the value of the record of that revision, when larger than inlineMax
//	l id(8)                        a shared lease, as the caller encodes it
//	m name                         a fact about the whole store; names of ours begin with a zero byte
//
// and a record is
//
//	format, kind, flags            one byte each
//	put        keyspace, key, type, hint, version, [create], [deadline or lease], value length, [value or its row]
//	tombstone  keyspace, key
//	bind       database, keyspace, [keyspace dropped]
//	element    type, collection, changes, [deadline], [major], name, value to the end
//	no element type, collection, changes, [major], name
//
// with numbers as varints, byte strings with their length in front, and revisions before this one as the
// distance of main, then sub. A put of a type that has elements has the collection's id for its value: main and sub, or
// nothing if it is this revision. Major, 8 bytes big endian, is there for types whose elements have a place of their own
// (List, Stream). Numbers of formats, kinds and flags are never reused.
const (
	recordFormat = 1

	kindPut       = 1
	kindTombstone = 2
	kindBind      = 3
	kindElement   = 4
	kindNoElement = 5
	// 6 was set aside for binding a key to a collection, which kindPut does: not to be used.

	flagCreated  = 1 << 0 // put: the first version of its generation
	flagDeadline = 1 << 1 // put, element: a deadline follows
	flagLease    = 1 << 2 // put: a shared lease follows
	flagRow      = 1 << 3 // put: the value is in the v row of this revision
	flagFarRow   = 1 << 4 // put: the value is in the v row of an earlier revision, which follows
	flagMoved    = 1 << 5 // tombstone: the value lives on under another key
	flagDrop     = 1 << 6 // bind: a keyspace is dropped

	rowKeyLen = 1 + 8 + 4
)

var errRecord = errors.New("mvcc: malformed record")

// record is a decoded record. Its byte strings alias what it was decoded from.
type record struct {
	kind, flags uint8
	keyspace    Keyspace
	key         []byte
	attr        Attr
	version     uint64
	create      Revision
	length      int
	value       []byte   // when inline
	row         Revision // where the value is otherwise
	database    uint32
	dropped     Keyspace

	collection Revision // the id, of elements and of keys that have them
	changes    uint64
	element    Element // of an element, but for a major that is a hash
}

func appendRowKey(dst []byte, kind byte, rev Revision) []byte {
	dst = append(dst, kind)
	dst = binary.BigEndian.AppendUint64(dst, rev.Main)
	return binary.BigEndian.AppendUint32(dst, rev.Sub)
}

func rowRevision(key []byte) (Revision, error) {
	if len(key) != rowKeyLen {
		return Revision{}, errRecord
	}
	return Revision{binary.BigEndian.Uint64(key[1:]), binary.BigEndian.Uint32(key[9:])}, nil
}

// appendPut appends the record of the cell's version. A large value is not in it.
func (h *heap) appendPut(dst []byte, c *cell) []byte {
	var flags byte
	mod, create := c.mod(), c.create()
	if create == mod {
		flags |= flagCreated
	}
	switch {
	case c.flags&cellLease != 0:
		flags |= flagLease
	case c.lease != 0:
		flags |= flagDeadline
	}
	var row Revision
	if c.large() {
		flags |= flagRow
		if row = h.valueRow(c); row != mod {
			flags ^= flagRow | flagFarRow
		}
	}
	dst = append(dst, recordFormat, kindPut, flags)
	dst = binary.AppendUvarint(dst, uint64(c.keyspace))
	dst = appendBytes(dst, h.key(c))
	dst = append(dst, c.typ, c.hint)
	dst = binary.AppendUvarint(dst, c.version)
	if flags&flagCreated == 0 {
		dst = appendBefore(dst, mod, create)
	}
	if flags&flagLease != 0 {
		dst = binary.AppendUvarint(dst, c.lease)
	} else if flags&flagDeadline != 0 {
		dst = binary.AppendVarint(dst, int64(c.lease))
	}
	if c.collection() {
		return appendCollection(dst, h.collection(c.handle()).id(), mod)
	}
	dst = binary.AppendUvarint(dst, uint64(c.valueLen))
	switch {
	case flags&flagFarRow != 0:
		return appendBefore(dst, mod, row)
	case flags&flagRow != 0:
		return dst
	}
	return append(dst, h.value(c)...)
}

func appendTombstone(dst []byte, ks uint32, key []byte, moved bool) []byte {
	var flags byte
	if moved {
		flags = flagMoved
	}
	dst = append(dst, recordFormat, kindTombstone, flags)
	return appendBytes(binary.AppendUvarint(dst, uint64(ks)), key)
}

func appendBind(dst []byte, db uint32, ks, dropped Keyspace) []byte {
	var flags byte
	if dropped != 0 {
		flags = flagDrop
	}
	dst = append(dst, recordFormat, kindBind, flags)
	dst = binary.AppendUvarint(dst, uint64(db))
	dst = binary.AppendUvarint(dst, uint64(ks))
	if dropped != 0 {
		dst = binary.AppendUvarint(dst, uint64(dropped))
	}
	return dst
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func appendBefore(dst []byte, rev, earlier Revision) []byte {
	dst = binary.AppendUvarint(dst, rev.Main-earlier.Main)
	return binary.AppendUvarint(dst, uint64(earlier.Sub))
}

// decode reads the record of revision rev.
func (r *record) decode(rev Revision, b []byte) error {
	if len(b) < 3 || b[0] != recordFormat {
		return errRecord
	}
	*r = record{kind: b[1], flags: b[2]}
	d := decoder{b: b[3:]}
	switch r.kind {
	case kindPut:
		r.decodePut(&d, rev)
	case kindTombstone:
		r.keyspace = Keyspace(d.number(1<<32 - 1))
		r.key = d.bytes()
		d.bad = d.bad || r.flags&^flagMoved != 0
	case kindBind:
		r.database = uint32(d.number(1<<32 - 1))
		r.keyspace = Keyspace(d.number(1<<32 - 1))
		if r.flags&flagDrop != 0 {
			r.dropped = Keyspace(d.number(1<<32 - 1))
		}
		d.bad = d.bad || r.flags&^flagDrop != 0
	case kindElement, kindNoElement:
		r.decodeElement(&d, rev)
	default:
		return errRecord
	}
	if d.bad || len(d.b) != 0 {
		return errRecord
	}
	return nil
}

func (r *record) decodePut(d *decoder, rev Revision) {
	r.keyspace = Keyspace(d.number(1<<32 - 1))
	r.key = d.bytes()
	r.attr.Type, r.attr.Hint = Type(d.byte()), d.byte()
	r.version = d.number(1<<64 - 1)
	r.create, r.row = rev, rev
	if r.flags&flagCreated == 0 {
		r.create = d.before(rev)
	}
	if r.flags&flagLease != 0 {
		r.attr.Lease = d.number(1<<64 - 1)
		d.bad = d.bad || r.attr.Lease == 0
	} else if r.flags&flagDeadline != 0 {
		r.attr.Deadline = d.signed()
	}
	r.length = int(d.number(1<<32 - 1))
	switch r.flags & (flagRow | flagFarRow) {
	case 0:
		d.bad = d.bad || r.length > inlineMax || r.length != len(d.b)
		r.value, d.b = d.b, nil
	case flagFarRow:
		r.row = d.before(rev)
		d.bad = d.bad || r.length <= inlineMax
	case flagRow:
		d.bad = d.bad || r.length <= inlineMax
	default:
		d.bad = true
	}
	if r.attr.Type.HasElements() {
		r.decodeCollection(rev)
		d.bad = d.bad || r.collection.IsZero()
	}
	d.bad = d.bad || r.flags&^(flagCreated|flagDeadline|flagLease|flagRow|flagFarRow) != 0 ||
		r.flags&(flagDeadline|flagLease) == flagDeadline|flagLease
}

// decoder takes numbers and strings off the front of b; what is not there sets bad.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) number(limit uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > limit {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) signed() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) bytes() []byte {
	n := d.number(1<<64 - 1)
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) before(rev Revision) Revision {
	main, sub := d.number(1<<64-1), d.number(1<<32-1)
	if main > rev.Main {
		d.bad = true
		return Revision{}
	}
	earlier := Revision{rev.Main - main, uint32(sub)}
	d.bad = d.bad || earlier.Compare(rev) >= 0
	return earlier
}

// state is the row of m that every batch rewrites.
type state struct {
	applied   uint64
	revision  uint64
	compacted uint64
	chain     uint64
	made      uint32 // keyspaces made by flushes so far
}

const stateFormat = 1

func (s state) append(dst []byte) []byte {
	dst = append(dst, stateFormat)
	for _, v := range [...]uint64{s.applied, s.revision, s.compacted, uint64(s.made)} {
		dst = binary.AppendUvarint(dst, v)
	}
	return binary.BigEndian.AppendUint64(dst, s.chain)
}

func (s *state) decode(b []byte) error {
	if len(b) == 0 || b[0] != stateFormat {
		return errRecord
	}
	d := decoder{b: b[1:]}
	s.applied, s.revision, s.compacted = d.number(1<<64-1), d.number(1<<64-1), d.number(1<<64-1)
	s.made = uint32(d.number(1<<32 - 1))
	if d.bad || len(d.b) != 8 || s.compacted > s.revision {
		return errRecord
	}
	s.chain = binary.BigEndian.Uint64(d.b)
	return nil
}

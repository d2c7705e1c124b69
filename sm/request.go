package sm

import (
	"encoding/binary"
	"math/bits"

	"github.com/redoubt-db/redoubt/keyspace"
)

// A request is
//
//	command    db, argument count, arguments
//	multi      guard count, guards, op count, ops
//	guard      flags, db, key, main and sub of the revision, view
//	op         kind (a command, or a slot that only keeps a place), for a command as above
//
// with kinds and flags as one byte, numbers as varints, and a length in front of each byte string.
const (
	requestCommand = 1
	requestMulti   = 2

	opCommand = 1
	opSlot    = 2

	guardExact = 1 << 0 // of flags: made by WATCHREV

	requestSizeMin = 3 // bytes of the smallest request
	guardSizeMin   = 6
	opSizeMin      = 1

	// databaseMax is the highest database number an entry may name; mvcc has no more.
	databaseMax = 1<<31 - 3
)

// Guard is a condition of a MULTI block: see keyspace.Guard.
type Guard = keyspace.Guard

// Op is one command of a MULTI block. Raw, when it is not nil, is a reply that the server has made already:
// the entry then holds nothing but the place, and the reply is to be given in LocalOp.Slots.
type Op struct {
	DB   uint32
	Args [][]byte
	Raw  []byte
}

// AppendCommand appends a request that is one command.
func AppendCommand(dst []byte, db uint32, args [][]byte) []byte {
	return appendCommand(append(dst, requestCommand), db, args)
}

func appendCommand(dst []byte, db uint32, args [][]byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(db))
	dst = binary.AppendUvarint(dst, uint64(len(args)))
	for _, a := range args {
		dst = binary.AppendUvarint(dst, uint64(len(a)))
		dst = append(dst, a...)
	}
	return dst
}

// AppendMulti appends a request that is a whole MULTI block: if every guard holds, its ops in order.
func AppendMulti(dst []byte, guards []Guard, ops []Op) []byte {
	dst = append(dst, requestMulti)
	dst = binary.AppendUvarint(dst, uint64(len(guards)))
	for i := range guards {
		dst = appendGuard(dst, &guards[i])
	}
	dst = binary.AppendUvarint(dst, uint64(len(ops)))
	for i := range ops {
		if ops[i].Raw != nil {
			dst = append(dst, opSlot)
			continue
		}
		dst = appendCommand(append(dst, opCommand), ops[i].DB, ops[i].Args)
	}
	return dst
}

func appendGuard(dst []byte, g *Guard) []byte {
	var flags byte
	if g.Exact {
		flags |= guardExact
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(g.DB))
	dst = binary.AppendUvarint(dst, uint64(len(g.Key)))
	dst = append(dst, g.Key...)
	dst = binary.AppendUvarint(dst, g.Rev.Main)
	dst = binary.AppendUvarint(dst, uint64(g.Rev.Sub))
	return binary.AppendUvarint(dst, g.View)
}

// RequestSize is at least the size of a command's request, for limits; it is exact but for the number of
// the database, which counts as its longest.
func RequestSize(args [][]byte) int {
	n := 1 + uvarintSize(databaseMax) + uvarintSize(uint64(len(args)))
	for _, a := range args {
		n += uvarintSize(uint64(len(a))) + len(a)
	}
	return n
}

func uvarintSize(v uint64) int { return max(1, (bits.Len64(v)+6)/7) }

// command reads a command's arguments behind dst.
func (d *decoder) command(dst [][]byte) (db uint32, args [][]byte) {
	db = d.database()
	n := d.count(1)
	if n == 0 {
		d.fail()
	}
	for ; n > 0 && !d.bad; n-- {
		dst = append(dst, d.bytes())
	}
	return db, dst
}

// firstKey passes over a command and returns its first argument, nil if there is none. Whoever wants no more need not have the others
// gathered.
func (d *decoder) firstKey() (db uint32, key []byte) {
	db = d.database()
	n := d.count(1)
	for i := 0; i < n && !d.bad; i++ {
		if b := d.bytes(); i == 1 {
			key = b
		}
	}
	return db, key
}

func (d *decoder) guard() (g Guard) {
	flags := d.byte()
	if flags&^guardExact != 0 {
		d.fail()
	}
	g.Exact = flags&guardExact != 0
	g.DB, g.Key = d.database(), d.bytes()
	g.Rev.Main = d.uvarint()
	sub := d.uvarint()
	if sub > 1<<32-1 {
		d.fail()
	}
	g.Rev.Sub, g.View = uint32(sub), d.uvarint()
	return g
}

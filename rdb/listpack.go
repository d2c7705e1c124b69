package rdb

import (
	"encoding/binary"
	"strconv"
)

// A listpack is
//
//	bytes of it all (4), how many items (2; 0xFFFF for that many and more), the items, 0xFF
//
// little endian. An item is its encoding, its bytes, and the length of both once more, to be read backwards. Encodings are
//
//	0vvvvvvv                 the number v
//	10nnnnnn                 a string of n bytes
//	110vvvvv vvvvvvvv        the signed number v
//	1110nnnn nnnnnnnn        a string of n bytes
//	11110000 and 4 bytes     a string of that many bytes
//	11110001 to 11110100     a signed number of 2, 3, 4 or 8 bytes, which follow
const (
	packHead     = 6
	packEnd      = 0xff
	packCountMax = 0xffff // items are not counted from here on
)

// packWidths are the bytes of the numbers whose encodings begin with 0xF1 to 0xF4.
var packWidths = [...]int{2, 3, 4, 8}

// packWriter writes a listpack, into room that it keeps for the next one.
type packWriter struct {
	b     []byte
	count int
}

func (w *packWriter) reset() {
	w.b = append(w.b[:0], 0, 0, 0, 0, 0, 0)
	w.count = 0
}

// size is how many bytes the listpack would have if it ended here.
func (w *packWriter) size() int { return len(w.b) + 1 }

// add adds a string, as a number if it is the decimal form of one.
func (w *packWriter) add(s []byte) {
	if v, ok := parseInt(s); ok {
		w.addInt(v)
		return
	}
	start := len(w.b)
	switch n := len(s); {
	case n < 1<<6:
		w.b = append(w.b, 0x80|byte(n))
	case n < 1<<12:
		w.b = append(w.b, 0xe0|byte(n>>8), byte(n))
	default:
		w.b = appendLittle(append(w.b, 0xf0), int64(n), 4)
	}
	w.b = append(w.b, s...)
	w.end(start)
}

func (w *packWriter) addInt(v int64) {
	start := len(w.b)
	switch {
	case v >= 0 && v < 1<<7:
		w.b = append(w.b, byte(v))
	case v >= -1<<12 && v < 1<<12:
		w.b = append(w.b, 0xc0|byte(v>>8)&0x1f, byte(v))
	default:
		i := 0
		for !fits(v, packWidths[i]) {
			i++
		}
		w.b = appendLittle(append(w.b, 0xf1+byte(i)), v, packWidths[i])
	}
	w.end(start)
}

func (w *packWriter) end(start int) {
	w.b = appendBackLength(w.b, len(w.b)-start)
	w.count++
}

// finish returns the listpack, which is good until the next reset.
func (w *packWriter) finish() []byte {
	w.b = append(w.b, packEnd)
	binary.LittleEndian.PutUint32(w.b, uint32(len(w.b)))
	binary.LittleEndian.PutUint16(w.b[4:], uint16(min(w.count, packCountMax)))
	return w.b
}

// backLengths are the least lengths that take one more byte each. That they are not powers of two is Redis' doing.
var backLengths = [...]int{1 << 7, 1<<14 - 1, 1<<21 - 1, 1<<28 - 1}

// appendBackLength appends n in groups of seven bits, the most significant first. All but that one have their high bit set.
func appendBackLength(dst []byte, n int) []byte {
	more := 0
	for more < len(backLengths) && n >= backLengths[more] {
		more++
	}
	dst = append(dst, byte(n>>(7*more)))
	for more > 0 {
		more--
		dst = append(dst, byte(n>>(7*more))|0x80)
	}
	return dst
}

// item is one item of a listpack or ziplist.
type item struct {
	text   []byte
	number int64
	isInt  bool
}

func (it item) bytes() []byte {
	if it.isInt {
		return strconv.AppendInt(nil, it.number, 10)
	}
	return it.text
}

// int is the item as a number, which it may be in text as well.
func (it item) int() (int64, bool) {
	if it.isInt {
		return it.number, true
	}
	return parseInt(it.text)
}

// packReader takes a listpack apart.
type packReader struct {
	b       []byte // the items, without head and end
	count   int    // as told by the head
	counted int
}

// openPack checks all of a listpack that is not its items.
func openPack(b []byte) (packReader, error) {
	if len(b) < packHead+1 {
		return packReader{}, corrupt("a listpack is cut short")
	}
	if n := binary.LittleEndian.Uint32(b); uint64(n) != uint64(len(b)) {
		return packReader{}, corrupt("a listpack of %d bytes says that it has %d", len(b), n)
	}
	if b[len(b)-1] != packEnd {
		return packReader{}, corrupt("a listpack does not end")
	}
	return packReader{b: b[packHead : len(b)-1], count: int(binary.LittleEndian.Uint16(b[4:]))}, nil
}

// more says whether there is another item.
func (r *packReader) more() bool { return len(r.b) > 0 }

// next takes the next item. There must be one.
func (r *packReader) next() (item, error) {
	if len(r.b) == 0 {
		return item{}, corrupt("a listpack ends too early")
	}
	it, n, err := packItem(r.b)
	if err != nil {
		return item{}, err
	}
	var room [len(backLengths) + 1]byte
	back := appendBackLength(room[:0], n)
	if len(r.b)-n < len(back) || string(r.b[n:n+len(back)]) != string(back) {
		return item{}, corrupt("an item of a listpack has two lengths")
	}
	r.b = r.b[n+len(back):]
	r.counted++
	return it, nil
}

// close checks what can be known only after the last item.
func (r *packReader) close() error {
	if r.more() {
		return corrupt("a listpack goes on after its last item")
	}
	if r.count != packCountMax && r.count != r.counted {
		return corrupt("a listpack of %d items says that it has %d", r.counted, r.count)
	}
	return nil
}

// packItem reads an item without its second length; n is how many bytes it has.
func packItem(b []byte) (it item, n int, err error) {
	var size uint64
	switch c := b[0]; {
	case c < 0x80:
		return item{number: int64(c), isInt: true}, 1, nil
	case c < 0xc0:
		n, size = 1, uint64(c&0x3f)
	case c < 0xe0:
		if len(b) < 2 {
			break
		}
		v := int64(c&0x1f)<<8 | int64(b[1])
		return item{number: v << 51 >> 51, isInt: true}, 2, nil
	case c < 0xf0:
		if len(b) < 2 {
			break
		}
		n, size = 2, uint64(c&0x0f)<<8|uint64(b[1])
	case c == 0xf0:
		if len(b) < 5 {
			break
		}
		n, size = 5, uint64(binary.LittleEndian.Uint32(b[1:]))
	case c <= 0xf4:
		width := packWidths[c-0xf1]
		if len(b) <= width {
			break
		}
		return item{number: little(b[1 : 1+width]), isInt: true}, 1 + width, nil
	default:
		return item{}, 0, corrupt("no item of a listpack begins with %#x", c)
	}
	if n == 0 || uint64(len(b)-n) < size {
		return item{}, 0, corrupt("an item of a listpack is cut short")
	}
	end := n + int(size)
	return item{text: b[n:end:end]}, end, nil
}

// readListpack returns all items.
func readListpack(b []byte) ([][]byte, error) {
	r, err := openPack(b)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, 0, min(r.count, len(r.b)/2))
	for r.more() {
		it, err := r.next()
		if err != nil {
			return nil, err
		}
		out = append(out, it.bytes())
	}
	return out, r.close()
}

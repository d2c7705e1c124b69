package rdb

import (
	"encoding/binary"
)

// Ziplists are what listpacks replaced in Redis 7.0, and zipmaps what ziplists replaced in 2.6. They are only read. A ziplist is
//
//	bytes of it all (4), offset of the last item (4), how many items (2; 0xFFFF for that many and more), the items, 0xFF
//
// little endian. An item is the length of the one before (a byte, or 0xFE and 4 bytes), its encoding, and its bytes. Encodings are
//
//	00nnnnnn                   a string of n bytes
//	01nnnnnn nnnnnnnn          a string of n bytes
//	10xxxxxx and 4 bytes       a string of that many bytes, big endian
//	11000000 to 11110000       a signed number of 2, 4, 8 or 3 bytes, which follow
//	11111110                   a signed number of one byte, which follows
//	1111vvvv                   the number v-1, where v is 1 to 13
const (
	zipHead     = 10
	zipEnd      = 0xff
	zipBig      = 0xfe
	zipCountMax = 0xffff
)

// zipWidths are the bytes of the numbers whose encodings begin with 0xC0, 0xD0, 0xE0 and 0xF0.
var zipWidths = [...]int{2, 4, 8, 3}

func readZiplist(b []byte) ([][]byte, error) {
	if len(b) < zipHead+1 {
		return nil, corrupt("a ziplist is cut short")
	}
	if n := binary.LittleEndian.Uint32(b); uint64(n) != uint64(len(b)) {
		return nil, corrupt("a ziplist of %d bytes says that it has %d", len(b), n)
	}
	end := len(b) - 1
	if b[end] != zipEnd {
		return nil, corrupt("a ziplist does not end")
	}
	tail, count := binary.LittleEndian.Uint32(b[4:]), int(binary.LittleEndian.Uint16(b[8:]))
	if uint64(tail) > uint64(end) {
		return nil, corrupt("the last item of a ziplist is outside of it")
	}
	out := make([][]byte, 0, min(count, len(b)/2))
	before, last := 0, -1
	for at := zipHead; at < end; {
		it, n, err := zipItem(b[at:end], before)
		if err != nil {
			return nil, err
		}
		out = append(out, it.bytes())
		before, last, at = n, at, at+n
	}
	if last >= 0 && last != int(tail) {
		return nil, corrupt("the last item of a ziplist is at %d, not at %d", last, tail)
	}
	if count != zipCountMax && count != len(out) {
		return nil, corrupt("a ziplist of %d items says that it has %d", len(out), count)
	}
	return out, nil
}

// zipItem reads an item, before which is one of so many bytes; n is how many it has itself.
func zipItem(b []byte, before int) (it item, n int, err error) {
	prev, head := uint64(b[0]), 1
	switch {
	case b[0] == zipEnd:
		return item{}, 0, corrupt("a ziplist ends too early")
	case b[0] == zipBig:
		if len(b) < 5 {
			return item{}, 0, corrupt("an item of a ziplist is cut short")
		}
		prev, head = uint64(binary.LittleEndian.Uint32(b[1:])), 5
	}
	if prev != uint64(before) {
		return item{}, 0, corrupt("an item of a ziplist has %d bytes, and %d for the next one", before, prev)
	}
	it, n, err = zipBody(b[head:])
	return it, head + n, err
}

// zipBody reads an item without the length of the one before.
func zipBody(b []byte) (it item, n int, err error) {
	if len(b) == 0 {
		return item{}, 0, corrupt("an item of a ziplist is cut short")
	}
	var size uint64
	width := 0
	switch c := b[0]; {
	case c < 0x40:
		n, size = 1, uint64(c)
	case c < 0x80:
		if len(b) >= 2 {
			n, size = 2, uint64(c&0x3f)<<8|uint64(b[1])
		}
	case c < 0xc0:
		if len(b) >= 5 {
			n, size = 5, uint64(binary.BigEndian.Uint32(b[1:]))
		}
	case c&0x0f == 0:
		width = zipWidths[c>>4-0xc]
	case c == 0xfe:
		width = 1
	case c > 0xf0 && c < 0xfe:
		return item{number: int64(c) - 0xf1, isInt: true}, 1, nil
	default:
		return item{}, 0, corrupt("no item of a ziplist begins with %#x", c)
	}
	if width > 0 && len(b) > width {
		return item{number: little(b[1 : 1+width]), isInt: true}, 1 + width, nil
	}
	if n == 0 || uint64(len(b)-n) < size {
		return item{}, 0, corrupt("an item of a ziplist is cut short")
	}
	end := n + int(size)
	return item{text: b[n:end:end]}, end, nil
}

// readZipmap reads the names and values of a zipmap, by turns. It is
//
//	how many pairs (1 byte; 0xFE for that many and more), the pairs, 0xFF
//
// where a pair is the length of its name (a byte, or 0xFE and 4 bytes), the name, the length of the value, how many bytes behind it
// are not in use (1 byte), the value, and those bytes.
func readZipmap(b []byte) ([][]byte, error) {
	if len(b) < 2 || b[len(b)-1] != zipEnd {
		return nil, corrupt("a zipmap does not end")
	}
	count, rest := int(b[0]), b[1:len(b)-1]
	var out [][]byte
	for len(rest) > 0 {
		for free := range 2 { // a name has no room behind it, and a value has the byte that says how much
			size, head, err := zipmapLength(rest)
			if err != nil {
				return nil, err
			}
			rest = rest[head:]
			behind := uint64(0)
			if free == 1 {
				if len(rest) == 0 {
					return nil, corrupt("a value of a zipmap is cut short")
				}
				behind, rest = uint64(rest[0]), rest[1:]
			}
			if size+behind > uint64(len(rest)) {
				return nil, corrupt("a string of a zipmap is cut short")
			}
			out = append(out, rest[:size:size])
			rest = rest[size+behind:]
		}
	}
	if len(out) == 0 {
		return nil, corrupt("a zipmap is empty")
	}
	if count != zipBig && count != len(out)/2 {
		return nil, corrupt("a zipmap of %d pairs says that it has %d", len(out)/2, count)
	}
	return out, nil
}

func zipmapLength(b []byte) (size uint64, head int, err error) {
	switch {
	case len(b) == 0 || b[0] == zipEnd:
		return 0, 0, corrupt("a zipmap ends too early")
	case b[0] < zipBig:
		return uint64(b[0]), 1, nil
	case len(b) < 5:
		return 0, 0, corrupt("a length of a zipmap is cut short")
	}
	size = uint64(binary.LittleEndian.Uint32(b[1:]))
	if size < zipBig {
		return 0, 0, corrupt("a length of a zipmap has more bytes than it needs")
	}
	return size, 5, nil
}

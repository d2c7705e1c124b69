package rdb

import (
	"encoding/binary"
	"slices"
	"strconv"
)

// An intset is
//
//	width of a number (4 bytes), how many there are (4 bytes), the numbers in ascending order
//
// all little endian, where the width is 2, 4 or 8.
const intsetHead = 8

// appendIntset appends the numbers, which it sorts, with the least width that holds all of them.
func appendIntset(dst []byte, numbers []int64) []byte {
	slices.Sort(numbers)
	width := 2
	for _, v := range []int64{numbers[0], numbers[len(numbers)-1]} {
		for !fits(v, width) {
			width *= 2
		}
	}
	dst = appendLittle(dst, int64(width), 4)
	dst = appendLittle(dst, int64(len(numbers)), 4)
	for _, v := range numbers {
		dst = appendLittle(dst, v, width)
	}
	return dst
}

func readIntset(b []byte) ([][]byte, error) {
	if len(b) < intsetHead {
		return nil, corrupt("an intset is cut short")
	}
	width, count := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	if width != 2 && width != 4 && width != 8 {
		return nil, corrupt("the numbers of an intset have %d bytes", width)
	}
	b = b[intsetHead:]
	if uint64(count)*uint64(width) != uint64(len(b)) {
		return nil, corrupt("%d bytes of an intset are not %d numbers", len(b), count)
	}
	if count == 0 {
		return nil, corrupt("an intset is empty")
	}
	out := make([][]byte, 0, count)
	var last int64
	for i := 0; i < len(b); i += int(width) {
		v := little(b[i : i+int(width)])
		if i > 0 && v <= last {
			return nil, corrupt("an intset does not ascend")
		}
		last = v
		out = append(out, strconv.AppendInt(nil, v, 10))
	}
	return out, nil
}

package rdb

// parseInt reads the decimal form that strconv.AppendInt writes, and no other: no plus sign, no leading zeros, no "-0". Only such
// strings may be stored as integers, since reading gives that form back.
func parseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	digits := b
	negative := b[0] == '-'
	if negative {
		digits = b[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var v uint64
	for _, c := range digits {
		if c < '0' || c > '9' || v > (1<<64-1)/10 {
			return 0, false
		}
		next := v*10 + uint64(c-'0')
		if next < v*10 {
			return 0, false
		}
		v = next
	}
	if negative {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v < 1<<63
}

// little reads a signed number of one to eight bytes, the least significant first.
func little(b []byte) int64 {
	var v uint64
	for i, c := range b {
		v |= uint64(c) << (8 * i)
	}
	unused := 64 - 8*len(b)
	return int64(v<<unused) >> unused
}

// appendLittle appends the n least significant bytes of v, the least first.
func appendLittle(dst []byte, v int64, n int) []byte {
	for range n {
		dst = append(dst, byte(v))
		v >>= 8
	}
	return dst
}

// fits says whether v can be told by a signed number of n bytes.
func fits(v int64, n int) bool {
	unused := 64 - 8*n
	return v<<unused>>unused == v
}

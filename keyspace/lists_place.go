package keyspace

import "encoding/binary"

// Fractions of places are byte strings in digits of 4 bytes, big endian, the last of which is not zero: so there is
// always one between two others.
const (
	digitBytes  = 4
	digitBase   = 1 << 32
	digitShare  = 1 << 10 // of a gap, what is left on the near side
	fractionMax = 256     // bytes; beyond, the whole list is numbered anew
)

// fraction is a fraction between two others, low < high; a nil high is above all. It keeps close to low if the next is
// likely to come behind it, to high otherwise.
//
//	fraction("", nil, true)          00400000
//	fraction(00000001, 00000002)     00000001 00400000
func fraction(low, high []byte, nearLow bool) []byte {
	var out []byte
	for i := 0; ; i += digitBytes {
		a, b := digit(low, i), uint64(digitBase)
		if high != nil {
			b = digit(high, i)
		}
		if gap := b - a; b > a && gap > 1 {
			step := max(gap/digitShare, 1)
			if !nearLow {
				step = gap - step
			}
			return binary.BigEndian.AppendUint32(out, uint32(a+step))
		}
		if b > a {
			high = nil // what begins with a is below, however it goes on
		}
		out = binary.BigEndian.AppendUint32(out, uint32(a))
	}
}

// digit is a digit of a fraction; behind its end all are zero.
func digit(b []byte, i int) uint64 {
	if i >= len(b) {
		return 0
	}
	return uint64(binary.BigEndian.Uint32(b[i:]))
}

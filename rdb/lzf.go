package rdb

// LZF, as LibLZF writes it. Compressed data are a sequence of
//
//	000LLLLL, then L+1 bytes               those bytes
//	LLLooooo oooooooo                      L+2 bytes (L < 7) that came o+1 bytes before
//	111ooooo LLLLLLLL oooooooo             L+9 bytes that came o+1 bytes before
const (
	lzfLiteralMax = 32
	lzfOffsetMax  = 8192
	lzfMatchMax   = 264 // the longest copy

	lzfTableBits = 16
)

// lzfMin is the shortest string that is compressed, and lzfGain is how many bytes that must win. Both are Redis'.
const (
	lzfMin  = 21
	lzfGain = 4
)

// lzf compresses. It keeps its table from one string to the next, without clearing it: positions grow by the length of each string,
// and what is at or below base belongs to strings that are past.
type lzf struct {
	table []uint32
	base  uint32
	out   []byte
}

// compress returns in compressed, or nil if that wins fewer than lzfGain bytes. The slice is good until the next call. Like LibLZF it
// never refers to the first byte, and looks for a match of three bytes at the last place with the same hash only; that and its
// arithmetic at the end of a match make the same bytes as LibLZF's.
func (z *lzf) compress(in []byte) []byte {
	if len(in) < lzfMin || uint64(len(in)) >= 1<<31 {
		return nil
	}
	if z.table == nil {
		z.table = make([]uint32, 1<<lzfTableBits)
	}
	if z.base > 1<<32-1-uint32(len(in)) {
		clear(z.table)
		z.base = 0
	}
	base := z.base
	z.base += uint32(len(in))

	end := len(in) - lzfGain
	if cap(z.out) < end+lzfLiteralMax {
		z.out = make([]byte, end+lzfLiteralMax)
	}
	out := z.out[:cap(z.out)]
	at, run, pos := 1, 0, 0 // run is the length of the literal before at; its count is to be written at at-run-1
	for pos < len(in)-2 {
		slot := &z.table[lzfHash(in[pos:])]
		ref := int(*slot) - int(base)
		*slot = base + uint32(pos)
		if ref > 0 && ref < pos && pos-ref <= lzfOffsetMax && in[ref] == in[pos] && in[ref+1] == in[pos+1] && in[ref+2] == in[pos+2] {
			if run == 0 {
				at--
			} else {
				out[at-run-1] = byte(run - 1)
			}
			if at+4 >= end {
				return nil
			}
			n := lzfMatch(in, ref, pos)
			at = lzfCopy(out, at, pos-ref-1, n)
			at, run, pos = at+1, 0, pos+n
			if pos >= len(in)-2 {
				break
			}
			for p := pos - 2; p < pos; p++ {
				z.table[lzfHash(in[p:])] = base + uint32(p)
			}
			continue
		}
		if at >= end {
			return nil
		}
		at, run, pos = lzfLiteral(out, in, at, run, pos)
	}
	if at+3 > end {
		return nil
	}
	for pos < len(in) {
		at, run, pos = lzfLiteral(out, in, at, run, pos)
	}
	if run == 0 {
		at--
	} else {
		out[at-run-1] = byte(run - 1)
	}
	return out[:at]
}

func lzfHash(b []byte) uint32 {
	h := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	return (h>>(24-lzfTableBits) - h*5) & (1<<lzfTableBits - 1)
}

// lzfLiteral adds one byte to the literal, and begins another when it is full.
func lzfLiteral(out, in []byte, at, run, pos int) (int, int, int) {
	out[at] = in[pos]
	at, run, pos = at+1, run+1, pos+1
	if run == lzfLiteralMax {
		out[at-run-1] = byte(run - 1)
		at, run = at+1, 0
	}
	return at, run, pos
}

// lzfMatch is the length of the match at ref and pos, whose first three bytes are equal. LibLZF stops two bytes before the end, save
// where its unrolled loop over the first bytes takes it beyond.
func lzfMatch(in []byte, ref, pos int) int {
	most := min(len(in)-pos-2, lzfMatchMax)
	n := 3
	if most > 16 {
		for ; n <= 18; n++ {
			if in[ref+n] != in[pos+n] {
				return n
			}
		}
	}
	for n < most && in[ref+n] == in[pos+n] {
		n++
	}
	return n
}

func lzfCopy(out []byte, at, offset, n int) int {
	if n < 9 {
		out[at] = byte(offset>>8 | (n-2)<<5)
		at++
	} else {
		out[at], out[at+1] = byte(offset>>8|7<<5), byte(n-9)
		at += 2
	}
	out[at] = byte(offset)
	return at + 1
}

// lzfExpand returns the n bytes that were compressed to in. It allocates nothing for an n that in cannot have come from.
func lzfExpand(in []byte, n uint64) ([]byte, error) {
	if n > uint64(len(in))*lzfMatchMax {
		return nil, corrupt("%d compressed bytes cannot hold %d", len(in), n)
	}
	out := make([]byte, 0, n)
	for len(in) > 0 {
		c := int(in[0])
		if c < lzfLiteralMax {
			if len(in) < c+2 {
				return nil, corrupt("a literal of compressed data is cut short")
			}
			out = append(out, in[1:c+2]...)
			in = in[c+2:]
		} else {
			size, head := c>>5, 2
			if size == 7 {
				head = 3
			}
			if len(in) < head {
				return nil, corrupt("a copy of compressed data is cut short")
			}
			if head == 3 {
				size += int(in[1])
			}
			from := len(out) - (c&0x1f<<8 | int(in[head-1])) - 1
			if from < 0 {
				return nil, corrupt("a copy of compressed data comes from before their beginning")
			}
			if uint64(len(out)+size+2) > n {
				return nil, corrupt("compressed data are longer than they say")
			}
			for range size + 2 {
				out = append(out, out[from])
				from++
			}
			in = in[head:]
		}
		if uint64(len(out)) > n {
			return nil, corrupt("compressed data are longer than they say")
		}
	}
	if uint64(len(out)) != n {
		return nil, corrupt("compressed data are shorter than they say")
	}
	return out, nil
}

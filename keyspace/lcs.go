package keyspace

import "errors"

// LCSBytesMax bounds the strings LCS compares: four bytes for each pair of positions, as Redis reckons with its default
// proto-max-bulk-len. Ours needs one bit for each.
const LCSBytesMax = 512 << 20

// lcsPairsQuick is how many pairs of positions may be compared on an event loop; a millisecond's worth.
const lcsPairsQuick = 1 << 18

// ErrLCSTooLarge: the strings are beyond LCSBytesMax.
var ErrLCSTooLarge = errors.New("keyspace: strings too long for LCS")

// Match is a stretch that the longest common subsequence takes from both strings; ends are included.
type Match struct {
	AStart, AEnd int
	BStart, BEnd int
}

// Len is the length of the stretch.
func (m Match) Len() int { return m.AEnd - m.AStart + 1 }

// LCS is a longest common subsequence of two strings and its stretches from the last to the first. Large strings are NeedLong.
func (v *View) LCS(a, b []byte) (text []byte, matches []Match, err error) {
	pairs := (int64(len(a)) + 1) * (int64(len(b)) + 1)
	if pairs > LCSBytesMax/4 {
		return nil, nil, ErrLCSTooLarge
	}
	if pairs > lcsPairsQuick && !v.mayLoad {
		v.need |= NeedLong
		return nil, nil, nil
	}
	text, matches = longestCommon(a, b)
	return text, matches, nil
}

// longestCommon fills Redis' table of lengths row by row, but keeps of it only what the way back asks: whether a's
// character is the one to drop. So it makes Redis' choices among equally long answers in a 32nd of the memory.
func longestCommon(a, b []byte) ([]byte, []Match) {
	row := make([]uint32, len(b)+1) // lengths for the prefix of a so far and every prefix of b
	dropA := make([]uint64, (len(a)*len(b)+63)/64)
	for i := range a {
		diagonal := uint32(0)
		for j := range b {
			above := row[j+1]
			switch {
			case a[i] == b[j]:
				row[j+1] = diagonal + 1
			case above > row[j]:
				cell := i*len(b) + j
				dropA[cell/64] |= 1 << (cell % 64)
			default:
				row[j+1] = row[j]
			}
			diagonal = above
		}
	}
	return wayBack(a, b, dropA, int(row[len(b)]))
}

// wayBack walks from the ends of both strings to a start, collecting what they share.
func wayBack(a, b []byte, dropA []uint64, length int) ([]byte, []Match) {
	text := make([]byte, length)
	var matches []Match
	open := false // the last match goes on to the left
	for i, j := len(a), len(b); i > 0 && j > 0; {
		if a[i-1] == b[j-1] {
			i, j, length = i-1, j-1, length-1
			text[length] = a[i]
			if !open {
				matches = append(matches, Match{AEnd: i, BEnd: j})
			}
			last := &matches[len(matches)-1]
			last.AStart, last.BStart, open = i, j, true
			continue
		}
		open = false
		if cell := (i-1)*len(b) + j - 1; dropA[cell/64]>>(cell%64)&1 != 0 {
			i--
		} else {
			j--
		}
	}
	return text, matches
}

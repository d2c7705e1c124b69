package keyspace

import (
	"bytes"
	"errors"
	"math"
	"strconv"
)

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// LeadingFloat reads a number from the front of b as C's strtod does, and tells how many bytes it took: 0 if there is none.
// outside is that it was too large, and is infinite, or too small, and is zero.
func LeadingFloat(b []byte) (f float64, n int, outside bool) {
	start := 0
	for start < len(b) && isSpace(b[start]) {
		start++
	}
	i := start
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		i++
	}
	for _, word := range []string{"infinity", "inf", "nan"} {
		if len(b)-i >= len(word) && bytes.EqualFold(b[i:i+len(word)], []byte(word)) {
			f, _ = strconv.ParseFloat(string(b[start:i])+word[:3], 64)
			if word == "nan" {
				f = math.NaN()
			}
			return f, i + len(word), false
		}
	}
	end, digits, hex := numberEnd(b, i)
	if end == i {
		return 0, 0, false
	}
	text := string(b[start:end])
	if hex && !bytes.ContainsAny(b[start:end], "pP") {
		text += "p0"
	}
	f, err := strconv.ParseFloat(text, 64)
	outside = errors.Is(err, strconv.ErrRange) || f == 0 && len(bytes.Trim(digits, "0.")) > 0
	return f, end, outside
}

// numberEnd is where the number at i ends, which has no sign, and its digits without prefix and exponent.
func numberEnd(b []byte, i int) (end int, digits []byte, hex bool) {
	if len(b)-i > 2 && b[i] == '0' && (b[i+1] == 'x' || b[i+1] == 'X') {
		if end = digitsEnd(b, i+2, isHexDigit); end > i+2 {
			return exponentEnd(b, end, 'p'), b[i+2 : end], true
		}
		return i + 1, nil, false // "0x" is a zero and something else
	}
	if end = digitsEnd(b, i, isDigit); end == i {
		return i, nil, false
	}
	return exponentEnd(b, end, 'e'), b[i:end], false
}

// digitsEnd is the end of digits with at most one point among them; i if there is no digit.
func digitsEnd(b []byte, i int, isDigit func(byte) bool) int {
	from, points := i, 0
	for ; i < len(b) && (isDigit(b[i]) || b[i] == '.' && points == 0); i++ {
		if b[i] == '.' {
			points++
		}
	}
	if i-from == points {
		return from
	}
	return i
}

// exponentEnd is the end of the exponent at i, or i if there is none.
func exponentEnd(b []byte, i int, mark byte) int {
	j := i
	if j == len(b) || b[j]|0x20 != mark {
		return i
	}
	if j++; j < len(b) && (b[j] == '-' || b[j] == '+') {
		j++
	}
	from := j
	for j < len(b) && isDigit(b[j]) {
		j++
	}
	if j == from {
		return i
	}
	return j
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHexDigit(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

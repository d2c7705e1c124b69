package conf

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// The texts are Redis', except the last.
var (
	errNotBool          = errors.New("argument must be 'yes' or 'no'")
	errNotInteger       = errors.New("argument couldn't be parsed into an integer")
	errNotOctal         = errors.New("argument couldn't be parsed as an octal number")
	errNotMemory        = errors.New("argument must be a memory value")
	errNotMemoryOrShare = errors.New("argument must be a memory or percent value")
	errNotDuration      = errors.New("argument must be a time: milliseconds, or a number with ms, s, m, h or d")
)

// memoryDigitsMax is the longest run of digits Redis reads as a number of bytes.
const memoryDigitsMax = 127

// parseInteger reads a number as Redis' strict reader does: no blanks, no plus sign, no leading zeros.
func parseInteger(s string) (int64, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || (digits[0] == '0' && s != "0") || digits[0] < '0' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// parseC reads a number as strtoll does where Redis accepts what that accepts: leading blanks, a sign, nothing at all (zero), and
// numbers too large, which become the largest.
func parseC(s string, base int) (int64, bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	if s == "" {
		return 0, true
	}
	if strings.ContainsRune(s, '_') {
		return 0, false
	}
	n, err := strconv.ParseInt(s, base, 64)
	if errors.Is(err, strconv.ErrRange) {
		return n, true
	}
	return n, err == nil
}

// parseMemory reads a number of bytes with an optional unit. As in Redis nothing at all is zero, a number beyond 64 bits is the
// largest one, and a product beyond 64 bits wraps: the bounds of the directive judge the result.
func parseMemory(s string) (uint64, bool) {
	digits := 0
	for digits < len(s) && '0' <= s[digits] && s[digits] <= '9' {
		digits++
	}
	if digits > memoryDigitsMax {
		return 0, false
	}
	unit, ok := memoryUnit(s[digits:])
	if !ok {
		return 0, false
	}
	if digits == 0 {
		return 0, true
	}
	n, err := strconv.ParseUint(s[:digits], 10, 64)
	if err != nil {
		n = math.MaxUint64
	}
	return n * unit, true
}

func memoryUnit(s string) (uint64, bool) {
	switch lowerASCII(s) {
	case "", "b":
		return 1, true
	case "k":
		return 1000, true
	case "kb":
		return 1 << 10, true
	case "m":
		return 1000 * 1000, true
	case "mb":
		return 1 << 20, true
	case "g":
		return 1000 * 1000 * 1000, true
	case "gb":
		return 1 << 30, true
	}
	return 0, false
}

// formatMemory writes bytes in the largest unit that divides them.
func formatMemory(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 30, "gb"}, {1 << 20, "mb"}, {1 << 10, "kb"}} {
		if n != 0 && n%unit.size == 0 {
			return strconv.FormatInt(n/unit.size, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// parseDuration returns milliseconds.
func parseDuration(s string) (int64, bool) {
	digits := 0
	for digits < len(s) && '0' <= s[digits] && s[digits] <= '9' {
		digits++
	}
	n, ok := parseInteger(s[:digits])
	if !ok {
		return 0, false
	}
	var unit int64
	switch lowerASCII(s[digits:]) {
	case "", "ms":
		unit = 1
	case "s":
		unit = 1000
	case "m":
		unit = 60 * 1000
	case "h":
		unit = 60 * 60 * 1000
	case "d":
		unit = 24 * 60 * 60 * 1000
	default:
		return 0, false
	}
	if n > math.MaxInt64/unit {
		return 0, false
	}
	return n * unit, true
}

// lowerASCII folds as C's tolower does in the C locale, and returns s itself where there is nothing to fold.
func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

package keyspace

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"unicode"
)

// INCRBYFLOAT computes in C's long double, which on the machines Redis runs on is the x87's: 64 bits of mantissa. big.Float
// at that precision rounds alike, and alike on every machine, which the machine's own arithmetic would not.
const (
	floatMantissaBits  = 64
	floatExponentMax   = 16384  // 2^16384 and above is infinite
	floatExponentMin   = -16446 // 2^-16446 and below rounds to zero
	floatDecimals      = 17     // digits behind the point; trailing zeros go
	floatBytesMax      = 5*1024 - 1
	floatDecimalExpMax = 5000 // 10^5000 is infinite and 10^-5000 is zero, whatever digits come before
)

// FloatSum adds two numbers in text. Its form has no exponent. The errors are ErrNotFloat and ErrNaN.
func FloatSum(a, b []byte) ([]byte, error) {
	x, xInf, ok := parseFloat(a)
	if !ok {
		return nil, ErrNotFloat
	}
	y, yInf, ok := parseFloat(b)
	if !ok {
		return nil, ErrNotFloat
	}
	if xInf || yInf {
		return nil, ErrNaN
	}
	x.Add(x, y)
	if x.MantExp(nil) > floatExponentMax {
		return nil, ErrNaN
	}
	return formatFloat(x), nil
}

// formatFloat is x in digits, without an exponent, rounded to floatDecimals places.
func formatFloat(x *big.Float) []byte {
	b := x.Append(nil, 'f', floatDecimals)
	b = bytes.TrimRight(b, "0")
	b = bytes.TrimSuffix(b, []byte("."))
	if string(b) == "-0" {
		return b[1:]
	}
	return b
}

// parseFloat reads what C's strtold reads, if it is the whole of b: decimal, hexadecimal or infinity. NaN and what is
// too large or rounds to zero are refused.
func parseFloat(b []byte) (x *big.Float, infinite, ok bool) {
	if len(b) == 0 || len(b) > floatBytesMax {
		return nil, false, false
	}
	sign, rest := b[:0], b
	if b[0] == '+' || b[0] == '-' {
		sign, rest = b[:1], b[1:]
	}
	switch {
	case bytes.EqualFold(rest, []byte("inf")), bytes.EqualFold(rest, []byte("infinity")):
		return nil, true, true
	case len(rest) > 2 && rest[0] == '0' && (rest[1] == 'x' || rest[1] == 'X'):
		x, ok = parseHex(rest)
	default:
		x, ok = parseDecimal(rest)
	}
	if !ok || x.MantExp(nil) > floatExponentMax || x.Sign() != 0 && x.Cmp(floatZeroMax()) <= 0 {
		return nil, false, false
	}
	if string(sign) == "-" {
		x.Neg(x)
	}
	return x, false, true
}

// floatZeroMax is the largest number that rounds to zero.
func floatZeroMax() *big.Float { return new(big.Float).SetMantExp(big.NewFloat(1), floatExponentMin) }

// parseDecimal reads digits, point and exponent exactly and rounds once.
func parseDecimal(b []byte) (*big.Float, bool) {
	digits, exp, ok := splitDecimal(b)
	if !ok {
		return nil, false
	}
	x := new(big.Float).SetPrec(floatMantissaBits)
	if digits = bytes.TrimLeft(digits, "0"); len(digits) == 0 {
		return x, true
	}
	if size := exp + int64(len(digits)); size > floatDecimalExpMax || size < -floatDecimalExpMax {
		return nil, false
	}
	n, ok := new(big.Int).SetString(string(digits), 10)
	if !ok {
		return nil, false
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(max(exp, -exp)), nil)
	if exp >= 0 {
		return x.SetInt(n.Mul(n, scale)), true
	}
	// Both are exact, so that the quotient is rounded only here.
	return x.Quo(new(big.Float).SetInt(n), new(big.Float).SetInt(scale)), true
}

// splitDecimal parts "12.5e3" into the digits "125" and the exponent 2.
func splitDecimal(b []byte) (digits []byte, exp int64, ok bool) {
	if i := bytes.IndexAny(b, "eE"); i >= 0 {
		if exp, ok = parseExponent(b[i+1:]); !ok {
			return nil, 0, false
		}
		b = b[:i]
	}
	whole, part, _ := bytes.Cut(b, []byte("."))
	digits = append(append(make([]byte, 0, len(b)), whole...), part...)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return nil, 0, false
		}
	}
	return digits, exp - int64(len(part)), len(digits) > 0
}

// parseExponent reads an exponent; one that is too long to matter is cut to one that is too large.
func parseExponent(b []byte) (int64, bool) {
	for i, c := range b {
		if !unicode.IsDigit(rune(c)) && (i > 0 || c != '-' && c != '+') {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(string(b), 10, 32)
	if err != nil && n == 0 {
		return 0, false
	}
	return max(min(n, math.MaxInt32), math.MinInt32), true
}

// parseHex reads 0x digits, point and binary exponent.
func parseHex(b []byte) (*big.Float, bool) {
	for _, c := range b[2:] {
		if c == '_' || c == 'x' || c == 'X' {
			return nil, false
		}
	}
	x, _, err := new(big.Float).SetPrec(floatMantissaBits).Parse(string(b), 0)
	return x, err == nil && !x.IsInf()
}

package geo

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// Unit is a unit of length, in meters.
type Unit float64

// The units there are.
const (
	Meters     Unit = 1
	Kilometers Unit = 1000
	Feet       Unit = 0.3048
	Miles      Unit = 1609.34
)

// ParseUnit reads the name of a unit, in any case.
func ParseUnit(name []byte) (Unit, bool) {
	switch strings.ToLower(string(name)) {
	case "m":
		return Meters, true
	case "km":
		return Kilometers, true
	case "ft":
		return Feet, true
	case "mi":
		return Miles, true
	}
	return 0, false
}

// Of is a length in meters in this unit.
func (u Unit) Of(meters float64) float64 { return meters / float64(u) }

// AppendDistance is a distance as replies have it, with four decimals.
func AppendDistance(dst []byte, d float64) []byte {
	const decimals = 10_000
	n := int64(math.RoundToEven(float64(d * decimals)))
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	dst = append(strconv.AppendInt(dst, n/decimals, 10), '.')
	part := strconv.AppendInt(make([]byte, 0, 5), decimals+n%decimals, 10)
	return append(dst, part[1:]...)
}

// AppendCoordinate is a longitude or latitude as replies have it, with up to seventeen decimals.
func AppendCoordinate(dst []byte, x float64) []byte {
	const decimals = 17
	from := len(dst)
	dst = strconv.AppendFloat(dst, x, 'f', decimals, 64)
	dst = bytes.TrimSuffix(bytes.TrimRight(dst, "0"), []byte("."))
	if string(dst[from:]) == "-0" {
		dst = append(dst[:from], '0')
	}
	return dst
}

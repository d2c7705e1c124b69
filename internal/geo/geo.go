// Package geo is the arithmetic of Redis' GEO commands: points on the earth as scores of sorted sets, distances, and the scores among which the
// points of an area lie. Scores, distances and orders are Redis' own to the last digit, and the same on every machine, since all of them can
// reach the store. It knows no sorted set and no protocol.
package geo

import "math"

const (
	// LongitudeMax and LatitudeMax bound the points there are, on both sides of 0: those of the web's Mercator maps, which leave out the poles.
	LongitudeMax = 180.0
	LatitudeMax  = 85.05112878

	stepsMax    = 26 // halvings of each axis, which make 52 bits of a score
	earthRadius = 6372797.560856
	geohashLen  = 11
)

// Point is a place on the earth, in degrees.
type Point struct{ Longitude, Latitude float64 }

// Valid tells whether the point is within the bounds.
func (p Point) Valid() bool {
	return p.Longitude >= -LongitudeMax && p.Longitude <= LongitudeMax && p.Latitude >= -LatitudeMax && p.Latitude <= LatitudeMax
}

// Score is the score of a valid point: that of the cell it lies in, 0.6 m wide at the equator and 0.3 m high. On the highest longitude or
// latitude it has two bits more than elsewhere, as in Redis.
func (p Point) Score() uint64 { return world().cell(p, stepsMax).bits }

// At is the middle of the cell with that score, whatever the score.
func At(score float64) Point {
	least, most := world().corners(cell{bits: unsigned(score), steps: stepsMax})
	return Point{
		Longitude: between((least.Longitude+most.Longitude)/2, LongitudeMax),
		Latitude:  between((least.Latitude+most.Latitude)/2, LatitudeMax),
	}
}

func between(x, limit float64) float64 { return max(min(x, limit), -limit) }

// unsigned converts as the machines do that Redis runs on, for scores that no point has: modulo 2^64, and to 0 or 2^63 what is too large.
func unsigned(x float64) uint64 {
	const half = 1 << 63
	signed := func(x float64) uint64 {
		if x >= -half && x < half {
			return uint64(int64(x))
		}
		return half
	}
	if x >= half {
		return signed(x-half) ^ half
	}
	return signed(x)
}

// Geohash is the point in the alphabet of geohash.org. The last of its eleven characters is always 0, for want of bits.
func (p Point) Geohash() string {
	const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"
	bits := plane{180, 90}.cell(p, stepsMax).bits
	text := [geohashLen]byte{geohashLen - 1: '0'}
	for i := range geohashLen - 1 {
		text[i] = alphabet[bits>>(2*stepsMax-5*(i+1))&31]
	}
	return string(text[:])
}

// Distance is how far it is from a to b along the surface of the earth, in meters, taking it for a ball.
func Distance(a, b Point) float64 {
	v := sine((radians(b.Longitude) - radians(a.Longitude)) / 2)
	if v == 0 {
		return northward(a, b)
	}
	from, to := radians(a.Latitude), radians(b.Latitude)
	u := sine((to - from) / 2)
	h := float64(u*u) + float64(cosine(from)*cosine(to)*v*v)
	return 2 * earthRadius * arcSine(math.Sqrt(h))
}

// northward is the distance between the latitudes of a and b.
func northward(a, b Point) float64 {
	return earthRadius * math.Abs(radians(b.Latitude)-radians(a.Latitude))
}

// perDegree is π/180, rounded as Redis rounds it: from the nearest double to π.
const perDegree = float64(float64(math.Pi) / 180)

func radians(degrees float64) float64 { return float64(degrees * perDegree) }

func degrees(radians float64) float64 { return radians / perDegree }

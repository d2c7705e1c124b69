package mvcc

import (
	"encoding/binary"
	"math"
)

// ScoreMajor turns a score into a number that compares as scores do: the bits of positive ones are in order already,
// those of negative ones in the opposite. -0 is in front of 0 and comes back as itself, so who looks for a range from 0
// begins at -0.
func ScoreMajor(score float64) uint64 {
	bits := math.Float64bits(score)
	if bits>>63 == 0 {
		return bits | 1<<63
	}
	return ^bits
}

// MajorScore is the score of a place among the Scores of a zset: the opposite of ScoreMajor.
func MajorScore(major uint64) float64 {
	if major>>63 == 1 {
		return math.Float64frombits(major &^ (1 << 63))
	}
	return math.Float64frombits(^major)
}

// ScoreBytes are the value of a zset's element: its ScoreMajor, big endian.
func ScoreBytes(score float64) [8]byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], ScoreMajor(score))
	return b
}

// Score is the score of a zset's element, given its value.
func Score(value []byte) float64 { return MajorScore(binary.BigEndian.Uint64(value)) }

package main

import (
	"math/bits"
	"time"
)

const (
	stepBits = 7  // a power of two is cut into 128 buckets, so a latency is known to within 1 %
	topBits  = 37 // 137 s, longer than anybody waits
	buckets  = (topBits - stepBits) << stepBits
)

// histogram counts latencies without allocating. Below 256 ns there is a bucket a nanosecond; from there on a bucket is as wide as a
// 128th of the power of two it lies in:
//
//	latency  0 .. 255 ns: bucket 0 .. 255
//	latency  256, 257 ns: bucket 256; 258, 259: bucket 257; 510, 511: bucket 383
//	latency  512 .. 515 ns: bucket 384
type histogram struct {
	counts [buckets]uint32
	total  int
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(d)]++
	h.total++
}

func bucket(d time.Duration) int {
	v := uint64(max(d, 0))
	shift := max(bits.Len64(v)-stepBits-1, 0)
	return min(shift<<stepBits+int(v>>shift), buckets-1)
}

// floor is the least latency of a bucket.
func floor(bucket int) time.Duration {
	shift := max(bucket>>stepBits-1, 0)
	return time.Duration(bucket-shift<<stepBits) << shift
}

// at returns the quantile q, 0 to 1, as the middle of its bucket. It takes the same rank as load.Latencies.
func (h *histogram) at(q float64) time.Duration {
	rank := min(int(q*float64(h.total)), h.total-1)
	for i, n := range h.counts {
		if rank -= int(n); rank < 0 {
			return (floor(i) + floor(i+1)) / 2
		}
	}
	return 0
}

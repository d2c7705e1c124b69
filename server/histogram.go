package server

import (
	"math/bits"
	"sync/atomic"
)

// Shape of a latency histogram: 16 buckets per power of two, so a percentile is right to 6 percent, up to a
// little over a second, which is where Redis' histograms end too.
const (
	histogramSubBits = 4
	histogramSub     = 1 << histogramSubBits
	histogramBits    = 30 // of the largest value, in nanoseconds
	histogramBuckets = (histogramBits - histogramSubBits + 1) * histogramSub
)

// histogram counts how long the runs of one command took. Its buckets are made with the first.
type histogram struct {
	buckets atomic.Pointer[[histogramBuckets]atomic.Uint64]
}

func (h *histogram) record(nanos int64) {
	b := h.buckets.Load()
	if b == nil {
		h.buckets.CompareAndSwap(nil, new([histogramBuckets]atomic.Uint64))
		b = h.buckets.Load()
	}
	b[bucketOf(nanos)].Add(1)
}

func (h *histogram) reset() { h.buckets.Store(nil) }

// bucketOf is monotonic: 0..15 have their own, then 16 equal parts of each power of two.
func bucketOf(nanos int64) int {
	n := uint64(max(0, min(nanos, 1<<histogramBits-1)))
	if n < histogramSub {
		return int(n)
	}
	shift := bits.Len64(n) - histogramSubBits - 1
	return (shift+1)*histogramSub + int(n>>shift) - histogramSub
}

// bucketEnd is the largest value of a bucket.
func bucketEnd(i int) int64 {
	if i < histogramSub {
		return int64(i)
	}
	shift := i/histogramSub - 1
	return int64(i%histogramSub+histogramSub+1)<<shift - 1
}

// distribution is a histogram at one moment.
type distribution struct {
	counts []uint64
	total  uint64
}

// read is the distribution, false if nothing was counted.
func (h *histogram) read() (d distribution, ok bool) {
	b := h.buckets.Load()
	if b == nil {
		return d, false
	}
	d.counts = make([]uint64, histogramBuckets)
	for i := range b {
		d.counts[i] = b[i].Load()
		d.total += d.counts[i]
	}
	return d, d.total > 0
}

// percentile is a value, in nanoseconds, that p percent of the runs did not exceed.
func (d *distribution) percentile(p float64) int64 {
	wanted := max(1, uint64(p/100*float64(d.total)+0.5))
	seen := uint64(0)
	for i, n := range d.counts {
		if seen += n; seen >= wanted {
			return bucketEnd(i)
		}
	}
	return 0
}

// cumulative calls fn with the number of runs up to each power of two of nanoseconds from 1024, told in
// microseconds as Redis tells them, beginning with the first that has any and ending with the one that has all.
func (d *distribution) cumulative(fn func(micros int64, runs uint64)) {
	seen, i := uint64(0), 0
	for bound := int64(1024); seen < d.total; bound *= 2 {
		for i < len(d.counts) && bucketEnd(i) < bound {
			seen += d.counts[i]
			i++
		}
		if seen > 0 {
			fn((bound+bound/128-1)/1000, seen) // the end of a bucket of Redis' own histogram
		}
	}
}

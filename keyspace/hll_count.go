package keyspace

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// hllRegisters are the registers one byte each: the union of several HyperLogLogs.
type hllRegisters [hllRegisterCount]byte

// unite raises the registers to those of h; false if h is corrupted.
func (all *hllRegisters) unite(h HLL) bool {
	if !h.Sparse() {
		for i := range all {
			all[i] = max(all[i], h.register(i))
		}
		return true
	}
	return h.walk(func(first int, r hllRun) {
		for i := first; r.value != 0 && i < first+r.n; i++ {
			all[i] = max(all[i], r.value)
		}
	})
}

func (all *hllRegisters) count() int64 {
	var have hllHistogram
	for _, value := range all {
		have[value]++
	}
	return have.estimate()
}

// hllHistogram is how many registers have each value.
type hllHistogram [hllRegisterMax + 1]int

// Count estimates how many elements were counted. A count in the header that is not out of date is believed.
func (h HLL) Count() (int64, error) {
	if n, good := h.cached(); good {
		return n, nil
	}
	var have hllHistogram
	if !h.Sparse() {
		for i := range hllRegisterCount {
			have[h.register(i)]++
		}
		return have.estimate(), nil
	}
	if !h.walk(func(_ int, r hllRun) { have[r.value] += r.n }) {
		return 0, ErrHLLCorrupted
	}
	return have.estimate(), nil
}

// estimate is Otmar Ertl's improved estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017), in the order of
// operations of Redis. The conversions around products keep a compiler from fusing them with the sum that follows, which rounds once where
// Redis rounds twice, on some machines and not on others.
func (have *hllHistogram) estimate() int64 {
	const (
		m        = float64(hllRegisterCount)
		rankMax  = 64 - hllIndexBits // of a value with a bit left to be found
		alphaInf = 0.721347520444481703680
	)
	z := m * hllTau((m-float64(have[rankMax+1]))/m)
	for rank := rankMax; rank >= 1; rank-- {
		z += float64(have[rank])
		z *= 0.5
	}
	z += float64(m * hllSigma(float64(have[0])/m))
	n := math.Round(alphaInf * m * m / z)
	if !(n < math.MaxInt64) { // registers that no element can have: Redis' conversion gives the least integer
		return math.MinInt64
	}
	return int64(n)
}

func hllSigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		last := z
		z += float64(x * y)
		y += y
		if z == last {
			return z
		}
	}
}

func hllTau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		last := z
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
		if z == last {
			return z / 3
		}
	}
}

// hllRank is the register that counts an element, and by how much: the place of the lowest one among the other bits of its hash.
func hllRank(element []byte) (register int, rank byte) {
	const seed = 0xadc83b19
	h := murmur64A(element, seed)
	rest := h>>hllIndexBits | 1<<(64-hllIndexBits) // there is always a one
	return int(h & (hllRegisterCount - 1)), byte(bits.TrailingZeros64(rest) + 1)
}

// murmur64A is the 64-bit MurmurHash2.
func murmur64A(b []byte, seed uint64) uint64 {
	const m, r = 0xc6a4a7935bd1e995, 47
	h := seed ^ uint64(len(b))*m
	for ; len(b) >= 8; b = b[8:] {
		k := binary.LittleEndian.Uint64(b) * m
		k ^= k >> r
		h = (h ^ k*m) * m
	}
	if len(b) > 0 {
		var tail [8]byte
		copy(tail[:], b)
		h = (h ^ binary.LittleEndian.Uint64(tail[:])) * m
	}
	h = (h ^ h>>r) * m
	return h ^ h>>r
}

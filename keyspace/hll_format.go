package keyspace

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// HLL is a HyperLogLog in Redis' format: the header of 16 bytes
//
//	HYLL  form  0 0 0  count: 8 bytes, little endian; the highest bit says that it is out of date
//
// and 16,384 registers of 6 bits. The dense form has them one after the other, the lowest bits first. The sparse form has runs:
//
//	00nnnnnn           n+1 registers of 0
//	01nnnnnn nnnnnnnn  n+1 registers of 0
//	1vvvvvnn           n+1 registers of v+1
//
// One that has counted nothing is "HYLL" 01 000000 0000000000000080 and the run 7fff.
type HLL []byte

const (
	hllMagic       = "HYLL"
	hllFormAt      = 4
	hllCountAt     = 8
	hllStaleAt     = 15 // of the byte with the bit that says that the count is out of date
	hllStale       = 0x80
	hllHeaderBytes = 16

	hllDense  = 0
	hllSparse = 1

	hllIndexBits     = 14 // of the hash: they choose the register
	hllRegisterCount = 1 << hllIndexBits
	hllRegisterBits  = 6
	hllRegisterMax   = 1<<hllRegisterBits - 1
	hllDenseBytes    = hllHeaderBytes + hllRegisterCount*hllRegisterBits/8

	hllRunValueMax  = 32 // a register above it needs the dense form
	hllRunValueLen  = 4  // the longest run of a value
	hllRunZeroLen   = 64 // the longest run of zeros in one byte
	hllMergeRunsMax = 5  // how many runs are looked at to join neighbours after a change
)

// emptyHLL has counted nothing.
func emptyHLL() HLL {
	h := make(HLL, hllHeaderBytes, hllHeaderBytes+2)
	copy(h, hllMagic)
	h[hllFormAt] = hllSparse
	return appendZeros(h, hllRegisterCount)
}

// Sparse tells the form.
func (h HLL) Sparse() bool { return h[hllFormAt] == hllSparse }

// forgetCount says that the count in the header is out of date.
func (h HLL) forgetCount() { h[hllStaleAt] |= hllStale }

// cached is the count in the header, if it is good.
func (h HLL) cached() (int64, bool) {
	return int64(binary.LittleEndian.Uint64(h[hllCountAt:])), h[hllStaleAt]&hllStale == 0
}

// register is register i of the dense form.
func (h HLL) register(i int) byte {
	at, shift := hllHeaderBytes+i*hllRegisterBits/8, i*hllRegisterBits%8
	v := uint(h[at]) >> shift
	if shift > 8-hllRegisterBits {
		v |= uint(h[at+1]) << (8 - shift)
	}
	return byte(v & hllRegisterMax)
}

func (h HLL) setRegister(i int, value byte) {
	at, shift := hllHeaderBytes+i*hllRegisterBits/8, i*hllRegisterBits%8
	h[at] = h[at]&^byte(hllRegisterMax<<shift) | value<<shift
	if shift > 8-hllRegisterBits {
		h[at+1] = h[at+1]&^(hllRegisterMax>>(8-shift)) | value>>(8-shift)
	}
}

// hllRun is one run of the sparse form.
type hllRun struct {
	size  int // in bytes
	n     int // registers
	value byte
}

// run reads the run at p. Of one that is cut short the missing byte is 0, as the byte behind a string is in Redis.
func (h HLL) run(p int) hllRun {
	c := h[p]
	switch {
	case c&0x80 != 0:
		return hllRun{size: 1, n: int(c&3) + 1, value: c>>2&0x1f + 1}
	case c&0x40 != 0:
		n := int(c&0x3f) << 8
		if p+1 < len(h) {
			n |= int(h[p+1])
		}
		return hllRun{size: 2, n: n + 1}
	}
	return hllRun{size: 1, n: int(c) + 1}
}

// walk calls visit for the runs of the sparse form; false if they are not as many registers as there must be.
func (h HLL) walk(visit func(first int, r hllRun)) bool {
	first := 0
	for p := hllHeaderBytes; p < len(h); {
		r := h.run(p)
		if first+r.n > hllRegisterCount {
			return false
		}
		visit(first, r)
		first += r.n
		p += r.size
	}
	return first == hllRegisterCount
}

// dense is a new HyperLogLog with the same registers in the dense form, or h itself if it has that.
func (h HLL) dense() (HLL, error) {
	if !h.Sparse() {
		return h, nil
	}
	d := make(HLL, hllDenseBytes)
	copy(d, h[:hllHeaderBytes])
	d[hllFormAt] = hllDense
	whole := h.walk(func(first int, r hllRun) {
		for i := first; r.value != 0 && i < first+r.n; i++ {
			d.setRegister(i, r.value)
		}
	})
	if !whole {
		return nil, ErrHLLCorrupted
	}
	return d, nil
}

// raise gives register i a value unless it has a higher one, in place where it can. A sparse HyperLogLog that would become longer than sparseMax
// becomes dense. False is no change.
func (h HLL) raise(i int, value byte, sparseMax int64) (HLL, bool, error) {
	if !h.Sparse() {
		if h.register(i) >= value {
			return h, false, nil
		}
		h.setRegister(i, value)
		return h, true, nil
	}
	if value > hllRunValueMax {
		return h.raiseDense(i, value)
	}
	before, p, first, ok := h.find(i)
	if !ok {
		return nil, false, ErrHLLCorrupted
	}
	old := h.run(p)
	if old.value >= value {
		return h, false, nil
	}
	var parts [5]byte // at worst two bytes of zeros, the value, two bytes of zeros
	split := appendRun(parts[:0], old.value, i-first)
	split = appendRun(split, value, 1)
	split = appendRun(split, old.value, first+old.n-1-i)
	if longer := len(split) - old.size; longer > 0 && int64(len(h)+longer) > sparseMax {
		return h.raiseDense(i, value)
	}
	h = slices.Replace(h, p, p+old.size, split...)
	h = h.join(before)
	h.forgetCount()
	return h, true, nil
}

func (h HLL) raiseDense(i int, value byte) (HLL, bool, error) {
	d, err := h.dense()
	if err != nil {
		return nil, false, err
	}
	return d.raise(i, value, 0)
}

// find looks for the run of register i: where the run before it begins, where it begins itself, and its first register.
func (h HLL) find(i int) (before, p, first int, ok bool) {
	before = hllHeaderBytes
	for p = hllHeaderBytes; p < len(h); {
		r := h.run(p)
		if i < first+r.n {
			return before, p, first, p+r.size <= len(h)
		}
		before = p
		p += r.size
		first += r.n
	}
	return before, p, first, false
}

// join makes one run of neighbouring runs of the same value, as far as a run may be long, among the few from p on: more than a change of one
// register can have made, and exactly as many as Redis looks at, so that the bytes are the same.
func (h HLL) join(p int) HLL {
	for n := 0; p < len(h) && n < hllMergeRunsMax; n++ {
		r := h.run(p)
		if r.value != 0 && p+1 < len(h) {
			if next := h.run(p + 1); next.value == r.value && r.n+next.n <= hllRunValueLen {
				h[p+1] = valueRun(r.value, r.n+next.n)
				h = slices.Delete(h, p, p+1)
				continue
			}
		}
		p += r.size
	}
	return h
}

// appendRun adds n registers, none if n is 0.
func appendRun(dst []byte, value byte, n int) []byte {
	switch {
	case n == 0:
		return dst
	case value == 0:
		return appendZeros(dst, n)
	}
	return append(dst, valueRun(value, n))
}

func appendZeros(dst []byte, n int) []byte {
	if n--; n < hllRunZeroLen {
		return append(dst, byte(n))
	}
	return append(dst, 0x40|byte(n>>8), byte(n))
}

func valueRun(value byte, n int) byte { return 0x80 | (value-1)<<2 | byte(n-1) }

// Decode shows the runs of the sparse form, as "Z:12000 v:3,1 z:12".
func (h HLL) Decode() string {
	var out []byte
	for p := hllHeaderBytes; p < len(h); {
		r := h.run(p)
		if p > hllHeaderBytes {
			out = append(out, ' ')
		}
		switch {
		case r.value != 0:
			out = fmt.Appendf(out, "v:%d,%d", r.value, r.n)
		case r.size == 2:
			out = fmt.Appendf(out, "Z:%d", r.n)
		default:
			out = fmt.Appendf(out, "z:%d", r.n)
		}
		p += r.size
	}
	return string(out)
}

// Registers are the values of all registers of the dense form.
func (h HLL) Registers() []byte {
	var all hllRegisters
	all.unite(h)
	return all[:]
}

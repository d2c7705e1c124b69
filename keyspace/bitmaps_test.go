package keyspace

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"testing"
)

// slowBits is a string as a list of bits.
func slowBits(s []byte) []byte {
	var out []byte
	for _, c := range s {
		for i := 7; i >= 0; i-- {
			out = append(out, c>>i&1)
		}
	}
	return out
}

func randomString(r *rand.Rand, max int) []byte {
	s := make([]byte, r.IntN(max)+1)
	fill := []byte{0, 0xff, 0x10, byte(r.Uint32())}[r.IntN(4)]
	for i := range s {
		if s[i] = fill; r.IntN(20) == 0 {
			s[i] = byte(r.Uint32())
		}
	}
	return s
}

func TestCountAndFirstBit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		s := randomString(r, 100)
		slow := slowBits(s)
		from, to := r.IntN(len(slow)), r.IntN(len(slow))
		bit := byte(r.IntN(2))
		count, first := int64(0), int64(-1)
		for i := from; i <= to; i++ {
			count += int64(slow[i])
			if first < 0 && slow[i] == bit {
				first = int64(i)
			}
		}
		if got := CountBits(s, int64(from), int64(to)); got != count {
			t.Fatalf("CountBits(%x, %d, %d) = %d, want %d", s, from, to, got, count)
		}
		if got := FirstBit(s, bit, int64(from), int64(to)); got != first {
			t.Fatalf("FirstBit(%x, %d, %d, %d) = %d, want %d", s, bit, from, to, got, first)
		}
	}
}

func TestLoadAndStoreBits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		s := randomString(r, 20)
		slow := slowBits(s)
		width := r.IntN(min(64, len(slow))) + 1
		offset := r.IntN(len(slow) - width + 1)
		value, want := r.Uint64()>>(64-width), uint64(0)
		for i := range width {
			want = want<<1 | uint64(slow[offset+i])
			slow[offset+i] = byte(value >> (width - 1 - i) & 1)
		}
		if got := loadBits(s, int64(offset), uint(width)); got != want {
			t.Fatalf("loadBits(%x, %d, %d) = %x, want %x", s, offset, width, got, want)
		}
		if storeBits(s, int64(offset), uint(width), value); !bytes.Equal(slowBits(s), slow) {
			t.Fatalf("storeBits(%d, %d, %x) left %v, want %v", offset, width, value, slowBits(s), slow)
		}
	}
}

func TestFieldOverflow(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 50_000 {
		op := FieldOp{Act: FieldIncrement, Signed: r.IntN(2) == 0, Overflow: Overflow(r.IntN(2))}
		op.Bits = uint(r.IntN(63) + 1)
		if op.Signed {
			op.Bits = uint(r.IntN(64) + 1)
		}
		least, most := new(big.Int), new(big.Int).Lsh(big.NewInt(1), op.Bits)
		if op.Signed {
			most.Rsh(most, 1)
			least.Neg(most)
		}
		modulus := new(big.Int).Lsh(big.NewInt(1), op.Bits)
		most.Sub(most, big.NewInt(1))
		value := op.read(bytes.Repeat([]byte{byte(r.Uint32())}, 8)) // some value that the field can hold
		delta := int64(r.Uint64()) >> r.IntN(64)
		want := new(big.Int).Add(big.NewInt(value), big.NewInt(delta))
		over := want.Cmp(least) < 0 || want.Cmp(most) > 0
		switch {
		case over && op.Overflow == OverflowWrap:
			want.Mod(want.Sub(want, least), modulus).Add(want, least)
		case over && want.Sign() < 0:
			want = least
		case over:
			want = most
		}
		if got, gotOver := op.fit(value, delta); got != want.Int64() || gotOver != over {
			t.Fatalf("%+v: fit(%d, %d) = %d %t, want %d %t", op, value, delta, got, gotOver, want, over)
		}
	}
}

func TestBitOpWords(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 5_000 {
		a := randomString(r, 70)
		b := randomString(r, len(a))
		for _, op := range []BitOp{BitAnd, BitOr, BitXor} {
			got, want := bytes.Clone(a), make([]byte, len(a))
			combine(op, got, b)
			for i := range a {
				other := byte(0)
				if i < len(b) {
					other = b[i]
				}
				want[i] = map[BitOp]byte{BitAnd: a[i] & other, BitOr: a[i] | other, BitXor: a[i] ^ other}[op]
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%d of %x and %x = %x, want %x", op, a, b, got, want)
			}
		}
	}
}

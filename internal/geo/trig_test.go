package geo

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// slowSine is the sine or the cosine of x by its series, in numbers of 300 bits.
func slowSine(x float64, cos bool) float64 {
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(300).SetFloat64(v) }
	square := number(x)
	square.Mul(square, number(x)).Neg(square)
	term, n := number(x), 1
	if cos {
		term, n = number(1), 0
	}
	sum := number(0)
	for range 60 {
		sum.Add(sum, term)
		term.Mul(term, square).Quo(term, number(float64((n+1)*(n+2))))
		n += 2
	}
	v, _ := sum.Float64()
	return v
}

func TestTrigonometryIsRoundedOnce(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	for i := range 4000 {
		x := (chance.Float64() - 0.5) * 2 * math.Pi
		switch i % 4 {
		case 1:
			x *= math.Ldexp(1, -chance.IntN(60))
		case 2: // near a multiple of a quarter turn
			x = float64(chance.IntN(5)-2)*math.Pi/2 + math.Ldexp(chance.Float64()-0.5, -chance.IntN(50))
		}
		if got, want := sine(x), slowSine(x, false); got != want {
			t.Fatalf("sine(%x) = %x, want %x", x, got, want)
		}
		if got, want := cosine(x), slowSine(x, true); got != want {
			t.Fatalf("cosine(%x) = %x, want %x", x, got, want)
		}
	}
}

// TestArcSine: the sine of half the last bit above and below lies on the two sides of x.
func TestArcSine(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 4))
	for i := range 4000 {
		x := chance.Float64()
		if i%2 == 1 {
			x = 1 - x*math.Ldexp(1, -chance.IntN(50))
		}
		a := arcSine(x)
		s := turned(a, 0)
		off := ((x - s.hi) - s.lo) / math.Cos(a) // how far the true angle is from a
		if half := (math.Nextafter(a, 2) - a) / 2; x < 1 && math.Abs(off) > half*(1+1e-9) {
			t.Fatalf("arcSine(%x) = %x is off by %g of half a bit", x, a, off/half)
		}
	}
	if arcSine(0) != 0 || arcSine(1) != math.Pi/2 {
		t.Errorf("arcSine(0) = %g, arcSine(1) = %g", arcSine(0), arcSine(1))
	}
}

func BenchmarkSine(b *testing.B) {
	for b.Loop() {
		sine(0.7)
	}
}

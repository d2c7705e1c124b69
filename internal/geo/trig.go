package geo

import "math"

// Sine, cosine and arc sine, rounded once, and so alike on every machine.
//
// Those of package math are off by the last bit in one case of four, and not on all machines in the same cases, since a compiler may fuse a
// product with a sum where the machine can. The C library of Redis' machines is as good as always right. A distance that is stored as a score
// shows all digits, and replicas must agree about them, so here numbers are carried in two parts, the second below the last bit of the first.

// two is the sum of two numbers, of which lo is at most half the last bit of hi.
type two struct{ hi, lo float64 }

// sumOf is a+b, exactly.
func sumOf(a, b float64) two {
	s := a + b
	t := s - a
	return two{s, (a - (s - t)) + (b - t)}
}

// productOf is a·b, exactly.
func productOf(a, b float64) two {
	p := float64(a * b)
	return two{p, math.FMA(a, b, -p)}
}

func (a two) plus(b two) two {
	s := sumOf(a.hi, b.hi)
	t := sumOf(a.lo, b.lo)
	s = sumOf(s.hi, s.lo+t.hi)
	return sumOf(s.hi, s.lo+t.lo)
}

func (a two) times(b two) two {
	p := productOf(a.hi, b.hi)
	return sumOf(p.hi, p.lo+float64(float64(a.hi*b.lo)+float64(a.lo*b.hi)))
}

// sine is the sine of x, in radians.
func sine(x float64) float64 { return turned(x, 0).hi }

// cosine is the cosine of x, in radians.
func cosine(x float64) float64 { return turned(x, 1).hi }

// turned is the sine of x and some quarters of a turn.
func turned(x float64, quarters int) two {
	const (
		quarter       = 0x1.921fb54442d18p+0 // π/2 in three parts
		quarterRest   = 0x1.1a62633145c07p-54
		quarterRest2  = -0x1.f1976b7ed8fbcp-110
		exactUpTo     = 2 * math.Pi
		perQuarter    = 2 / math.Pi
		quartersInOne = 4
	)
	if math.Abs(x) > exactUpTo { // only of areas wider than the earth: no more exact, but alike
		x = math.Mod(x, exactUpTo)
	}
	n := math.Round(float64(x * perQuarter))
	p := productOf(n, quarter)
	r := sumOf(x, -p.hi).plus(two{-p.lo, 0}).plus(two{float64(-n * quarterRest), math.FMA(-n, quarterRest, float64(n*quarterRest))})
	r = r.plus(two{float64(-n * quarterRest2), 0})
	var v two
	turns := (int(n) + quarters) & (quartersInOne - 1)
	if turns&1 == 0 {
		v = sineNear0(r)
	} else {
		v = cosineNear0(r)
	}
	if turns&2 != 0 {
		v = two{-v.hi, -v.lo}
	}
	return v
}

// sineNear0 is the sine of r, which is at most π/4: its series, of which the far terms need one part only.
func sineNear0(r two) two {
	terms := [...]two{
		{-0x1.5555555555555p-3, -0x1.5555555555555p-57},
		{0x1.1111111111111p-7, 0x1.1111111111111p-63},
		{-0x1.a01a01a01a01ap-13, -0x1.a01a01a01a01ap-73},
		{0x1.71de3a556c734p-19, -0x1.c154f8ddc6cp-73},
		{-0x1.ae64567f544e4p-26, 0x1.c062e06d1f209p-80},
		{0x1.6124613a86d09p-33, 0x1.f28e0cc748ebep-87},
		{-0x1.ae7f3e733b81fp-41, -0x1.1d8656b0ee8cbp-97},
	}
	far := [...]float64{0x1.952c77030ad4ap-49, -0x1.2f49b46814157p-57, 0x1.71b8ef6dcf572p-66, -0x1.761b41316381ap-75, 0x1.3f3ccdd165fa9p-84}
	v := series(r.times(r), terms[:], far[:])
	return r.plus(v.times(r))
}

// cosineNear0 is the cosine of r, which is at most π/4.
func cosineNear0(r two) two {
	terms := [...]two{
		{-0x1p-1, 0},
		{0x1.5555555555555p-5, 0x1.5555555555555p-59},
		{-0x1.6c16c16c16c17p-10, 0x1.f49f49f49f49fp-65},
		{0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-76},
		{-0x1.27e4fb7789f5cp-22, -0x1.cbbc05b4fa99ap-76},
		{0x1.1eed8eff8d898p-29, -0x1.2aec959e14c06p-83},
		{-0x1.93974a8c07c9dp-37, -0x1.05d6f8a2efd1fp-92},
		{0x1.ae7f3e733b81fp-45, 0x1.1d8656b0ee8cbp-101},
	}
	far := [...]float64{-0x1.6827863b97d97p-53, 0x1.e542ba4020225p-62, -0x1.0ce396db7f853p-70, 0x1.f2cf01972f578p-80, -0x1.88e85fc6a4e5ap-89}
	return two{1, 0}.plus(series(r.times(r), terms[:], far[:]))
}

// series is t[0]·x + t[1]·x² + ... with the terms in far behind those in near.
func series(x two, near []two, far []float64) two {
	tail := 0.0
	for i := len(far) - 1; i >= 0; i-- {
		tail = math.FMA(tail, x.hi, far[i])
	}
	v := two{float64(tail * x.hi), 0}
	for i := len(near) - 1; i >= 0; i-- {
		v = near[i].plus(v).times(x)
	}
	return v
}

// arcSine is the angle between 0 and π/2 whose sine is x. A guess that is wrong in its last bits is put right by one step of Newton's, which
// leaves nothing of the guess.
func arcSine(x float64) float64 {
	guess := math.Asin(x)
	slope := math.Sqrt(float64((1 - x) * (1 + x)))
	if slope == 0 || guess == 0 {
		return guess
	}
	s := turned(guess, 0)
	return guess + ((x-s.hi)-s.lo)/slope
}

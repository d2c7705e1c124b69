package geo

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestSicily: the example of Redis' documentation.
func TestSicily(t *testing.T) {
	palermo, catania := Point{13.361389, 38.115556}, Point{15.087269, 37.502669}
	if got := palermo.Score(); got != 3479099956230698 {
		t.Errorf("Palermo's score is %d", got)
	}
	if got := catania.Score(); got != 3479447370796909 {
		t.Errorf("Catania's score is %d", got)
	}
	a, b := At(3479099956230698), At(3479447370796909)
	if got := string(AppendCoordinate(nil, a.Longitude)) + " " + string(AppendCoordinate(nil, a.Latitude)); got != "13.36138933897018433 38.11555639549629859" {
		t.Errorf("Palermo is at %s", got)
	}
	if got := a.Geohash() + " " + b.Geohash(); got != "sqc8b49rny0 sqdtr74hyu0" {
		t.Errorf("the geohashes are %s", got)
	}
	if got := string(AppendDistance(nil, Distance(a, b))); got != "166274.1516" {
		t.Errorf("they are %s m apart", got)
	}
	if got := string(AppendDistance([]byte("d "), Miles.Of(Distance(a, b)))); got != "d 103.3182" {
		t.Errorf("they are %s mi apart", got)
	}
	area := Circle(Point{15, 37}, 200, Kilometers)
	if d, ok := area.Contains(a); !ok || string(AppendDistance(nil, area.Unit().Of(d))) != "190.4424" {
		t.Errorf("Palermo is %g m from the middle, %t", d, ok)
	}
	area = Circle(Point{15, 37}, 190.4423, Kilometers)
	if _, ok := area.Contains(a); ok {
		t.Error("Palermo is in too small a circle")
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		x                    float64
		distance, coordinate string
	}{
		{0, "0.0000", "0"},
		{math.Copysign(0, -1), "0.0000", "0"},
		{0.00005, "0.0000", "0.00005"},
		{0.00015, "0.0001", "0.00015"},
		{0.775, "0.7750", "0.77500000000000002"},
		{-1.5, "-1.5000", "-1.5"},
		{100, "100.0000", "100"},
		{1e-18, "0.0000", "0"},
		{-1e-18, "0.0000", "0"},
	} {
		if got := string(AppendDistance(nil, c.x)); got != c.distance {
			t.Errorf("AppendDistance(%g) = %s, want %s", c.x, got, c.distance)
		}
		if got := string(AppendCoordinate(nil, c.x)); got != c.coordinate {
			t.Errorf("AppendCoordinate(%g) = %s, want %s", c.x, got, c.coordinate)
		}
	}
	if _, ok := ParseUnit([]byte("yd")); ok {
		t.Error("yards are a unit")
	}
}

// TestAreaIsCovered: a point of an area that is not too large and far from the edge of the map is in one of its ranges, and the ranges do not overlap.
func TestAreaIsCovered(t *testing.T) {
	chance := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		center := Point{(chance.Float64() - 0.5) * 300, (chance.Float64() - 0.5) * 120}
		area := Circle(center, math.Exp(chance.Float64()*13), Meters)
		least, most := area.bounds()
		p := Point{least.Longitude + chance.Float64()*(most.Longitude-least.Longitude), least.Latitude + chance.Float64()*(most.Latitude-least.Latitude)}
		_, in := area.Contains(p)
		found, score := 0, float64(p.Score())
		for _, r := range area.Ranges() {
			if score >= r.Min && score < r.Max {
				found++
			}
		}
		if found > 1 || in && found == 0 {
			t.Errorf("%v is in %d ranges of %+v", p, found, area)
		}
	}
}

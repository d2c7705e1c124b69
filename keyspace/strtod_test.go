package keyspace

import (
	"math"
	"testing"
)

// TestLeadingFloat has what C's strtod answers, which Redis reads scores with.
func TestLeadingFloat(t *testing.T) {
	for _, c := range []struct {
		text    string
		f       float64
		n       int
		outside bool
	}{
		{"", 0, 0, false},
		{" ", 0, 0, false},
		{"x", 0, 0, false},
		{"-", 0, 0, false},
		{".", 0, 0, false},
		{"1", 1, 1, false},
		{" \t1x", 1, 3, false},
		{"+7.", 7, 3, false},
		{"-.25", -.25, 4, false},
		{"1.2.3", 1.2, 3, false},
		{"1e", 1, 1, false},
		{"1e+", 1, 1, false},
		{"1e-3", 1e-3, 4, false},
		{"1E3x", 1000, 3, false},
		{"1_0", 1, 1, false},
		{"0x", 0, 1, false},
		{"0xg", 0, 1, false},
		{"0x10", 16, 4, false},
		{"-0X1.8p1", -3, 8, false},
		{"0x.8", .5, 4, false},
		{"0x1p", 1, 3, false},
		{"0x1_0p1", 1, 3, false},
		{"inf", math.Inf(1), 3, false},
		{"-INFINITY", math.Inf(-1), 9, false},
		{"infinit", math.Inf(1), 3, false},
		{"1e400", math.Inf(1), 5, true},
		{"-1e400", math.Inf(-1), 6, true},
		{"1e-400", 0, 6, true},
		{"0x1p-2000", 0, 9, true},
		{"0e-400", 0, 6, false},
		{"000.0", 0, 5, false},
		{"5e-324", 5e-324, 6, false},
		{"1\x00", 1, 1, false},
	} {
		f, n, outside := LeadingFloat([]byte(c.text))
		if f != c.f || n != c.n || outside != c.outside {
			t.Errorf("LeadingFloat(%q) = %v, %d, %v, want %v, %d, %v", c.text, f, n, outside, c.f, c.n, c.outside)
		}
	}
	if f, n, _ := LeadingFloat([]byte("-nan")); !math.IsNaN(f) || n != 4 {
		t.Errorf("LeadingFloat(-nan) = %v, %d", f, n)
	}
}

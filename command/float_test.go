package command

import "testing"

// TestParseFloat has what Redis takes for no number in an argument, beyond what C's strtod does.
func TestParseFloat(t *testing.T) {
	for _, text := range []string{"", " 1", "\v1", "nan", "1 ", "1e400", "1e-400", "1\x00"} {
		if f, ok := parseFloat([]byte(text)); ok {
			t.Errorf("parseFloat(%q) = %v", text, f)
		}
	}
}

package command

import (
	"math/big"
	"strings"
	"testing"
)

func TestParseCursor(t *testing.T) {
	for text, want := range map[string]uint64{
		"": 0, "0": 0, "17": 17, "+17": 17, "-0": 0, "-1": 1<<64 - 1, "18446744073709551615": 1<<64 - 1, "007": 7,
	} {
		if got, ok := parseCursor([]byte(text)); !ok || got != want {
			t.Errorf("parseCursor(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"x", "1x", " 1", "1 ", "-", "+", "--1", "+-1", "1_0", "0x1", "18446744073709551616"} {
		if got, ok := parseCursor([]byte(text)); ok {
			t.Errorf("parseCursor(%q) = %d, want none", text, got)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	for _, text := range []string{"", "0", "-1", "+5", "18446744073709551616", "1_0"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := parseCursor(b)
		text, _, _ := strings.Cut(string(b), "\x00") // as far as C sees
		if !ok || text == "" && got == 0 {
			return
		}
		n, valid := new(big.Int).SetString(text, 10)
		if !valid || n.Mod(n, new(big.Int).Lsh(big.NewInt(1), 64)).Uint64() != got {
			t.Errorf("parseCursor(%q) = %d", b, got)
		}
	})
}

package keyspace

import (
	"bytes"
	"errors"
	"strconv"
	"testing"
)

func TestFloatSum(t *testing.T) {
	for _, c := range []struct {
		a, b, want string
		err        error
	}{
		{"3.0e3", "200", "3200", nil},
		{"0.1", "0.2", "0.3", nil},
		{"10.5", "0.1", "10.6", nil},
		{"-0.5", "0.5", "0", nil},
		{"-0.0", "-0.0", "0", nil},
		{"1", "0.00000000000000001", "1.00000000000000001", nil},
		{"9223372036854775807", "1", "9223372036854775808", nil},
		{"18446744073709551615", "2", "18446744073709551616", nil}, // 65 bits: a tie, rounded to even
		{"0x1p-1", ".5", "1", nil},
		{"1", "inf", "", ErrNaN},
		{"inf", "-inf", "", ErrNaN},
		{"1e4932", "1e4932", "", ErrNaN},
		{"1", "nan", "", ErrNotFloat},
		{"1", "1e4933", "", ErrNotFloat},
		{"1", "1e-4951", "", ErrNotFloat},
		{"1", "1e-4950", "1", nil},
		{"1", "1 ", "", ErrNotFloat},
		{"", "1", "", ErrNotFloat},
	} {
		got, err := FloatSum([]byte(c.a), []byte(c.b))
		if string(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("FloatSum(%s, %s) = %s, %v, want %s, %v", c.a, c.b, got, err, c.want, c.err)
		}
	}
}

// FuzzFloatSum: a sum is a number again, and adding nothing to it leaves it as it is.
func FuzzFloatSum(f *testing.F) {
	for _, s := range []string{"0.1", "-1e5", "0x1.8p-3", "inf", "1e-4950", "9999999999999999999.9", "+.5", "5.", "e", "0x"} {
		f.Add([]byte(s), []byte("1"))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		sum, err := FloatSum(a, b)
		if err != nil {
			return
		}
		again, err := FloatSum(sum, []byte("0"))
		if err != nil || len(sum) <= 18 && !bytes.Equal(again, sum) {
			t.Fatalf("%q + %q = %q, and + 0 = %q, %v", a, b, sum, again, err)
		}
	})
}

// FuzzParseInt: what is read is written the same.
func FuzzParseInt(f *testing.F) {
	for _, s := range []string{"0", "-0", "01", "-9223372036854775808", "9223372036854775808", " 1", "+1", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, ok := ParseInt(b)
		if ok != isInt(b) {
			t.Fatalf("ParseInt(%q) = %d, %t", b, n, ok)
		}
	})
}

// isInt tells by the standard library whether b is an integer written as Redis writes it.
func isInt(b []byte) bool {
	n, err := strconv.ParseInt(string(b), 10, 64)
	return err == nil && strconv.FormatInt(n, 10) == string(b)
}

package keyspace

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// slowLCS is the length by the definition, remembered.
func slowLCS(a, b []byte, seen map[[2]int]int) int {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	at := [2]int{len(a), len(b)}
	if n, ok := seen[at]; ok {
		return n
	}
	n := max(slowLCS(a[1:], b, seen), slowLCS(a, b[1:], seen))
	if a[0] == b[0] {
		n = max(n, 1+slowLCS(a[1:], b[1:], seen))
	}
	seen[at] = n
	return n
}

func TestLongestCommon(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	word := func() []byte {
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = "abcd"[r.IntN(r.IntN(4)+1)]
		}
		return b
	}
	for range 2_000 {
		a, b := word(), word()
		text, matches := longestCommon(a, b)
		if want := slowLCS(a, b, map[[2]int]int{}); len(text) != want {
			t.Fatalf("LCS(%q, %q) = %q, want a length of %d", a, b, text, want)
		}
		var fromA, fromB []byte
		aEnd, bEnd := -1, -1
		for i := len(matches) - 1; i >= 0; i-- {
			m := matches[i]
			if m.AStart <= aEnd || m.BStart <= bEnd || m.AEnd-m.AStart != m.BEnd-m.BStart {
				t.Fatalf("LCS(%q, %q): matches %+v are not in order", a, b, matches)
			}
			aEnd, bEnd = m.AEnd, m.BEnd
			fromA, fromB = append(fromA, a[m.AStart:aEnd+1]...), append(fromB, b[m.BStart:bEnd+1]...)
		}
		if !bytes.Equal(fromA, text) || !bytes.Equal(fromB, text) {
			t.Fatalf("LCS(%q, %q) = %q, but its matches are %q and %q", a, b, text, fromA, fromB)
		}
	}
}

func BenchmarkLongestCommon(b *testing.B) {
	x, y := bytes.Repeat([]byte("abcde"), 200), bytes.Repeat([]byte("acebd"), 200)
	for b.Loop() {
		longestCommon(x, y)
	}
}

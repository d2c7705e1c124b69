package rdb

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
)

// text makes strings of all the kinds that are written differently.
func text(r *rand.Rand) []byte {
	switch r.IntN(12) {
	case 0:
		return []byte{}
	case 1, 2:
		return strconv.AppendInt(nil, int64(r.IntN(300)-150), 10)
	case 3:
		return strconv.AppendInt(nil, int64(r.Uint64())>>r.IntN(64), 10)
	case 4:
		edges := []string{"-0", "00", "01", "+1", "-", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
			"-9223372036854775809", "18446744073709551616", "4096", "-4097", "8388608", "2147483648", "-2147483649", "127", "128", " 1"}
		return []byte(edges[r.IntN(len(edges))])
	case 5:
		return bytes.Repeat([]byte{byte(r.IntN(256))}, r.IntN(300))
	case 6: // compresses a little
		return bytes.Repeat([]byte(strconv.FormatUint(r.Uint64(), 36)), 1+r.IntN(4))
	case 7:
		b := make([]byte, r.IntN(100))
		for i := range b {
			b[i] = "abc"[r.IntN(3)]
		}
		return b
	case 8:
		if r.IntN(4) > 0 {
			break
		}
		b := make([]byte, r.IntN(6000))
		for i := range b {
			b[i] = byte(r.IntN(256) & (r.IntN(2) - 1))
		}
		return b
	}
	b := make([]byte, r.IntN(40))
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	return b
}

// short is a text that leaves a small collection in its compact encoding.
func short(r *rand.Rand) []byte {
	for {
		if s := text(r); len(s) <= 64 {
			return s
		}
	}
}

// names makes n different names.
func names(r *rand.Rand, n int, name func(*rand.Rand) []byte) [][]byte {
	seen := map[string]bool{}
	var out [][]byte
	for len(out) < n {
		s := name(r)
		if seen[string(s)] {
			s = append(bytes.Clone(s[:min(len(s), 20)]), strconv.Itoa(len(out))...)
		}
		if !seen[string(s)] {
			seen[string(s)] = true
			out = append(out, s)
		}
	}
	return out
}

func score(r *rand.Rand) float64 {
	switch r.IntN(6) {
	case 0:
		return float64(r.IntN(10) - 5)
	case 1:
		return math.Inf(r.IntN(2)*2 - 1)
	case 2:
		return float64(int64(r.Uint64()) >> r.IntN(64))
	case 3:
		return []float64{1e21, 1e-7, 0.1, -0.1, 1.5e300, 5e-324, 1e16, 123456789012345678, 4611686018427387904, 0.0001, 0.00001}[r.IntN(11)]
	case 4:
		return r.NormFloat64()
	}
	for {
		if f := math.Float64frombits(r.Uint64()); !math.IsNaN(f) {
			return f
		}
	}
}

// size chooses around the limits of the encodings.
func size(r *rand.Rand, limit int) int {
	switch r.IntN(8) {
	case 0:
		return limit - 1 + r.IntN(3)
	case 1:
		return 1 + r.IntN(2*limit)
	}
	return 1 + r.IntN(20)
}

func random(r *rand.Rand, typ Type) *Value {
	v := &Value{Type: typ}
	word := short
	if r.IntN(4) == 0 {
		word = text
	}
	switch typ {
	case String:
		v.String = text(r)
	case List:
		for range size(r, 500) {
			v.List = append(v.List, text(r))
		}
	case Set:
		if r.IntN(2) == 0 {
			bits := 1 + r.IntN(64)
			word = func(r *rand.Rand) []byte { return strconv.AppendInt(nil, int64(r.Uint64())>>(64-bits), 10) }
		}
		v.Set = names(r, size(r, 512), word)
	case Hash:
		for _, name := range names(r, size(r, 512), word) {
			v.Hash = append(v.Hash, Field{Name: name, Value: word(r)})
		}
	case ZSet:
		for _, name := range names(r, size(r, 128), word) {
			v.ZSet = append(v.ZSet, Member{Name: name, Score: score(r)})
		}
		normalize(v)
	case Stream:
		v.Stream = randomStream(r)
	}
	return v
}

func randomStream(r *rand.Rand) *StreamValue {
	s := &StreamValue{}
	fields := names(r, 1+r.IntN(4), short)
	for range size(r, 300) - 1 {
		s.Last.Seq++
		if r.IntN(2) == 0 {
			s.Last = StreamID{Millis: s.Last.Millis + 1 + r.Uint64N(1<<uint(r.IntN(40))), Seq: uint64(r.IntN(3))}
		}
		e := Entry{ID: s.Last}
		these := fields
		if r.IntN(5) == 0 {
			these = names(r, 1+r.IntN(4), short)
		}
		for _, f := range these {
			e.Pairs = append(e.Pairs, f, text(r))
		}
		s.Entries = append(s.Entries, e)
	}
	s.Added = uint64(len(s.Entries))
	if len(s.Entries) > 0 {
		s.First = s.Entries[0].ID
	}
	groups := r.IntN(3)
	if len(s.Entries) == 0 {
		groups++
	}
	if r.IntN(2) == 0 {
		s.Last.Millis++
		s.Added += 5
		if len(s.Entries) > 0 {
			s.MaxDeleted = s.First
		}
	}
	for i := range groups {
		g := Group{Name: fmt.Appendf(nil, "group%d", i), Read: int64(r.IntN(3) - 1), Last: s.First}
		for _, name := range names(r, r.IntN(4), short) {
			g.Consumers = append(g.Consumers, Consumer{Name: name})
		}
		for _, e := range s.Entries {
			if len(g.Consumers) > 0 && r.IntN(3) == 0 {
				g.Pending = append(g.Pending, Pending{ID: e.ID, Consumer: r.IntN(len(g.Consumers)), Delivered: r.Int64N(1 << 40), Deliveries: r.Uint64N(1 << 20)})
			}
		}
		sortConsumers(&g)
		s.Groups = append(s.Groups, g)
	}
	return s
}

// normalize puts what has no order of its own into one, so that values can be compared.
func normalize(v *Value) *Value {
	slices.SortFunc(v.Set, bytes.Compare)
	slices.SortFunc(v.Hash, func(a, b Field) int { return bytes.Compare(a.Name, b.Name) })
	slices.SortFunc(v.ZSet, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Score, b.Score), bytes.Compare(a.Name, b.Name))
	})
	return v
}

// same compares two values. No strings are as good as no bytes, and Seen of consumers is not looked at unless asked for.
func same(a, b *Value, seen bool) bool {
	return reflect.DeepEqual(plain(a, seen), plain(b, seen))
}

// plain is a value in strings only.
func plain(v *Value, seen bool) string {
	v = normalize(v)
	out := fmt.Sprintf("%d %q %q %q %x", v.Type, v.String, v.List, v.Set, v.Hash)
	for _, m := range v.ZSet {
		out += fmt.Sprintf(" %q=%v", m.Name, m.Score+0)
	}
	if v.Stream == nil {
		return out
	}
	s := v.Stream
	out += fmt.Sprintf(" %x %v %v %v %d", s.Entries, s.Last, s.First, s.MaxDeleted, s.Added)
	for _, g := range s.Groups {
		out += fmt.Sprintf(" %q %v %d %v", g.Name, g.Last, g.Read, g.Pending)
		for _, c := range g.Consumers {
			if !seen {
				c.Seen, c.Active = 0, 0
			}
			out += fmt.Sprintf(" %q %d %d", c.Name, c.Seen, c.Active)
		}
	}
	return out
}

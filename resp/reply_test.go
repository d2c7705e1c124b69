package resp

import (
	"strings"
	"testing"
)

// TestReplyIsItsValue holds that a reply in the making ends as the tree of values would.
func TestReplyIsItsValue(t *testing.T) {
	bulks := []string{"", "a", "nine char", "ten  chars", strings.Repeat("x", 99), strings.Repeat("y", 100), strings.Repeat("z", 5000)}
	var tree, pairs []Value
	for i, s := range bulks {
		tree = append(tree, BulkString(s))
		pairs = append(pairs, Array(BulkString(s), Double(float64(i)/4)))
	}
	var r Reply
	for _, p := range []Protocol{RESP2, RESP3} {
		for name, c := range map[string]struct {
			begin func(n int)
			want  Value
		}{
			"array": {r.Array, Array(tree...)},
			"set":   {r.Set, Set(tree...)},
			"map":   {func(n int) { r.Map((n + 1) / 2); r.Bulk(nil) }, Map(append([]Value{BulkString("")}, tree...)...)},
		} {
			r.Reset(p)
			c.begin(len(tree))
			for _, s := range bulks {
				r.Bulk([]byte(s))
			}
			if got, want := string(r.Value().Encode(p)), string(c.want.Append(nil, p)); got != want {
				t.Errorf("RESP%d, %s: %.60q, want %.60q", p, name, got, want)
			}
		}
		r.Reset(p)
		r.Array(len(pairs))
		for i, s := range bulks {
			r.Array(2)
			r.Bulk([]byte(s))
			r.Double(float64(i) / 4)
		}
		if got, want := string(r.Value().Append(nil, p)), string(Array(pairs...).Append(nil, p)); got != want {
			t.Errorf("RESP%d, pairs: %.60q, want %.60q", p, got, want)
		}
	}
}

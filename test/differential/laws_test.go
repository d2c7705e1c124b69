package differential

import (
	"slices"
	"strconv"
	"strings"

	"github.com/redoubt-db/redoubt/test/wire"
)

// law says how two replies are compared.
type law uint8

const (
	equal     law = iota // to the letter; the zero value
	unordered            // the elements in any order
	pairs                // the pairs in any order
	near                 // numbers may differ by a moment
	ties                 // elements that show the same distance may change places
	shape                // kind of reply and nil or not
	chance               // chosen by the server: random_test.go
	scan                 // a whole iteration by cursor: random_test.go
	exchange             // DUMP on each side, RESTORE on the other: random_test.go
	lapse                // has a deadline that passes: lapse_test.go
	guarded              // the same of a key that is watched
	listener             // on the connection that subscribes: listener_test.go
)

// steers says that the replies decide what is sent next, so that the command cannot be in a pipeline or a transaction.
func (l law) steers() bool { return l >= chance }

// nearMillis is how far apart two times may be. It is generous, since the machine may be busy; the times themselves differ by far more.
const nearMillis = 10_000

// same holds two replies of one command to its law. An error is compared to the letter, always.
func (l law) same(want, got wire.Reply) bool {
	if canon(want) == canon(got) {
		return true
	}
	if want.Kind != got.Kind || want.Nil != got.Nil || want.Err() != nil {
		return false
	}
	switch l {
	case unordered:
		return slices.Equal(sorted(chunks(want, 1)), sorted(chunks(got, 1)))
	case pairs:
		return slices.Equal(sorted(chunks(scoresWithoutMinusZero(want), 2)), sorted(chunks(scoresWithoutMinusZero(got), 2)))
	case near:
		return want.Kind == ':' && want.Int >= 0 && got.Int >= 0 && max(want.Int-got.Int, got.Int-want.Int) <= nearMillis
	case ties:
		return tied(want, got)
	case shape:
		return true
	}
	return false
}

// canon is a text that two replies share only if they are equal. A HyperLogLog keeps its last count in bytes of its value; that is a cache,
// so it does not count.
func canon(r wire.Reply) string {
	var b strings.Builder
	appendCanon(&b, r)
	return b.String()
}

func appendCanon(b *strings.Builder, r wire.Reply) {
	b.WriteByte(r.Kind)
	switch {
	case r.Nil:
		b.WriteString("nil")
	case r.Kind == '*' || r.Kind == '~' || r.Kind == '%' || r.Kind == '>':
		b.WriteString(strconv.Itoa(len(r.Elems)))
		b.WriteByte('(')
		for _, e := range r.Elems {
			appendCanon(b, e)
		}
		b.WriteByte(')')
	case isHLL(r.Text):
		b.WriteString(strconv.Quote(r.Text[:8] + "--------" + r.Text[16:]))
	default:
		b.WriteString(strconv.Quote(r.Text))
	}
}

func isHLL(s string) bool { return len(s) >= 16 && strings.HasPrefix(s, "HYLL") }

// chunks parts a reply into texts of so many elements each. Elements that are arrays of that length are such texts already: RESP3 has pairs as
// arrays, RESP2 has them flat.
func chunks(r wire.Reply, width int) []string {
	if width > 1 && len(r.Elems) > 0 && len(r.Elems[0].Elems) == width {
		width = 1
		out := make([]string, 0, len(r.Elems))
		for _, e := range r.Elems {
			out = append(out, flat(e.Elems))
		}
		return out
	}
	var out []string
	for part := range slices.Chunk(r.Elems, width) {
		out = append(out, flat(part))
	}
	return out
}

func flat(elems []wire.Reply) string {
	var b strings.Builder
	for _, e := range elems {
		appendCanon(&b, e)
	}
	return b.String()
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// tied compares arrays of [name, distance, ...] whose order is by distance: the distances must be equal in order. The names are compared
// unless they share their distance with another, or stand last, where a COUNT may have cut a tie.
func tied(want, got wire.Reply) bool {
	if len(want.Elems) != len(got.Elems) {
		return false
	}
	at := func(r wire.Reply, i int) string {
		if i < 0 || i >= len(r.Elems) || len(r.Elems[i].Elems) < 2 {
			return ""
		}
		return r.Elems[i].Elems[1].Text
	}
	for i := range want.Elems {
		alone := at(want, i) != at(want, i-1) && at(want, i) != at(want, i+1) && i+1 < len(want.Elems)
		if at(want, i) != at(got, i) || alone && canon(want.Elems[i]) != canon(got.Elems[i]) {
			return false
		}
	}
	return true
}

// passes says that the command's deadline is waited for.
func (l law) passes() bool { return l == lapse || l == guarded }

package differential

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/redoubt-db/redoubt/test/wire"
)

// difference is one that docs/compatibility.md tells users of.
type difference struct {
	row    string // the first column there, to the letter
	why    string // what this harness does about it
	family string // with which alone it shows; elsewhere it would be a fault; empty is all
	// covers says that a pair of replies is this difference. Without it, the generator makes no command that would show it.
	covers func(args []string, want, got wire.Reply) bool
}

// Rows of docs/compatibility.md.
const (
	rowSetBit  = "SETBIT that changes nothing"
	rowTrim    = "LTRIM that trims nothing"
	rowSession = "MULTI with commands of the session (CONFIG, CLIENT, INFO, DEBUG ...)"
	rowExpired = "keys past their deadline"
	rowSort    = "SORT of a sorted set"
	rowLater   = "options of later versions"
	rowZero    = "a score of -0"
	rowStored  = "distances that STOREDIST stores"
	rowCount   = "PFCOUNT"
	rowChannel = "PUBLISH to a channel whose name is empty"
	rowRadius  = "COMMAND GETKEYS of GEORADIUS with an option given twice"
	rowMerge   = "COMMAND GETKEYS of a PFMERGE without sources"
	rowIdle    = "IDLETIME of RESTORE"
	rowCollate = "SORT ALPHA of what differs only behind a zero byte"
)

// differences are all that are allowed.
var differences = []difference{
	{row: rowSetBit, why: "a bit that is set already leaves the encoding raw there, and as it was here; and not between WATCH and EXEC",
		covers: func(args []string, want, got wire.Reply) bool {
			return len(args) == 3 && strings.EqualFold(args[0], "OBJECT") && strings.EqualFold(args[1], "ENCODING") &&
				want.Text == "raw" && (got.Text == "int" || got.Text == "embstr")
		}},
	{row: rowTrim, why: "not between WATCH and EXEC"},
	{row: rowSort, family: "sort", why: "the encoding of what SORT has read differs",
		covers: func(args []string, want, got wire.Reply) bool {
			return len(args) == 3 && strings.EqualFold(args[0], "OBJECT") && strings.EqualFold(args[1], "ENCODING") &&
				want.Text == "skiplist" && got.Text == "listpack"
		}},
	{row: rowIdle, why: "what was longer is 90 days here, and a moment more",
		covers: func(args []string, want, got wire.Reply) bool {
			const days90, moment = 90 * 24 * 3600, 3600
			return len(args) == 3 && strings.EqualFold(args[0], "OBJECT") && strings.EqualFold(args[1], "IDLETIME") &&
				want.Kind == ':' && got.Int >= days90 && got.Int < days90+moment
		}},
	{row: rowCollate, why: "the order of what is equal for strcoll is not compared", covers: collatedAlike},
	{row: rowChannel, why: "no channel has such a name"},
	{row: rowRadius, family: "session", why: "what is named there is named here too",
		covers: func(args []string, want, got wire.Reply) bool {
			return len(args) > 2 && strings.HasPrefix(strings.ToUpper(args[2]), "GEORADIUS") && len(want.Elems) < len(got.Elems) &&
				!slices.ContainsFunc(want.Elems, func(w wire.Reply) bool {
					return !slices.ContainsFunc(got.Elems, func(g wire.Reply) bool { return canon(g) == canon(w) })
				})
		}},
	{row: rowMerge, family: "session", why: "an error there is keys here",
		covers: func(args []string, want, got wire.Reply) bool {
			return len(args) == 4 && strings.EqualFold(args[2], "PFMERGE") && want.Text == "ERR Invalid arguments specified for command"
		}},
	{row: rowLater, why: "one argument too many is a syntax error where a later version takes one",
		covers: func(args []string, want, got wire.Reply) bool {
			if len(args) == 6 && strings.EqualFold(args[0], "COMMAND") && want.Text == "ERR Invalid number of arguments specified for command" {
				args = args[2:]
			} else if !strings.HasPrefix(want.Text, "ERR wrong number of arguments") || got.Text != "ERR syntax error" {
				return false
			}
			return len(args) == 4 && (strings.EqualFold(args[0], "ZRANK") || strings.EqualFold(args[0], "ZREVRANK"))
		}},
	{row: rowZero, why: "-0 is taken for 0",
		covers: func(_ []string, want, got wire.Reply) bool {
			return reflect.DeepEqual(withoutMinusZero(want), withoutMinusZero(got))
		}},
	{row: rowStored, family: "geo", why: "numbers may differ in their last digit",
		covers: func(_ []string, want, got wire.Reply) bool { return nearlyEqual(want, got) }},
	{row: rowCount, why: "its result is masked where it is kept there, and nothing else reads those keys; not between WATCH and EXEC"},
	{row: rowSession, why: "such commands are not put into transactions (alone)"},
	{row: rowExpired, why: "nothing expires while it is looked at, but what is set with a deadline in the past is counted there for a moment",
		covers: func(args []string, want, got wire.Reply) bool {
			return strings.EqualFold(args[0], "DBSIZE") && want.Kind == ':' && got.Kind == ':' && got.Int < want.Int
		}},
}

// collatedAlike says that two replies of SORT ALPHA may differ in the order of elements that strcoll, which sees no further than a zero
// byte, holds for equal. What GET shows of them does not tell, so there the order is not compared at all.
func collatedAlike(args []string, want, got wire.Reply) bool {
	has := func(word string) bool {
		return slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, word) })
	}
	if !strings.HasPrefix(strings.ToUpper(args[0]), "SORT") || !has("ALPHA") || has("STORE") || len(want.Elems) != len(got.Elems) {
		return false
	}
	if has("GET") || has("BY") {
		return unordered.same(want, got)
	}
	seen := func(r wire.Reply) (out []string) {
		for _, e := range r.Elems {
			text, _, _ := strings.Cut(e.Text, "\x00")
			out = append(out, text)
		}
		return out
	}
	return want.Kind == '*' && slices.Equal(seen(want), seen(got))
}

// withoutMinusZero is the reply with 0 for -0.
func withoutMinusZero(r wire.Reply) wire.Reply {
	if r.Text == "-0" {
		r.Text = "0"
	}
	elems := r.Elems
	r.Elems = nil
	for _, e := range elems {
		r.Elems = append(r.Elems, withoutMinusZero(e))
	}
	return r
}

// scoresWithoutMinusZero is the same for the second elements of pairs, which may be flat.
func scoresWithoutMinusZero(r wire.Reply) wire.Reply {
	elems := slices.Clone(r.Elems)
	for i, e := range elems {
		if len(e.Elems) == 2 {
			elems[i] = scoresWithoutMinusZero(e)
		} else if i%2 == 1 {
			elems[i] = withoutMinusZero(e)
		}
	}
	r.Elems = elems
	return r
}

// nearlyEqual says that replies are equal but for the last digits of numbers.
func nearlyEqual(want, got wire.Reply) bool {
	if want.Kind != got.Kind || len(want.Elems) != len(got.Elems) {
		return false
	}
	for i := range want.Elems {
		if !nearlyEqual(want.Elems[i], got.Elems[i]) {
			return false
		}
	}
	if want.Text == got.Text {
		return want.Int == got.Int && want.Nil == got.Nil
	}
	w, err := strconv.ParseFloat(want.Text, 64)
	g, err2 := strconv.ParseFloat(got.Text, 64)
	return err == nil && err2 == nil && math.Abs(w-g) <= math.Abs(w)*1e-15
}

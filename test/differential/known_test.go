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
	rowSession = "MULTI with commands of the session (CONFIG, CLIENT, INFO, DEBUG ...)"
	rowExpired = "keys past their deadline"
	rowSort    = "SORT of a sorted set"
	rowLater   = "options of later versions"
	rowZero    = "a score of -0"
	rowStored  = "distances that STOREDIST stores"
)

// differences are all that are allowed.
var differences = []difference{
	{row: rowSetBit, why: "a bit that is set already leaves the encoding raw there, and as it was here; and not between WATCH and EXEC",
		covers: func(args []string, want, got wire.Reply) bool {
			return len(args) == 3 && strings.EqualFold(args[0], "OBJECT") && strings.EqualFold(args[1], "ENCODING") &&
				want.Text == "raw" && (got.Text == "int" || got.Text == "embstr")
		}},
	{row: rowSort, family: "sort", why: "the encoding of what SORT has read differs",
		covers: func(args []string, want, got wire.Reply) bool {
			return len(args) == 3 && strings.EqualFold(args[0], "OBJECT") && strings.EqualFold(args[1], "ENCODING") &&
				want.Text == "skiplist" && got.Text == "listpack"
		}},
	{row: rowLater, why: "one argument too many is a syntax error where a later version takes one",
		covers: func(args []string, want, got wire.Reply) bool {
			return len(args) == 4 && (strings.EqualFold(args[0], "ZRANK") || strings.EqualFold(args[0], "ZREVRANK")) &&
				strings.HasPrefix(want.Text, "ERR wrong number of arguments") && got.Text == "ERR syntax error"
		}},
	{row: rowZero, why: "-0 is taken for 0",
		covers: func(_ []string, want, got wire.Reply) bool {
			return reflect.DeepEqual(withoutMinusZero(want), withoutMinusZero(got))
		}},
	{row: rowStored, family: "geo", why: "numbers may differ in their last digit",
		covers: func(_ []string, want, got wire.Reply) bool { return nearlyEqual(want, got) }},
	{row: rowSession, why: "such commands are not put into transactions (alone)"},
	{row: rowExpired, why: "nothing expires while it is looked at, but what is set with a deadline in the past is counted there for a moment",
		covers: func(args []string, want, got wire.Reply) bool {
			return strings.EqualFold(args[0], "DBSIZE") && want.Kind == ':' && got.Kind == ':' && got.Int < want.Int
		}},
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

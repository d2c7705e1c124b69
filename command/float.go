package command

import (
	"math"

	"github.com/redoubt-db/redoubt/keyspace"
)

// parseFloat reads what Redis' getDoubleFromObject reads: strtod over the whole argument, no leading
// space, no NaN, nothing too large or too small to be told from zero.
func parseFloat(b []byte) (float64, bool) {
	if len(b) == 0 || b[0] == ' ' || '\t' <= b[0] && b[0] <= '\r' {
		return 0, false
	}
	f, n, outside := keyspace.LeadingFloat(b)
	if n != len(b) || math.IsNaN(f) || outside {
		return 0, false
	}
	return f, true
}

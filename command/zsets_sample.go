package command

import (
	"math"
	"strconv"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/internal/glob"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// Errors of choices by chance.
const (
	errRandomRange Error = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
	errRandomMany  Error = "ERR value is out of range"
)

// randomMax is how many elements a command answers with that may answer with one more than once.
const randomMax = 1 << 24

// zSetSamples are the commands that show members of a sorted set in no order.
func zSetSamples() []Spec {
	return []Spec{
		{Name: "ZRANDMEMBER", Syntax: "key [count [WITHSCORES]]",
			Summary: "Get one or multiple random elements from a sorted set", Since: "6.2.0", Group: "sorted-set",
			Complexity: "O(N) where N is the number of elements returned",
			Arity:      AtLeast(2), Keys: KeyAt(1), ACL: acl.SortedSet, Tips: []string{"nondeterministic_output"}, Read: zRandMember},
		{Name: "ZSCAN", Syntax: "key cursor [MATCH pattern] [COUNT count]",
			Summary: "Incrementally iterate sorted sets elements and associated scores", Since: "2.8.0", Group: "sorted-set",
			Complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..",
			Arity:      AtLeast(3), Keys: KeyAt(1), ACL: acl.SortedSet, Tips: []string{"nondeterministic_output"}, Read: zScan},
	}
}

func zRandMember(c *ReadCall) (resp.Value, error) {
	if c.Len() > 2 {
		return randomMembers(c)
	}
	z, ok, err := c.View.Elements(c.At(1), mvcc.ZSet)
	if !ok {
		return resp.Null(), err
	}
	e, _ := z.At(c.View.Picks(z.Len(), 1)[0])
	return resp.Bulk(e.Name), nil
}

func randomMembers(c *ReadCall) (resp.Value, error) {
	count, err := c.Int(2)
	scores := c.Len() == 4
	switch {
	case err != nil:
		return resp.None, err
	case count == math.MinInt64:
		return resp.None, errRandomRange
	case c.Len() > 4 || scores && !c.Is(3, "WITHSCORES"):
		return resp.None, errSyntax
	case scores && (count < -math.MaxInt64/2 || count > math.MaxInt64/2):
		return resp.None, errRandomMany
	}
	z, ok, err := c.View.Elements(c.At(1), mvcc.ZSet)
	if !ok || count == 0 {
		return resp.Array(), err
	}
	if count < -randomMax {
		return resp.None, errRandomMany
	}
	n := int(min(max(count, -count), randomMax))
	if count > 0 {
		n = min(n, z.Len())
	}
	if c.View.Long(n) {
		return resp.Array(), nil
	}
	ranks := c.View.Picks
	if count > 0 {
		ranks = c.View.Sample
	}
	m := newMembers(n, scores, c.Proto)
	for _, i := range ranks(z.Len(), n) {
		e, _ := z.At(i)
		m.add(e.Name, mvcc.Score(e.Value))
	}
	return m.reply(), nil
}

func zScan(c *ReadCall) (resp.Value, error) {
	cursor, ok := parseCursor(c.At(2))
	if !ok {
		return resp.None, errCursor
	}
	z, ok, err := c.View.Elements(c.At(1), mvcc.ZSet)
	if !ok {
		return resp.Array(resp.BulkString("0"), resp.Array()), err
	}
	o, err := c.scanOptions(3, false)
	if err != nil {
		return resp.None, err
	}
	compact := c.View.Compact(c.At(1))
	if compact { // Redis shows it as a whole
		cursor, o.count = 0, z.Len()
	}
	if c.View.Long(min(o.count, z.Len())) {
		return resp.Array(), nil
	}
	var list []resp.Value
	next := z.Scan(cursor, o.count, func(e *mvcc.Element) {
		if o.pattern == nil || glob.Match(o.pattern, e.Name) {
			list = append(list, resp.Bulk(e.Name), resp.Bulk(scannedScore(mvcc.Score(e.Value), compact)))
		}
	})
	return resp.Array(resp.BulkString(strconv.FormatUint(next, 10)), resp.Array(list...)), nil
}

// scannedScore is a score as ZSCAN shows it: an integer in digits, if the sorted set is compact.
func scannedScore(score float64, compact bool) []byte {
	if compact && math.Abs(score) <= math.MaxInt64/2 && score == math.Trunc(score) {
		return strconv.AppendInt(nil, int64(score), 10)
	}
	return resp.FormatDouble(nil, score)
}

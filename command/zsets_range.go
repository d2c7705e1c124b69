package command

import (
	"math"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// Errors of ranges.
const (
	errScoreRange    Error = "ERR min or max is not a float"
	errLexRange      Error = "ERR min or max not valid string range item"
	errRangeLimit    Error = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
	errRangeLexScore Error = "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
)

// zSetRanges are the commands on ranges of a sorted set.
func zSetRanges() []Spec {
	const (
		rankCost   = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned."
		limitCost  = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N))."
		removeCost = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation."
		countCost  = "O(log(N)) with N being the number of elements in the sorted set."
	)
	read := func(name, since, syntax, summary, cost string, read func(*ReadCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: syntax, Summary: summary, Since: since, Group: "sorted-set", Complexity: cost,
			Arity: AtLeast(4), Keys: KeyAt(1), ACL: acl.SortedSet, Read: read}
	}
	count := func(name, since, summary string, read func(*ReadCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: "key min max", Summary: summary, Since: since, Group: "sorted-set", Complexity: countCost,
			Arity: Exactly(4), Keys: KeyAt(1), Flags: Fast, ACL: acl.SortedSet, Read: read}
	}
	remove := func(name, since, syntax, summary string, write func(*WriteCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: syntax, Summary: summary, Since: since, Group: "sorted-set", Complexity: removeCost,
			Arity: Exactly(4), Keys: KeyAt(1).As("RW delete"), ACL: acl.SortedSet, Write: write}
	}
	return []Spec{
		read("ZRANGE", "1.2.0", "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
			"Return a range of members in a sorted set", rankCost, zRange),
		read("ZREVRANGE", "1.2.0", "key start stop [WITHSCORES]",
			"Return a range of members in a sorted set, by index, with scores ordered from high to low", rankCost, zRevRange),
		read("ZRANGEBYSCORE", "1.0.5", "key min max [WITHSCORES] [LIMIT offset count]",
			"Return a range of members in a sorted set, by score", limitCost, zRangeByScore),
		read("ZREVRANGEBYSCORE", "2.2.0", "key max min [WITHSCORES] [LIMIT offset count]",
			"Return a range of members in a sorted set, by score, with scores ordered from high to low", limitCost, zRevRangeByScore),
		read("ZRANGEBYLEX", "2.8.9", "key min max [LIMIT offset count]",
			"Return a range of members in a sorted set, by lexicographical range", limitCost, zRangeByLex),
		read("ZREVRANGEBYLEX", "2.8.9", "key max min [LIMIT offset count]",
			"Return a range of members in a sorted set, by lexicographical range, ordered from higher to lower strings.", limitCost, zRevRangeByLex),
		{Name: "ZRANGESTORE", Syntax: "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
			Summary: "Store a range of members from sorted set into another key", Since: "6.2.0", Group: "sorted-set",
			Complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored into the destination key.",
			Arity:      AtLeast(5), Keys: KeysFromTo(1, 2, 1).With(KeySpec{Index: 1, Access: "OW update"}, KeySpec{Index: 2, Access: "RO access"}),
			Flags: DenyOOM, ACL: acl.SortedSet, Write: zRangeStore},
		count("ZCOUNT", "2.0.0", "Count the members in a sorted set with scores within the given values", zCount),
		count("ZLEXCOUNT", "2.8.9", "Count the number of members in a sorted set between a given lexicographical range", zLexCount),
		remove("ZREMRANGEBYRANK", "2.0.0", "key start stop", "Remove all members in a sorted set within the given indexes", zRemRangeByRank),
		remove("ZREMRANGEBYSCORE", "1.2.0", "key min max", "Remove all members in a sorted set within the given scores", zRemRangeByScore),
		remove("ZREMRANGEBYLEX", "2.8.9", "key min max", "Remove all members in a sorted set between the given lexicographical range", zRemRangeByLex),
	}
}

// rangeBy is what a range is of.
type rangeBy uint8

const (
	byRank  rangeBy = iota + 1 // from the lowest score, or the highest in reverse
	byScore                    // scores
	byLex                      // names, of members with the same score
)

// zRangeSpec is a range of a sorted set, with what is to be shown of it.
type zRangeSpec struct {
	by            rangeBy // of the two limits below, and score and lex, the one that it names is used
	reverse       bool
	scores        bool // to be shown too
	offset, count int64
	start, stop   int64
	score         keyspace.ScoreRange
	lex           keyspace.LexRange
}

// zRangeSpec reads the limits at arguments at and at+1 and the options behind them. A kind that is given is not for
// the options to choose, nor is the direction then; storing, scores are of no interest.
func (a args) zRangeSpec(at int, by rangeBy, reverse, storing bool) (r zRangeSpec, err error) {
	r = zRangeSpec{by: by, reverse: reverse, count: -1}
	chosen := by != 0
	for i := at + 2; i < len(a); i++ {
		switch {
		case a.Is(i, "WITHSCORES") && !storing:
			r.scores = true
		case a.Is(i, "LIMIT") && i+2 < len(a):
			if r.offset, err = a.Int(i + 1); err != nil {
				return r, err
			}
			if r.count, err = a.Int(i + 2); err != nil {
				return r, err
			}
			i += 2
		case a.Is(i, "REV") && !chosen && !r.reverse:
			r.reverse = true
		case a.Is(i, "BYLEX") && r.by == 0:
			r.by = byLex
		case a.Is(i, "BYSCORE") && r.by == 0:
			r.by = byScore
		default:
			return r, errSyntax
		}
	}
	if r.by == 0 {
		r.by = byRank
	}
	switch {
	case r.count != -1 && r.by == byRank:
		return r, errRangeLimit
	case r.scores && r.by == byLex:
		return r, errRangeLexScore
	}
	return r, r.limits(a, at)
}

// limits reads the limits, which come in the order of the range.
func (r *zRangeSpec) limits(a args, at int) (err error) {
	low, high := at, at+1
	if r.reverse {
		low, high = high, low
	}
	switch r.by {
	case byRank:
		if r.start, err = a.Int(at); err == nil {
			r.stop, err = a.Int(at + 1)
		}
	case byScore:
		r.score, err = a.scoreRange(low, high)
	case byLex:
		r.lex, err = a.lexRange(low, high)
	}
	return err
}

func (a args) scoreRange(low, high int) (r keyspace.ScoreRange, err error) {
	var ok, also bool
	r.Min, r.MinOpen, ok = scoreLimit(a[low])
	r.Max, r.MaxOpen, also = scoreLimit(a[high])
	if !ok || !also {
		return r, errScoreRange
	}
	return r, nil
}

// scoreLimit reads what Redis takes for a score there, with an open bracket in front if it is not part of the range:
// nothing at all is 0, and nothing counts from a zero byte on.
func scoreLimit(b []byte) (f float64, open, ok bool) {
	if len(b) > 0 && b[0] == '(' {
		b, open = b[1:], true
	}
	f, n, _ := keyspace.LeadingFloat(b)
	return f, open, (n == len(b) || b[n] == 0) && !math.IsNaN(f)
}

func (a args) lexRange(low, high int) (r keyspace.LexRange, err error) {
	var ok, also bool
	r.Min, ok = lexLimit(a[low])
	r.Max, also = lexLimit(a[high])
	if !ok || !also {
		return r, errLexRange
	}
	return r, nil
}

// lexLimit reads a limit of a range of names: -, +, or a name behind a bracket.
func lexLimit(b []byte) (l keyspace.LexLimit, ok bool) {
	switch {
	case len(b) == 0:
		return l, false
	case b[0] == '[', b[0] == '(':
		return keyspace.LexLimit{Name: b[1:], Open: b[0] == '('}, true
	case len(b) > 1 && b[1] != 0:
		return l, false
	}
	return keyspace.LexLimit{First: b[0] == '-', Last: b[0] == '+'}, b[0] == '-' || b[0] == '+'
}

// ranks are the ranks of the members to be shown: from up to but not including to.
func (r *zRangeSpec) ranks(z mvcc.Collection) (from, to int) {
	switch r.by {
	case byScore:
		from, to = r.score.Ranks(z)
	case byLex:
		from, to = r.lex.Ranks(z, r.reverse)
	default:
		first, last, ok := keyspace.Span(r.start, r.stop, z.Len())
		switch {
		case !ok:
			return 0, 0
		case r.reverse:
			return z.Len() - 1 - last, z.Len() - first
		}
		return first, last + 1
	}
	return keyspace.Limit(from, to, r.reverse, r.offset, r.count)
}

// walk calls fn with the members of those ranks in the order of the range.
func (r *zRangeSpec) walk(z mvcc.Collection, from, to int, fn func(name []byte, score float64)) {
	left := to - from
	if left == 0 {
		return
	}
	visit := func(e *mvcc.Element) bool {
		fn(e.Name, mvcc.MajorScore(e.Major))
		left--
		return left > 0
	}
	if r.reverse {
		z.Scores.Descend(to-1, visit)
	} else {
		z.Scores.Ascend(from, visit)
	}
}

func zRange(c *ReadCall) (resp.Value, error)           { return showRange(c, 0, false) }
func zRevRange(c *ReadCall) (resp.Value, error)        { return showRange(c, byRank, true) }
func zRangeByScore(c *ReadCall) (resp.Value, error)    { return showRange(c, byScore, false) }
func zRevRangeByScore(c *ReadCall) (resp.Value, error) { return showRange(c, byScore, true) }
func zRangeByLex(c *ReadCall) (resp.Value, error)      { return showRange(c, byLex, false) }
func zRevRangeByLex(c *ReadCall) (resp.Value, error)   { return showRange(c, byLex, true) }

func showRange(c *ReadCall, by rangeBy, reverse bool) (resp.Value, error) {
	r, err := c.zRangeSpec(2, by, reverse, false)
	if err != nil {
		return resp.None, err
	}
	z, ok, err := c.View.Elements(c.At(1), mvcc.ZSet)
	if !ok {
		return resp.Array(), err
	}
	from, to := r.ranks(z)
	if c.View.Long(to - from) {
		return resp.Array(), nil
	}
	n, pairs := to-from, r.scores && c.Proto == resp.RESP3
	if r.scores && !pairs {
		n *= 2
	}
	reply := c.long()
	reply.Array(n)
	r.walk(z, from, to, func(name []byte, score float64) {
		if pairs {
			reply.Array(2)
		}
		reply.Bulk(name)
		if r.scores {
			reply.Double(score)
		}
	})
	return reply.Value(), nil
}

func zRangeStore(c *WriteCall) (resp.Value, error) {
	r, err := c.zRangeSpec(3, 0, false, true)
	if err != nil {
		return resp.None, err
	}
	view := c.Tx.ReadView()
	z, ok, err := view.Elements(c.At(2), mvcc.ZSet)
	if err != nil {
		return resp.None, err
	}
	var list []keyspace.Scored
	if ok {
		from, to := r.ranks(z)
		list = make([]keyspace.Scored, 0, to-from)
		r.walk(z, from, to, func(name []byte, score float64) {
			list = append(list, keyspace.Scored{Name: name, Score: score})
		})
	}
	return resp.Int(int64(c.Tx.StoreZSet(c.At(1), list, "zrangestore"))), nil
}

func zCount(c *ReadCall) (resp.Value, error) {
	r, err := c.scoreRange(2, 3)
	if err != nil {
		return resp.None, err
	}
	return countRange(c, zRangeSpec{by: byScore, score: r, count: -1})
}

func zLexCount(c *ReadCall) (resp.Value, error) {
	r, err := c.lexRange(2, 3)
	if err != nil {
		return resp.None, err
	}
	return countRange(c, zRangeSpec{by: byLex, lex: r, count: -1})
}

func countRange(c *ReadCall, r zRangeSpec) (resp.Value, error) {
	z, ok, err := c.View.Elements(c.At(1), mvcc.ZSet)
	if !ok {
		return resp.Int(0), err
	}
	from, to := r.ranks(z)
	return resp.Int(int64(to - from)), nil
}

func zRemRangeByRank(c *WriteCall) (resp.Value, error) {
	return removeRange(c, byRank, "zremrangebyrank")
}

func zRemRangeByScore(c *WriteCall) (resp.Value, error) {
	return removeRange(c, byScore, "zremrangebyscore")
}

func zRemRangeByLex(c *WriteCall) (resp.Value, error) {
	return removeRange(c, byLex, "zremrangebylex")
}

func removeRange(c *WriteCall, by rangeBy, event string) (resp.Value, error) {
	r, err := c.zRangeSpec(2, by, false, true)
	if err != nil {
		return resp.None, err
	}
	z, err := c.Tx.ZSet(c.At(1))
	if err != nil || !z.Exists() {
		return resp.Int(0), err
	}
	removed := z.RemoveRanks(r.ranks(z.Collection()))
	if removed > 0 {
		c.Tx.Notify(keyspace.ClassZSet, event, c.At(1))
		z.Gone()
	}
	return resp.Int(int64(removed)), nil
}

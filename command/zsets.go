package command

import (
	"slices"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// Errors of sorted sets.
const (
	errScore      Error = "ERR resulting score is not a number (NaN)"
	errAddNew     Error = "ERR XX and NX options at the same time are not compatible"
	errAddGreater Error = "ERR GT, LT, and/or NX options at the same time are not compatible"
	errAddOne     Error = "ERR INCR option supports a single increment-element pair"
)

// ZSets are the commands on sorted sets, ranges, combinations and pops apart.
func ZSets() []Spec {
	const logarithmic = "O(log(N)) where N is the number of elements in the sorted set."
	return append([]Spec{
		{Name: "ZADD", Syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
			Summary: "Add one or more members to a sorted set, or update its score if it already exists", Since: "1.2.0", Group: "sorted-set",
			Complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
			Arity:      AtLeast(4), Keys: KeyAt(1).As("RW update"), Flags: DenyOOM | Fast, ACL: acl.SortedSet, Write: zAdd, Idle: zAddNothing},
		{Name: "ZINCRBY", Syntax: "key increment member",
			Summary: "Increment the score of a member in a sorted set", Since: "1.2.0", Group: "sorted-set", Complexity: logarithmic,
			Arity: Exactly(4), Keys: KeyAt(1).As("RW access update"), Flags: DenyOOM | Fast, ACL: acl.SortedSet, Write: zIncrBy},
		{Name: "ZREM", Syntax: "key member [member ...]",
			Summary: "Remove one or more members from a sorted set", Since: "1.2.0", Group: "sorted-set",
			Complexity: "O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be removed.",
			Arity:      AtLeast(3), Keys: KeyAt(1).As("RW delete"), Flags: Fast, ACL: acl.SortedSet, Write: zRem, Idle: zRemNothing},
		{Name: "ZCARD", Syntax: "key",
			Summary: "Get the number of members in a sorted set", Since: "1.2.0", Group: "sorted-set", Complexity: "O(1)",
			Arity: Exactly(2), Keys: KeyAt(1).As("RO"), Flags: Fast, ACL: acl.SortedSet, Read: zCard},
		{Name: "ZSCORE", Syntax: "key member",
			Summary: "Get the score associated with the given member in a sorted set", Since: "1.2.0", Group: "sorted-set", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(1), Flags: Fast, ACL: acl.SortedSet, Read: zScore},
		{Name: "ZMSCORE", Syntax: "key member [member ...]",
			Summary: "Get the score associated with the given members in a sorted set", Since: "6.2.0", Group: "sorted-set",
			Complexity: "O(N) where N is the number of members being requested.",
			Arity:      AtLeast(3), Keys: KeyAt(1), Flags: Fast, ACL: acl.SortedSet, Read: zMScore},
		{Name: "ZRANK", Syntax: "key member [WITHSCORE]",
			Summary: "Determine the index of a member in a sorted set", Since: "2.0.0", Group: "sorted-set", Complexity: "O(log(N))",
			Arity: Between(3, 4), Keys: KeyAt(1), Flags: Fast, ACL: acl.SortedSet, Read: zRank},
		{Name: "ZREVRANK", Syntax: "key member [WITHSCORE]",
			Summary: "Determine the index of a member in a sorted set, with scores ordered from high to low", Since: "2.0.0", Group: "sorted-set", Complexity: "O(log(N))",
			Arity: Between(3, 4), Keys: KeyAt(1), Flags: Fast, ACL: acl.SortedSet, Read: zRevRank},
	}, slices.Concat(zSetSamples(), zSetRanges(), zSetCombinations(), zSetPops())...)
}

func zAdd(c *WriteCall) (resp.Value, error) { return zAddOrIncr(c, keyspace.Adding{}) }
func zIncrBy(c *WriteCall) (resp.Value, error) {
	return zAddOrIncr(c, keyspace.Adding{Increment: true})
}

// addOptions reads those of ZADD, which ZINCRBY takes too. rest is where the scores begin.
func (a args) addOptions(o keyspace.Adding) (_ keyspace.Adding, changed bool, rest int, err error) {
	for rest = 2; ; rest++ {
		switch {
		case a.Is(rest, "NX"):
			o.New = true
		case a.Is(rest, "XX"):
			o.Existing = true
		case a.Is(rest, "GT"):
			o.Greater = true
		case a.Is(rest, "LT"):
			o.Less = true
		case a.Is(rest, "CH"):
			changed = true
		case a.Is(rest, "INCR"):
			o.Increment = true
		default:
			n := len(a) - rest
			switch {
			case n == 0 || n%2 != 0:
				err = errSyntax
			case o.New && o.Existing:
				err = errAddNew
			case o.Greater && (o.New || o.Less) || o.Less && o.New:
				err = errAddGreater
			case o.Increment && n > 2:
				err = errAddOne
			}
			return o, changed, rest, err
		}
	}
}

func zAddOrIncr(c *WriteCall, o keyspace.Adding) (resp.Value, error) {
	o, countChanged, rest, err := c.addOptions(o)
	if err != nil {
		return resp.None, err
	}
	members := make([]keyspace.Scored, 0, (c.Len()-rest)/2)
	for i := rest; i < c.Len(); i += 2 {
		score, err := c.Float(i)
		if err != nil {
			return resp.None, err
		}
		members = append(members, keyspace.Scored{Name: c.At(i + 1), Score: score})
	}
	return addMembers(c, members, o, countChanged)
}

// addMembers is ZADD once its arguments are read: GEOADD ends here too.
func addMembers(c *WriteCall, members []keyspace.Scored, o keyspace.Adding, countChanged bool) (resp.Value, error) {
	z, err := c.Tx.ZSet(c.At(1))
	if err != nil {
		return resp.None, err
	}
	reply := resp.Null()
	var joined, updated int64
	for _, m := range members {
		did, score, err := z.Add(m, o)
		if err != nil {
			return resp.None, errScore
		}
		if did != keyspace.Refused {
			reply = resp.Double(score)
		}
		switch did {
		case keyspace.Joined:
			joined++
		case keyspace.Updated:
			updated++
		}
	}
	event := "zadd"
	if o.Increment {
		event = "zincr"
	}
	if joined+updated > 0 {
		c.Tx.Notify(keyspace.ClassZSet, event, c.At(1))
	}
	switch {
	case o.Increment:
		return reply, nil
	case countChanged:
		return resp.Int(joined + updated), nil
	}
	return resp.Int(joined), nil
}

func zRem(c *WriteCall) (resp.Value, error) {
	z, err := c.Tx.ZSet(c.At(1))
	if err != nil || !z.Exists() {
		return resp.Int(0), err
	}
	removed := int64(0)
	for _, name := range c.From(2) {
		if z.Exists() && z.Remove(name) {
			removed++
		}
	}
	if removed > 0 {
		c.Tx.Notify(keyspace.ClassZSet, "zrem", c.At(1))
		z.Gone()
	}
	return resp.Int(removed), nil
}

func zCard(c *ReadCall) (resp.Value, error) {
	z, ok, err := c.View.Elements(c.At(1), mvcc.ZSet)
	if !ok {
		return resp.Int(0), err
	}
	return resp.Int(int64(z.Len())), nil
}

func zScore(c *ReadCall) (resp.Value, error) {
	z, ok, err := c.View.Elements(c.At(1), mvcc.ZSet)
	if !ok {
		return resp.Null(), err
	}
	return scoreOf(z, c.At(2)), nil
}

// scoreOf is the score of a member, or null.
func scoreOf(z mvcc.Collection, name []byte) resp.Value {
	e, ok := z.Lookup(name)
	if !ok {
		return resp.Null()
	}
	return resp.Double(mvcc.Score(e.Value))
}

func zMScore(c *ReadCall) (resp.Value, error) {
	z, ok, err := c.View.Elements(c.At(1), mvcc.ZSet)
	if err != nil {
		return resp.None, err
	}
	list := make([]resp.Value, 0, c.Len()-2)
	for _, name := range c.From(2) {
		score := resp.Null()
		if ok {
			score = scoreOf(z, name)
		}
		list = append(list, score)
	}
	return resp.Array(list...), nil
}

func zRank(c *ReadCall) (resp.Value, error)    { return rank(c, false) }
func zRevRank(c *ReadCall) (resp.Value, error) { return rank(c, true) }

func rank(c *ReadCall, reverse bool) (resp.Value, error) {
	withScore := c.Len() == 4
	if withScore && !c.Is(3, "WITHSCORE") {
		return resp.None, errSyntax
	}
	absent := resp.Null()
	if withScore {
		absent = resp.NullArray()
	}
	z, ok, err := c.View.Elements(c.At(1), mvcc.ZSet)
	if !ok {
		return absent, err
	}
	e, ok := z.Lookup(c.At(2))
	if !ok {
		return absent, nil
	}
	score := mvcc.Score(e.Value)
	n, _ := z.Scores.Rank(mvcc.ScoreMajor(score), e.Name)
	if reverse {
		n = z.Len() - 1 - n
	}
	if withScore {
		return resp.Array(resp.Int(int64(n)), resp.Double(score)), nil
	}
	return resp.Int(int64(n)), nil
}

// members is a reply of members: alone, or each with its score, in pairs or flat.
type members struct {
	list          []resp.Value
	scores, pairs bool
}

// newMembers is a reply for n of them. Where pairs are wanted in RESP3 only, RESP2 has them flat.
func newMembers(n int, scores bool, p resp.Protocol) members {
	m := members{scores: scores, pairs: scores && p == resp.RESP3}
	if scores {
		n *= 2
	}
	m.list = make([]resp.Value, 0, n)
	return m
}

func (m *members) add(name []byte, score float64) {
	m.list = append(m.list, resp.Bulk(name))
	if m.scores {
		m.list = append(m.list, resp.Double(score))
	}
}

func (m *members) reply() resp.Value {
	if !m.pairs {
		return resp.Array(m.list...)
	}
	list := make([]resp.Value, 0, len(m.list)/2)
	for i := 0; i < len(m.list); i += 2 {
		list = append(list, resp.Array(m.list[i:i+2:i+2]...))
	}
	return resp.Array(list...)
}

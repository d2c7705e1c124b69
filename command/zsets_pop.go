package command

import (
	"math"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// zSetPops are the commands that take members from sorted sets, at once or when there are some.
func zSetPops() []Spec {
	const (
		popCost      = "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped."
		blockCost    = "O(log(N)) with N being the number of elements in the sorted set."
		multiPopCost = "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped."
	)
	pop := func(name, summary string, write func(*WriteCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: "key [count]", Summary: summary, Since: "5.0.0", Group: "sorted-set", Complexity: popCost,
			Arity: AtLeast(2), Keys: KeyAt(1).As(popAccess), Flags: Fast, ACL: acl.SortedSet, Write: write, Idle: popNothingScored}
	}
	block := func(name, summary string, write func(*WriteCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: "key [key ...] timeout", Summary: summary, Since: "5.0.0", Group: "sorted-set", Complexity: blockCost,
			Arity: AtLeast(3), Keys: KeysFromTo(1, -2, 1).As(popAccess), Flags: Fast | NoScript | Blocking, ACL: acl.SortedSet, TimeoutAt: -1, Write: write}
	}
	return []Spec{
		pop("ZPOPMIN", "Remove and return members with the lowest scores in a sorted set", zPopMin),
		pop("ZPOPMAX", "Remove and return members with the highest scores in a sorted set", zPopMax),
		block("BZPOPMIN", "Remove and return the member with the lowest score from one or more sorted sets, or block until one is available", bZPopMin),
		block("BZPOPMAX", "Remove and return the member with the highest score from one or more sorted sets, or block until one is available", bZPopMax),
		{Name: "ZMPOP", Syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
			Summary: "Remove and return members with scores in a sorted set", Since: "7.0.0", Group: "sorted-set", Complexity: multiPopCost,
			Arity: AtLeast(4), Keys: KeysCounted(1).As(popAccess), ACL: acl.SortedSet, Write: zMPop},
		{Name: "BZMPOP", Syntax: "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
			Summary: "Remove and return members with scores in a sorted set or block until one is available", Since: "7.0.0", Group: "sorted-set", Complexity: multiPopCost,
			Arity: AtLeast(5), Keys: KeysCounted(2).As(popAccess), Flags: Blocking, ACL: acl.SortedSet, TimeoutAt: 1, Write: bZMPop},
	}
}

// takeScored pops at most n members, 1 at least, and tells so.
func takeScored(c *WriteCall, z *keyspace.ZSet, key []byte, highest bool, n int) []keyspace.Scored {
	list := z.Pop(n, highest)
	event := "zpopmin"
	if highest {
		event = "zpopmax"
	}
	c.Tx.Notify(keyspace.ClassZSet, event, key)
	z.Gone()
	return list
}

func zPopMin(c *WriteCall) (resp.Value, error) { return zPop(c, false) }
func zPopMax(c *WriteCall) (resp.Value, error) { return zPop(c, true) }

func zPop(c *WriteCall, highest bool) (resp.Value, error) {
	n, many := int64(1), c.Len() == 3
	if c.Len() > 3 {
		return resp.None, errSyntax
	}
	if many {
		var err error
		if n, err = c.positive(2, errNotPositive); err != nil {
			return resp.None, err
		}
	}
	z, err := c.Tx.ZSet(c.At(1))
	if err != nil || !z.Exists() || n == 0 {
		return resp.Array(), err
	}
	list := takeScored(c, &z, c.At(1), highest, int(min(n, math.MaxInt32)))
	m := newMembers(len(list), true, c.Proto)
	m.pairs = m.pairs && many // a single one is not put into another array
	for _, s := range list {
		m.add(s.Name, s.Score)
	}
	return m.reply(), nil
}

// zMPopArgs reads numkeys at argument i, the keys, MIN or MAX, and the count.
func (a args) zMPopArgs(i int) (keys [][]byte, highest bool, count int, err error) {
	n, err := a.Int(i)
	if err != nil || n < 1 {
		return nil, false, 0, errNumKeysMin
	}
	if n > int64(len(a)-i-2) {
		return nil, false, 0, errSyntax
	}
	where := i + 1 + int(n)
	if highest = a.Is(where, "MAX"); !highest && !a.Is(where, "MIN") {
		return nil, false, 0, errSyntax
	}
	count, err = a.popCount(where + 1)
	return a[i+1 : where], highest, count, err
}

func zMPop(c *WriteCall) (resp.Value, error) {
	keys, highest, count, err := c.zMPopArgs(1)
	if err != nil {
		return resp.None, err
	}
	v, _, err := popScored(c, keys, highest, count)
	return v, err
}

// popScored pops from the first sorted set that exists: the reply is its key and an array of pairs.
func popScored(c *WriteCall, keys [][]byte, highest bool, count int) (resp.Value, bool, error) {
	for _, key := range keys {
		z, err := c.Tx.ZSet(key)
		if err != nil {
			return resp.None, false, err
		}
		if z.Exists() {
			list := takeScored(c, &z, key, highest, count)
			m := members{scores: true, pairs: true}
			for _, s := range list {
				m.add(s.Name, s.Score)
			}
			return resp.Array(resp.Bulk(key), m.reply()), true, nil
		}
	}
	return resp.NullArray(), false, nil
}

func bZPopMin(c *WriteCall) (resp.Value, error) { return blockingZPop(c, false) }
func bZPopMax(c *WriteCall) (resp.Value, error) { return blockingZPop(c, true) }

func blockingZPop(c *WriteCall, highest bool) (resp.Value, error) {
	last := c.Len() - 1
	if _, err := c.timeout(last); err != nil {
		return resp.None, err
	}
	for _, key := range c.args[1:last] {
		z, err := c.Tx.ZSet(key)
		if err != nil {
			return resp.None, err
		}
		if z.Exists() {
			s := takeScored(c, &z, key, highest, 1)[0]
			return resp.Array(resp.Bulk(key), resp.Bulk(s.Name), resp.Double(s.Score)), nil
		}
	}
	return resp.NullArray(), ErrBlocked
}

func bZMPop(c *WriteCall) (resp.Value, error) {
	keys, highest, count, err := c.zMPopArgs(2)
	if err != nil {
		return resp.None, err
	}
	if _, err := c.timeout(1); err != nil {
		return resp.None, err
	}
	v, found, err := popScored(c, keys, highest, count)
	if err != nil {
		return v, err
	}
	return orBlock(v, found)
}

package command

import (
	"fmt"
	"strings"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// Errors of combining sorted sets.
const (
	errWeight       Error = "ERR weight value is not a float"
	errLimitTooLess Error = "ERR LIMIT can't be negative"
)

// zSetCombinations are the commands that combine sorted sets, and sets.
func zSetCombinations() []Spec {
	const (
		unionCost      = "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set."
		unionStoreCost = "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set."
		interCost      = "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set."
		diffCost       = "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set."
		keys           = "numkeys key [key ...]"
		weights        = " [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]"
	)
	read := func(name, syntax, summary, cost string, read func(*ReadCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: keys + syntax, Summary: summary, Since: "6.2.0", Group: "sorted-set", Complexity: cost,
			Arity: AtLeast(3), Keys: KeysCounted(1), ACL: acl.SortedSet, Read: read}
	}
	store := func(name, since, syntax, summary, cost string, write func(*WriteCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: "destination " + keys + syntax, Summary: summary, Since: since, Group: "sorted-set", Complexity: cost,
			Arity: AtLeast(4), Keys: keysStored(), Flags: DenyOOM, ACL: acl.SortedSet, Write: write}
	}
	card := read("ZINTERCARD", " [LIMIT limit]", "Intersect multiple sorted sets and return the cardinality of the result",
		"O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.", zInterCard)
	card.Since = "7.0.0"
	return []Spec{
		read("ZUNION", weights+" [WITHSCORES]", "Add multiple sorted sets", unionCost, zUnion),
		read("ZINTER", weights+" [WITHSCORES]", "Intersect multiple sorted sets", interCost, zInter),
		read("ZDIFF", " [WITHSCORES]", "Subtract multiple sorted sets", diffCost, zDiff),
		store("ZUNIONSTORE", "2.0.0", weights, "Add multiple sorted sets and store the resulting sorted set in a new key", unionStoreCost, zUnionStore),
		store("ZINTERSTORE", "2.0.0", weights, "Intersect multiple sorted sets and store the resulting sorted set in a new key", interCost, zInterStore),
		store("ZDIFFSTORE", "6.2.0", "", "Subtract multiple sorted sets and store the resulting sorted set in a new key", diffCost, zDiffStore),
		card,
	}
}

// keysStored are a destination and as many keys as the argument behind it says.
func keysStored() Keys {
	find := func(args [][]byte) []int {
		keys := KeysCounted(2).Positions([]int{1}, args)
		if len(keys) == 1 {
			return nil // the number is no number, or not of these
		}
		return keys
	}
	return Keys{First: 1, Last: 1, Step: 1, Find: find}.With(KeySpec{Index: 1, Access: "OW update"}, KeySpec{Index: 2, Counted: true, Access: "RO access"})
}

// combining is how sorted sets are combined.
type combining uint8

const (
	union combining = iota + 1
	inter
	diff
	interCard
)

// combination is a command that combines sorted sets.
type combination struct {
	how       combining
	sources   []keyspace.ZSource
	aggregate keyspace.Aggregate
	scores    bool  // to be shown too
	limit     int64 // of a count
}

// combination reads numkeys at argument at, finds the keys behind it and then reads the options behind them, as Redis does.
func (a args) combination(view *keyspace.View, at int, how combining) (c combination, err error) {
	c = combination{how: how, aggregate: keyspace.Sum}
	n, err := a.Int(at)
	switch {
	case err != nil:
		return c, err
	case n < 1:
		return c, Error(fmt.Sprintf("ERR at least 1 input key is needed for '%s' command", strings.ToLower(string(a[0]))))
	case n > int64(len(a)-at-1):
		return c, errSyntax
	}
	c.sources = make([]keyspace.ZSource, n)
	for i := range c.sources {
		if c.sources[i], err = view.ZSource(a[at+1+i]); err != nil {
			return c, err
		}
	}
	return c, c.options(a, at+1+int(n), at == 2)
}

func (c *combination) options(a args, i int, storing bool) (err error) {
	weighing := c.how == union || c.how == inter
	for i < len(a) && err == nil {
		switch {
		case weighing && a.Is(i, "WEIGHTS") && len(a)-i > len(c.sources):
			for j := range c.sources {
				var ok bool
				if c.sources[j].Weight, ok = parseFloat(a[i+1+j]); !ok {
					return errWeight
				}
			}
			i += 1 + len(c.sources)
		case weighing && a.Is(i, "AGGREGATE") && i+1 < len(a):
			c.aggregate, err = a.aggregate(i + 1)
			i += 2
		case c.how != interCard && !storing && a.Is(i, "WITHSCORES"):
			c.scores = true
			i++
		case c.how == interCard && a.Is(i, "LIMIT") && i+1 < len(a):
			c.limit, err = a.positive(i+1, errLimitTooLess)
			i += 2
		default:
			return errSyntax
		}
	}
	return err
}

func (a args) aggregate(i int) (keyspace.Aggregate, error) {
	switch {
	case a.Is(i, "SUM"):
		return keyspace.Sum, nil
	case a.Is(i, "MIN"):
		return keyspace.Least, nil
	case a.Is(i, "MAX"):
		return keyspace.Greatest, nil
	}
	return 0, errSyntax
}

// members are the result.
func (c *combination) members() []keyspace.Scored {
	switch c.how {
	case union:
		return keyspace.ZUnion(c.sources, c.aggregate)
	case inter:
		return keyspace.ZInter(c.sources, c.aggregate)
	}
	return keyspace.ZDiff(c.sources)
}

// size is how many members there are to be looked at.
func (c *combination) size() (n int) {
	for i := range c.sources {
		n += c.sources[i].Len()
	}
	return n
}

func zUnion(c *ReadCall) (resp.Value, error) { return showCombination(c, union) }
func zInter(c *ReadCall) (resp.Value, error) { return showCombination(c, inter) }
func zDiff(c *ReadCall) (resp.Value, error)  { return showCombination(c, diff) }

func showCombination(c *ReadCall, how combining) (resp.Value, error) {
	all, err := c.combination(c.View, 1, how)
	if err != nil || c.View.Long(all.size()) {
		return resp.None, err
	}
	list := all.members()
	m := newMembers(len(list), all.scores, c.Proto)
	for _, s := range list {
		m.add(s.Name, s.Score)
	}
	return m.reply(), nil
}

func zInterCard(c *ReadCall) (resp.Value, error) {
	all, err := c.combination(c.View, 1, interCard)
	if err != nil || c.View.Long(all.size()) {
		return resp.None, err
	}
	return resp.Int(keyspace.ZInterCount(all.sources, all.limit)), nil
}

func zUnionStore(c *WriteCall) (resp.Value, error) { return storeCombination(c, union, "zunionstore") }
func zInterStore(c *WriteCall) (resp.Value, error) { return storeCombination(c, inter, "zinterstore") }
func zDiffStore(c *WriteCall) (resp.Value, error)  { return storeCombination(c, diff, "zdiffstore") }

func storeCombination(c *WriteCall, how combining, event string) (resp.Value, error) {
	view := c.Tx.ReadView()
	all, err := c.combination(&view, 2, how)
	if err != nil {
		return resp.None, err
	}
	list := all.members()
	return resp.Int(int64(c.Tx.StoreZSet(c.At(1), list, event))), nil
}

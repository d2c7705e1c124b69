package command

import (
	"math"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// errManyKeys is that of commands with a number of keys in front of them.
const errManyKeys Error = "ERR Number of keys can't be greater than number of args"

// setCombinations are the commands on several sets.
func setCombinations() []Spec {
	const (
		interCost = "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets."
		totalCost = "O(N) where N is the total number of elements in all given sets."
	)
	read := func(name, summary, cost string, read func(*ReadCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: "key [key ...]", Summary: summary, Since: "1.0.0", Group: "set", Complexity: cost,
			Arity: AtLeast(2), Keys: KeysFromTo(1, -1, 1), ACL: acl.Set, Tips: []string{"nondeterministic_output_order"}, Read: read}
	}
	store := func(name, access, summary, cost string, write func(*WriteCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: "destination key [key ...]", Summary: summary, Since: "1.0.0", Group: "set", Complexity: cost,
			Arity: AtLeast(3), Keys: KeysFromTo(1, -1, 1).With(KeySpec{Index: 1, Access: access}, KeySpec{Index: 2, Last: -1, Step: 1, Access: "RO access"}),
			Flags: DenyOOM, ACL: acl.Set, Write: write}
	}
	card := func(name, options, since, summary, cost string, read func(*ReadCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: "numkeys key [key ...]" + options, Summary: summary, Since: since, Group: "set", Complexity: cost,
			Arity: AtLeast(3), Keys: KeysCounted(1), ACL: acl.Set, Read: read}
	}
	union := card("SUNIONCARD", " [APPROX] [LIMIT limit]", "8.10.0", "Returns the number of members of the union of multiple sets.", totalCost, sUnionCard)
	union.Differs = "APPROX counts exactly too."
	return []Spec{
		read("SINTER", "Intersect multiple sets", interCost, sInter),
		read("SUNION", "Add multiple sets", totalCost, sUnion),
		read("SDIFF", "Subtract multiple sets", totalCost, sDiff),
		store("SINTERSTORE", "RW update", "Intersect multiple sets and store the resulting set in a key", interCost, sInterStore),
		store("SUNIONSTORE", "OW update", "Add multiple sets and store the resulting set in a key", totalCost, sUnionStore),
		store("SDIFFSTORE", "OW update", "Subtract multiple sets and store the resulting set in a key", totalCost, sDiffStore),
		card("SINTERCARD", " [LIMIT limit]", "7.0.0", "Intersect multiple sets and return the cardinality of the result", interCost, sInterCard),
		union,
		card("SDIFFCARD", " [LIMIT limit]", "8.10.0",
			"Returns the number of members of the difference between the first set and all successive sets.", totalCost, sDiffCard),
	}
}

func sInter(c *ReadCall) (resp.Value, error) { return showSets(c, keyspace.Inter) }
func sUnion(c *ReadCall) (resp.Value, error) { return showSets(c, keyspace.Union) }
func sDiff(c *ReadCall) (resp.Value, error)  { return showSets(c, keyspace.Diff) }

func showSets(c *ReadCall, how keyspace.Combine) (resp.Value, error) {
	sets, ok, err := readSets(c, c.From(1))
	if !ok {
		return resp.Set(), err
	}
	var list []resp.Value
	how(sets, func(name []byte) bool {
		list = append(list, resp.Bulk(name))
		return true
	})
	return resp.Set(list...), nil
}

// readSets are the sets at keys, absent ones empty; false if there is an error, or another goroutine has to walk over them.
func readSets(c *ReadCall, keys [][]byte) (sets []keyspace.Members, ok bool, err error) {
	total := 0
	for _, key := range keys {
		s, err := c.View.SetAt(key)
		if err != nil {
			return nil, false, err
		}
		sets = append(sets, s)
		total += s.Len()
	}
	return sets, !c.View.Long(total), nil
}

func sInterStore(c *WriteCall) (resp.Value, error) {
	return storeSets(c, keyspace.Inter, "sinterstore")
}
func sUnionStore(c *WriteCall) (resp.Value, error) {
	return storeSets(c, keyspace.Union, "sunionstore")
}
func sDiffStore(c *WriteCall) (resp.Value, error) { return storeSets(c, keyspace.Diff, "sdiffstore") }

func storeSets(c *WriteCall, how keyspace.Combine, event string) (resp.Value, error) {
	var sets []keyspace.Members
	for _, key := range c.From(2) {
		s, err := c.Tx.SetAt(key)
		c.Tx.Looked(key, err != nil || s.Len() > 0)
		if err != nil {
			return resp.None, err
		}
		sets = append(sets, s.Members())
	}
	names := keyspace.CombineNames(how, sets)
	c.Tx.StoreSet(c.At(1), names, event)
	return resp.Int(int64(len(names))), nil
}

func sInterCard(c *ReadCall) (resp.Value, error) { return countSets(c, keyspace.Inter, false) }
func sUnionCard(c *ReadCall) (resp.Value, error) { return countSets(c, keyspace.Union, true) }
func sDiffCard(c *ReadCall) (resp.Value, error)  { return countSets(c, keyspace.Diff, false) }

// countSets counts the members of a combination. approx is whether APPROX is an option, which asks for no more than the truth.
func countSets(c *ReadCall, how keyspace.Combine, approx bool) (resp.Value, error) {
	n, err := c.Int(1)
	switch {
	case err != nil || n < 1:
		return resp.None, errNumKeysMin
	case n > int64(c.Len()-2):
		return resp.None, errManyKeys
	}
	limit := int64(0)
	for i := 2 + int(n); i < c.Len(); i++ {
		switch {
		case c.Is(i, "LIMIT") && i+1 < c.Len():
			if limit, err = c.positive(i+1, errLimitTooLess); err != nil {
				return resp.None, err
			}
			i++
		case c.Is(i, "APPROX") && approx:
		default:
			return resp.None, errSyntax
		}
	}
	sets, ok, err := readSets(c, c.From(2)[:n])
	if !ok {
		return resp.Int(0), err
	}
	if limit == 0 {
		limit = math.MaxInt64
	}
	count := int64(0)
	how(sets, func([]byte) bool {
		count++
		return count < limit
	})
	return resp.Int(count), nil
}

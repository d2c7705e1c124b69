package command

import (
	"math"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/internal/glob"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// Sets are the commands on sets, combinations apart.
func Sets() []Spec {
	chance := []string{"nondeterministic_output"}
	specs := []Spec{
		{Name: "SADD", Syntax: "key member [member ...]",
			Summary: "Add one or more members to a set", Since: "1.0.0", Group: "set",
			Complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
			Arity:      AtLeast(3), Keys: KeyAt(1).As(pushAccess), Flags: DenyOOM | Fast, ACL: acl.Set, Write: sAdd, Idle: addNothing},
		{Name: "SREM", Syntax: "key member [member ...]",
			Summary: "Remove one or more members from a set", Since: "1.0.0", Group: "set",
			Complexity: "O(N) where N is the number of members to be removed.",
			Arity:      AtLeast(3), Keys: KeyAt(1).As("RW delete"), Flags: Fast, ACL: acl.Set, Write: sRem, Idle: sRemNothing},
		{Name: "SMOVE", Syntax: "source destination member",
			Summary: "Move a member from one set to another", Since: "1.0.0", Group: "set", Complexity: "O(1)",
			Arity: Exactly(4), Keys: KeysFromTo(1, 2, 1).With(KeySpec{Index: 1, Access: popAccess}, KeySpec{Index: 2, Access: pushAccess}),
			Flags: Fast, ACL: acl.Set, Write: sMove},
		{Name: "SPOP", Syntax: "key [count]",
			Summary: "Remove and return one or multiple random members from a set", Since: "1.0.0", Group: "set",
			Complexity: "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
			Arity:      AtLeast(2), Keys: KeyAt(1).As(popAccess), Flags: Fast, ACL: acl.Set, Tips: chance, Write: sPop, Idle: popNothing},
		{Name: "SMEMBERS", Syntax: "key",
			Summary: "Get all the members in a set", Since: "1.0.0", Group: "set", Complexity: "O(N) where N is the set cardinality.",
			Arity: Exactly(2), Keys: KeyAt(1), ACL: acl.Set, Tips: []string{"nondeterministic_output_order"}, Read: sMembers},
		{Name: "SISMEMBER", Syntax: "key member",
			Summary: "Determine if a given value is a member of a set", Since: "1.0.0", Group: "set", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(1).As("RO"), Flags: Fast, ACL: acl.Set, Read: sIsMember},
		{Name: "SMISMEMBER", Syntax: "key member [member ...]",
			Summary: "Returns the membership associated with the given elements for a set", Since: "6.2.0", Group: "set",
			Complexity: "O(N) where N is the number of elements being checked for membership",
			Arity:      AtLeast(3), Keys: KeyAt(1), Flags: Fast, ACL: acl.Set, Read: sMIsMember},
		{Name: "SCARD", Syntax: "key",
			Summary: "Get the number of members in a set", Since: "1.0.0", Group: "set", Complexity: "O(1)",
			Arity: Exactly(2), Keys: KeyAt(1).As("RO"), Flags: Fast, ACL: acl.Set, Read: sCard},
		{Name: "SRANDMEMBER", Syntax: "key [count]",
			Summary: "Get one or multiple random members from a set", Since: "1.0.0", Group: "set",
			Complexity: "Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.",
			Arity:      AtLeast(2), Keys: KeyAt(1), ACL: acl.Set, Tips: chance, Read: sRandMember},
		{Name: "SSCAN", Syntax: "key cursor [MATCH pattern] [COUNT count]",
			Summary: "Incrementally iterate Set elements", Since: "2.8.0", Group: "set",
			Complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..",
			Arity:      AtLeast(3), Keys: KeyAt(1), ACL: acl.Set, Tips: chance, Read: sScan},
	}
	return append(specs, setCombinations()...)
}

func sAdd(c *WriteCall) (resp.Value, error) {
	s, err := c.Tx.SetAt(c.At(1))
	if err != nil {
		return resp.None, err
	}
	added := 0
	for _, name := range c.From(2) {
		if s.Add(name) {
			added++
		}
	}
	if added > 0 {
		c.Tx.Notify(keyspace.ClassSet, "sadd", c.At(1))
	}
	return resp.Int(int64(added)), nil
}

func sRem(c *WriteCall) (resp.Value, error) {
	s, err := c.Tx.SetAt(c.At(1))
	if err != nil || !s.Exists() {
		return resp.Int(0), err
	}
	removed := 0
	for _, name := range c.From(2) {
		if s.Remove(name) {
			removed++
		}
	}
	if removed > 0 {
		c.Tx.Notify(keyspace.ClassSet, "srem", c.At(1))
		s.Gone()
	}
	return resp.Int(int64(removed)), nil
}

func sMove(c *WriteCall) (resp.Value, error) {
	from, err := c.Tx.SetAt(c.At(1))
	if err != nil || !from.Exists() {
		return resp.Int(0), err
	}
	to, err := c.Tx.SetAt(c.At(2))
	if err != nil {
		return resp.None, err
	}
	if string(c.At(1)) == string(c.At(2)) {
		return oneIf(from.Has(c.At(3)), nil)
	}
	if !from.Remove(c.At(3)) {
		return resp.Int(0), nil
	}
	c.Tx.Notify(keyspace.ClassSet, "srem", c.At(1))
	from.Gone()
	if to.Add(c.At(3)) {
		c.Tx.Notify(keyspace.ClassSet, "sadd", c.At(2))
	}
	return resp.Int(1), nil
}

func sPop(c *WriteCall) (resp.Value, error) {
	many, count := c.Len() == 3, int64(1)
	switch {
	case many:
		var err error
		if count, err = c.positive(2, errNotPositive); err != nil {
			return resp.None, err
		}
	case c.Len() > 3:
		return resp.None, errSyntax
	}
	s, err := c.Tx.SetAt(c.At(1))
	switch {
	case err != nil:
		return resp.None, err
	case !s.Exists() && !many:
		return resp.Null(), nil
	case !s.Exists() || count == 0:
		return resp.Set(), nil
	}
	names := s.Pop(int(min(count, math.MaxInt32)))
	c.Tx.Notify(keyspace.ClassSet, "spop", c.At(1))
	s.Gone()
	if !many {
		return resp.Bulk(names[0]), nil
	}
	return resp.Set(bulks(names)...), nil
}

func bulks(list [][]byte) []resp.Value {
	values := make([]resp.Value, len(list))
	for i, b := range list {
		values[i] = resp.Bulk(b)
	}
	return values
}

func sMembers(c *ReadCall) (resp.Value, error) {
	s, err := c.View.SetAt(c.At(1))
	if err != nil || c.View.Long(s.Len()) {
		return resp.Set(), err
	}
	reply := c.long()
	reply.Set(s.Len())
	s.All(func(name []byte) bool {
		reply.Bulk(name)
		return true
	})
	return reply.Value(), nil
}

func sIsMember(c *ReadCall) (resp.Value, error) {
	s, err := c.View.SetAt(c.At(1))
	return oneIf(s.Has(c.At(2)), err)
}

func sMIsMember(c *ReadCall) (resp.Value, error) {
	s, err := c.View.SetAt(c.At(1))
	if err != nil {
		return resp.None, err
	}
	list := make([]resp.Value, 0, c.Len()-2)
	for _, name := range c.From(2) {
		is, _ := oneIf(s.Has(name), nil)
		list = append(list, is)
	}
	return resp.Array(list...), nil
}

func sCard(c *ReadCall) (resp.Value, error) {
	s, err := c.View.SetAt(c.At(1))
	return resp.Int(int64(s.Len())), err
}

func sRandMember(c *ReadCall) (resp.Value, error) {
	if c.Len() > 3 {
		return resp.None, errSyntax
	}
	var count int64
	if c.Len() == 3 {
		var err error
		if count, _, err = c.sampleArgs(""); err != nil {
			return resp.None, err
		}
	}
	s, err := c.View.SetAt(c.At(1))
	switch {
	case err != nil:
		return resp.None, err
	case c.Len() == 2 && !s.Exists():
		return resp.Null(), nil
	case c.Len() == 2:
		return resp.Bulk(s.At(c.View.Picks(s.Len(), 1)[0])), nil
	case !s.Exists() || count == 0:
		return resp.Array(), nil
	}
	numbers, ok, err := c.chosen(count, s.Len())
	if !ok {
		return resp.Array(), err
	}
	list := make([]resp.Value, len(numbers))
	for i, n := range numbers {
		list[i] = resp.Bulk(s.At(n))
	}
	return resp.Array(list...), nil
}

func sScan(c *ReadCall) (resp.Value, error) {
	cursor, ok := parseCursor(c.At(2))
	if !ok {
		return resp.None, errCursor
	}
	s, err := c.View.SetAt(c.At(1))
	if err != nil || !s.Exists() {
		return scanReply(0, nil), err
	}
	o, err := c.scanOptions(3, false)
	if err != nil {
		return resp.None, err
	}
	n := o.count
	if s.Ints() { // shown as a whole
		n = s.Len()
	}
	if c.View.Long(min(n, s.Len())) {
		return resp.Array(), nil
	}
	var list []resp.Value
	next := s.Scan(cursor, o.count, func(name []byte) {
		if o.pattern == nil || glob.Match(o.pattern, name) {
			list = append(list, resp.Bulk(name))
		}
	})
	return scanReply(next, list), nil
}

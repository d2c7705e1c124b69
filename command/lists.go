package command

import (
	"math"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// Errors of list commands.
const (
	errRank       Error = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list"
	errLPos       Error = "ERR COUNT can't be negative"
	errLPosMax    Error = "ERR MAXLEN can't be negative"
	errIndex      Error = "ERR index out of range"
	errNumKeysMin Error = "ERR numkeys should be greater than 0"
	errCountMin   Error = "ERR count should be greater than 0"
)

// Lists are the commands on list keys, those that pop and move apart.
func Lists() []Spec {
	const perElement = "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments."
	return append([]Spec{
		{Name: "LPUSH", Syntax: "key element [element ...]",
			Summary: "Prepend one or multiple elements to a list", Since: "1.0.0", Group: "list", Complexity: perElement,
			Arity: AtLeast(3), Keys: KeyAt(1).As(pushAccess), Flags: DenyOOM | Fast, ACL: acl.List, Write: lPush},
		{Name: "RPUSH", Syntax: "key element [element ...]",
			Summary: "Append one or multiple elements to a list", Since: "1.0.0", Group: "list", Complexity: perElement,
			Arity: AtLeast(3), Keys: KeyAt(1).As(pushAccess), Flags: DenyOOM | Fast, ACL: acl.List, Write: rPush},
		{Name: "LPUSHX", Syntax: "key element [element ...]",
			Summary: "Prepend an element to a list, only if the list exists", Since: "2.2.0", Group: "list", Complexity: perElement,
			Arity: AtLeast(3), Keys: KeyAt(1).As(pushAccess), Flags: DenyOOM | Fast, ACL: acl.List, Write: lPushX},
		{Name: "RPUSHX", Syntax: "key element [element ...]",
			Summary: "Append an element to a list, only if the list exists", Since: "2.2.0", Group: "list", Complexity: perElement,
			Arity: AtLeast(3), Keys: KeyAt(1).As(pushAccess), Flags: DenyOOM | Fast, ACL: acl.List, Write: rPushX},
		{Name: "LINSERT", Syntax: "key <BEFORE | AFTER> pivot element",
			Summary: "Insert an element before or after another element in a list", Since: "2.2.0", Group: "list",
			Complexity: "O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).",
			Arity:      Exactly(5), Keys: KeyAt(1).As(pushAccess), Flags: DenyOOM, ACL: acl.List, Write: lInsert},
		{Name: "LLEN", Syntax: "key",
			Summary: "Get the length of a list", Since: "1.0.0", Group: "list", Complexity: "O(1)",
			Arity: Exactly(2), Keys: KeyAt(1).As("RO"), Flags: Fast, ACL: acl.List, Read: lLen},
		{Name: "LINDEX", Syntax: "key index",
			Summary: "Get an element from a list by its index", Since: "1.0.0", Group: "list",
			Complexity: "O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1).",
			Arity:      Exactly(3), Keys: KeyAt(1), ACL: acl.List, Read: lIndex},
		{Name: "LSET", Syntax: "key index element",
			Summary: "Set the value of an element in a list by its index", Since: "1.0.0", Group: "list",
			Complexity: "O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).",
			Arity:      Exactly(4), Keys: KeyAt(1).As("RW update"), Flags: DenyOOM, ACL: acl.List, Write: lSet},
		{Name: "LRANGE", Syntax: "key start stop",
			Summary: "Get a range of elements from a list", Since: "1.0.0", Group: "list",
			Complexity: "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.",
			Arity:      Exactly(4), Keys: KeyAt(1), ACL: acl.List, Read: lRange},
		{Name: "LTRIM", Syntax: "key start stop",
			Summary: "Trim a list to the specified range", Since: "1.0.0", Group: "list",
			Complexity: "O(N) where N is the number of elements to be removed by the operation.",
			Arity:      Exactly(4), Keys: KeyAt(1).As("RW delete"), ACL: acl.List, Write: lTrim},
		{Name: "LREM", Syntax: "key count element",
			Summary: "Remove elements from a list", Since: "1.0.0", Group: "list",
			Complexity: "O(N+M) where N is the length of the list and M is the number of elements removed.",
			Arity:      Exactly(4), Keys: KeyAt(1).As("RW delete"), ACL: acl.List, Write: lRem, Idle: lRemNothing},
		{Name: "LPOS", Syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
			Summary: "Return the index of matching elements on a list", Since: "6.0.6", Group: "list",
			Complexity: "O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.",
			Arity:      AtLeast(3), Keys: KeyAt(1), ACL: acl.List, Read: lPos},
	}, listPops()...)
}

func lPush(c *WriteCall) (resp.Value, error)  { return push(c, keyspace.Left, false) }
func rPush(c *WriteCall) (resp.Value, error)  { return push(c, keyspace.Right, false) }
func lPushX(c *WriteCall) (resp.Value, error) { return push(c, keyspace.Left, true) }
func rPushX(c *WriteCall) (resp.Value, error) { return push(c, keyspace.Right, true) }

func push(c *WriteCall, end keyspace.End, ifExists bool) (resp.Value, error) {
	l, err := c.Tx.List(c.At(1))
	if err != nil || ifExists && !l.Exists() {
		return resp.Int(0), err
	}
	n := l.Push(end, c.From(2)...)
	c.Tx.Notify(keyspace.ClassList, pushEvent(end), c.At(1))
	return resp.Int(int64(n)), nil
}

func pushEvent(end keyspace.End) string {
	if end == keyspace.Left {
		return "lpush"
	}
	return "rpush"
}

func lInsert(c *WriteCall) (resp.Value, error) {
	before := c.Is(2, "BEFORE")
	if !before && !c.Is(2, "AFTER") {
		return resp.None, errSyntax
	}
	l, err := c.Tx.List(c.At(1))
	if err != nil || !l.Exists() {
		return resp.Int(0), err
	}
	if !l.Insert(before, c.At(3), c.At(4)) {
		return resp.Int(-1), nil
	}
	c.Tx.Notify(keyspace.ClassList, "linsert", c.At(1))
	return resp.Int(int64(l.Len())), nil
}

func lLen(c *ReadCall) (resp.Value, error) {
	l, ok, err := c.View.Elements(c.At(1), mvcc.List)
	if !ok {
		return resp.Int(0), err
	}
	return resp.Int(int64(l.Len())), nil
}

func lIndex(c *ReadCall) (resp.Value, error) {
	l, ok, err := c.View.Elements(c.At(1), mvcc.List)
	if !ok {
		return resp.Null(), err
	}
	index, err := c.Int(2)
	if err != nil {
		return resp.None, err
	}
	i, inside := keyspace.Index(index, l.Len())
	if !inside {
		return resp.Null(), nil
	}
	e, _ := l.At(i)
	return resp.Bulk(e.Value), nil
}

func lSet(c *WriteCall) (resp.Value, error) {
	l, err := c.Tx.List(c.At(1))
	if err != nil {
		return resp.None, err
	}
	if !l.Exists() {
		return resp.None, errNoSuchKey
	}
	index, err := c.Int(2)
	if err != nil {
		return resp.None, err
	}
	if !l.Set(index, c.At(3)) {
		return resp.None, errIndex
	}
	c.Tx.Notify(keyspace.ClassList, "lset", c.At(1))
	return resp.OK(), nil
}

func lRange(c *ReadCall) (resp.Value, error) {
	start, stop, err := c.indexes(2)
	if err != nil {
		return resp.None, err
	}
	l, ok, err := c.View.Elements(c.At(1), mvcc.List)
	if !ok {
		return resp.Array(), err
	}
	from, to, some := keyspace.Span(start, stop, l.Len())
	if !some || c.View.Long(to-from+1) {
		return resp.Array(), nil
	}
	left := to - from + 1
	reply := c.long()
	reply.Array(left)
	l.Ascend(from, func(e *mvcc.Element) bool {
		reply.Bulk(e.Value)
		left--
		return left > 0
	})
	return reply.Value(), nil
}

// indexes are arguments i and i+1 as the ends of a range.
func (a args) indexes(i int) (start, stop int64, err error) {
	if start, err = a.Int(i); err == nil {
		stop, err = a.Int(i + 1)
	}
	return start, stop, err
}

func lTrim(c *WriteCall) (resp.Value, error) {
	start, stop, err := c.indexes(2)
	if err != nil {
		return resp.None, err
	}
	l, err := c.Tx.List(c.At(1))
	if err != nil || !l.Exists() {
		return resp.OK(), err
	}
	l.Trim(start, stop)
	c.Tx.Notify(keyspace.ClassList, "ltrim", c.At(1))
	l.Gone()
	return resp.OK(), nil
}

func lRem(c *WriteCall) (resp.Value, error) {
	count, err := c.Int(2)
	if err != nil {
		return resp.None, err
	}
	l, err := c.Tx.List(c.At(1))
	if err != nil || !l.Exists() {
		return resp.Int(0), err
	}
	removed := l.Remove(count, c.At(3))
	if removed > 0 {
		c.Tx.Notify(keyspace.ClassList, "lrem", c.At(1))
		l.Gone()
	}
	return resp.Int(int64(removed)), nil
}

// lPosOptions are those of LPOS. A negative rank counts from the right.
type lPosOptions struct {
	rank, count, maxLen int64 // a count of -1 is none given, of 0 all; a maxLen of 0 is no limit
}

func (a args) lPosOptions() (o lPosOptions, err error) {
	o = lPosOptions{rank: 1, count: -1}
	for i := 3; i < len(a); i += 2 {
		if i+1 == len(a) {
			return o, errSyntax
		}
		switch {
		case a.Is(i, "RANK"):
			if o.rank, err = a.Int(i + 1); err == nil && o.rank == 0 {
				err = errRank
			}
		case a.Is(i, "COUNT"):
			o.count, err = a.positive(i+1, errLPos)
		case a.Is(i, "MAXLEN"):
			o.maxLen, err = a.positive(i+1, errLPosMax)
		default:
			err = errSyntax
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

// positive is argument i as an integer that is not negative; outside is the error of one that is, or is no integer.
func (a args) positive(i int, outside Error) (int64, error) {
	n, err := a.Int(i)
	if err != nil || n < 0 {
		return 0, outside
	}
	return n, nil
}

func lPos(c *ReadCall) (resp.Value, error) {
	o, err := c.lPosOptions()
	if err != nil {
		return resp.None, err
	}
	l, ok, err := c.View.Elements(c.At(1), mvcc.List)
	if err != nil || ok && c.View.Long(l.Len()) {
		return resp.None, err
	}
	var found []resp.Value
	if ok {
		found = o.find(l, c.At(2))
	}
	switch {
	case o.count >= 0:
		return resp.Array(found...), nil
	case len(found) == 0:
		return resp.Null(), nil
	}
	return found[0], nil
}

func (o *lPosOptions) find(l mvcc.Collection, item []byte) (found []resp.Value) {
	limit := o.count
	switch limit {
	case -1:
		limit = 1
	case 0:
		limit = math.MaxInt64
	}
	skip, index, step := o.rank-1, int64(0), int64(1)
	if o.rank < 0 {
		skip, index, step = -(o.rank + 1), int64(l.Len()-1), -1
		if o.rank == math.MinInt64 {
			skip = 0 // as in Redis, where it has no opposite
		}
	}
	seen := int64(0)
	look := func(e *mvcc.Element) bool {
		if string(e.Value) == string(item) {
			if skip == 0 {
				found = append(found, resp.Int(index))
			} else {
				skip--
			}
		}
		index += step
		seen++
		return int64(len(found)) < limit && (o.maxLen == 0 || seen < o.maxLen)
	}
	if step > 0 {
		l.Ascend(0, look)
	} else {
		l.Descend(l.Len()-1, look)
	}
	return found
}

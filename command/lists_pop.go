package command

import (
	"math"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// listPops are the commands that take items from lists, at once or when there are some.
func listPops() []Spec {
	const (
		popCost      = "O(N) where N is the number of elements returned"
		blockCost    = "O(N) where N is the number of provided keys."
		multiPopCost = "O(N+M) where N is the number of provided keys and M is the number of elements returned."
	)
	from := KeyAt(1).As(popAccess)
	fromTo := KeysFromTo(1, 2, 1).With(KeySpec{Index: 1, Access: popAccess}, KeySpec{Index: 2, Access: pushAccess})
	return []Spec{
		{Name: "LPOP", Syntax: "key [count]",
			Summary: "Remove and get the first elements in a list", Since: "1.0.0", Group: "list", Complexity: popCost,
			Arity: AtLeast(2), Keys: from, Flags: Fast, ACL: acl.List, Write: lPop, Idle: popNothing},
		{Name: "RPOP", Syntax: "key [count]",
			Summary: "Remove and get the last elements in a list", Since: "1.0.0", Group: "list", Complexity: popCost,
			Arity: AtLeast(2), Keys: from, Flags: Fast, ACL: acl.List, Write: rPop, Idle: popNothing},
		{Name: "LMOVE", Syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
			Summary: "Pop an element from a list, push it to another list and return it", Since: "6.2.0", Group: "list", Complexity: "O(1)",
			Arity: Exactly(5), Keys: fromTo, Flags: DenyOOM, ACL: acl.List, Write: lMove},
		{Name: "RPOPLPUSH", Syntax: "source destination",
			Summary: "Remove the last element in a list, prepend it to another list and return it", Since: "1.2.0", Group: "list", Complexity: "O(1)",
			Arity: Exactly(3), Keys: fromTo, Flags: DenyOOM, ACL: acl.List, Write: rPopLPush},
		{Name: "LMPOP", Syntax: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
			Summary: "Pop elements from a list", Since: "7.0.0", Group: "list", Complexity: multiPopCost,
			Arity: AtLeast(4), Keys: KeysCounted(1).As(popAccess), ACL: acl.List, Write: lMPop},
		{Name: "BLPOP", Syntax: "key [key ...] timeout",
			Summary: "Remove and get the first element in a list, or block until one is available", Since: "2.0.0", Group: "list", Complexity: blockCost,
			Arity: AtLeast(3), Keys: KeysFromTo(1, -2, 1).As(popAccess), Flags: NoScript | Blocking, ACL: acl.List, TimeoutAt: -1, Write: bLPop},
		{Name: "BRPOP", Syntax: "key [key ...] timeout",
			Summary: "Remove and get the last element in a list, or block until one is available", Since: "2.0.0", Group: "list", Complexity: blockCost,
			Arity: AtLeast(3), Keys: KeysFromTo(1, -2, 1).As(popAccess), Flags: NoScript | Blocking, ACL: acl.List, TimeoutAt: -1, Write: bRPop},
		{Name: "BLMOVE", Syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
			Summary: "Pop an element from a list, push it to another list and return it; or block until one is available", Since: "6.2.0", Group: "list", Complexity: "O(1)",
			Arity: Exactly(6), Keys: fromTo, Flags: DenyOOM | NoScript | Blocking, ACL: acl.List, TimeoutAt: 5, Write: bLMove},
		{Name: "BRPOPLPUSH", Syntax: "source destination timeout",
			Summary: "Pop an element from a list, push it to another list and return it; or block until one is available", Since: "2.2.0", Group: "list", Complexity: "O(1)",
			Arity: Exactly(4), Keys: fromTo, Flags: DenyOOM | NoScript | Blocking, ACL: acl.List, TimeoutAt: 3, Write: bRPopLPush},
		{Name: "BLMPOP", Syntax: "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
			Summary: "Pop elements from a list, or block until one is available", Since: "7.0.0", Group: "list", Complexity: multiPopCost,
			Arity: AtLeast(5), Keys: KeysCounted(2).As(popAccess), Flags: Blocking, ACL: acl.List, TimeoutAt: 1, Write: bLMPop},
	}
}

func popEvent(end keyspace.End) string {
	if end == keyspace.Left {
		return "lpop"
	}
	return "rpop"
}

// take pops at most n items from an end and tells so.
func take(c *WriteCall, l *keyspace.List, key []byte, end keyspace.End, n int) []resp.Value {
	list := make([]resp.Value, min(n, l.Len()))
	for i := range list {
		item, _ := l.Pop(end)
		list[i] = resp.Bulk(item)
	}
	c.Tx.Notify(keyspace.ClassList, popEvent(end), key)
	l.Gone()
	return list
}

// takeOne is take of one item of a list that exists.
func takeOne(c *WriteCall, l *keyspace.List, key []byte, end keyspace.End) resp.Value {
	item, _ := l.Pop(end)
	c.Tx.Notify(keyspace.ClassList, popEvent(end), key)
	l.Gone()
	return resp.Bulk(item)
}

func lPop(c *WriteCall) (resp.Value, error) { return pop(c, keyspace.Left, "lpop") }
func rPop(c *WriteCall) (resp.Value, error) { return pop(c, keyspace.Right, "rpop") }

// pop finds too many arguments here rather than by its arity, so that MULTI queues it, as Redis does.
func pop(c *WriteCall, end keyspace.End, name string) (resp.Value, error) {
	if c.Len() > 3 {
		return WrongArity(name), nil
	}
	n, many := int64(1), c.Len() == 3
	if many {
		var err error
		if n, err = c.positive(2, errNotPositive); err != nil {
			return resp.None, err
		}
	}
	l, err := c.Tx.List(c.At(1))
	switch {
	case err != nil:
		return resp.None, err
	case !l.Exists() && many:
		return resp.NullArray(), nil
	case !l.Exists():
		return resp.Null(), nil
	case n == 0:
		return resp.Array(), nil
	}
	if many {
		return resp.Array(take(c, &l, c.At(1), end, int(min(n, math.MaxInt32)))...), nil
	}
	return takeOne(c, &l, c.At(1), end), nil
}

// end is argument i as an end of a list.
func (a args) end(i int) (keyspace.End, error) {
	switch {
	case a.Is(i, "LEFT"):
		return keyspace.Left, nil
	case a.Is(i, "RIGHT"):
		return keyspace.Right, nil
	}
	return 0, errSyntax
}

func lMove(c *WriteCall) (resp.Value, error) { return nullFor(moveEnds(c, 0)) }

func rPopLPush(c *WriteCall) (resp.Value, error) {
	return nullFor(moveItem(c, keyspace.Right, keyspace.Left))
}

// nullFor answers with null where a command that may wait would wait.
func nullFor(v resp.Value, err error) (resp.Value, error) {
	if err == ErrBlocked {
		return resp.Null(), nil
	}
	return v, err
}

// moveEnds is a move between the ends that arguments 3 and 4 name. Argument timeout, unless 0, is looked at first.
func moveEnds(c *WriteCall, timeout int) (resp.Value, error) {
	from, err := c.end(3)
	if err != nil {
		return resp.None, err
	}
	to, err := c.end(4)
	if err != nil {
		return resp.None, err
	}
	if timeout > 0 {
		if _, err := c.timeout(timeout); err != nil {
			return resp.None, err
		}
	}
	return moveItem(c, from, to)
}

// moveItem takes an item from an end of one list to an end of another, which may be the same: so it is put first.
func moveItem(c *WriteCall, from, to keyspace.End) (resp.Value, error) {
	source, err := c.Tx.List(c.At(1))
	if err != nil {
		return resp.None, err
	}
	if !source.Exists() {
		return resp.Null(), ErrBlocked
	}
	dest, err := c.Tx.List(c.At(2))
	if err != nil {
		return resp.None, errWrongType // not as of the source: who waits does not wait for that
	}
	item, _ := source.Peek(from)
	item = append([]byte{}, item...)
	if string(c.At(1)) == string(c.At(2)) {
		source.Rotate(from, to)
	} else {
		dest.Push(to, item)
		source.Pop(from)
	}
	c.Tx.Notify(keyspace.ClassList, pushEvent(to), c.At(2))
	c.Tx.Notify(keyspace.ClassList, popEvent(from), c.At(1))
	source.Gone()
	return resp.Bulk(item), nil
}

// mPopArgs reads numkeys at argument i, the keys, the end and the count.
func (a args) mPopArgs(i int) (keys [][]byte, end keyspace.End, count int, err error) {
	n, err := a.Int(i)
	if err != nil || n < 1 {
		return nil, 0, 0, errNumKeysMin
	}
	if n > int64(len(a)-i-2) {
		return nil, 0, 0, errSyntax
	}
	where := i + 1 + int(n)
	if end, err = a.end(where); err != nil {
		return nil, 0, 0, err
	}
	count, err = a.popCount(where + 1)
	return a[i+1 : where], end, count, err
}

// popCount reads an optional COUNT at argument i, which must end the arguments.
func (a args) popCount(i int) (int, error) {
	if i == len(a) {
		return 1, nil
	}
	if !a.Is(i, "COUNT") || i+2 > len(a) {
		return 0, errSyntax
	}
	n, err := a.Int(i + 1)
	if err != nil || n < 1 {
		return 0, errCountMin
	}
	if i+2 != len(a) {
		return 0, errSyntax
	}
	return int(min(n, math.MaxInt32)), nil
}

func lMPop(c *WriteCall) (resp.Value, error) {
	keys, end, count, err := c.mPopArgs(1)
	if err != nil {
		return resp.None, err
	}
	v, _, err := popFirst(c, keys, end, count)
	return v, err
}

// popFirst pops from the first list that exists: the reply is its key and an array of items.
func popFirst(c *WriteCall, keys [][]byte, end keyspace.End, count int) (resp.Value, bool, error) {
	for _, key := range keys {
		l, err := c.Tx.List(key)
		if err != nil {
			return resp.None, false, err
		}
		if l.Exists() {
			return resp.Array(resp.Bulk(key), resp.Array(take(c, &l, key, end, count)...)), true, nil
		}
	}
	return resp.NullArray(), false, nil
}

func bLPop(c *WriteCall) (resp.Value, error) { return blockingPop(c, keyspace.Left) }
func bRPop(c *WriteCall) (resp.Value, error) { return blockingPop(c, keyspace.Right) }

func blockingPop(c *WriteCall, end keyspace.End) (resp.Value, error) {
	last := c.Len() - 1
	if _, err := c.timeout(last); err != nil {
		return resp.None, err
	}
	for _, key := range c.args[1:last] {
		l, err := c.Tx.List(key)
		if err != nil {
			return resp.None, err
		}
		if l.Exists() {
			return resp.Array(resp.Bulk(key), takeOne(c, &l, key, end)), nil
		}
	}
	return resp.NullArray(), ErrBlocked
}

func bLMove(c *WriteCall) (resp.Value, error) { return moveEnds(c, 5) }

func bRPopLPush(c *WriteCall) (resp.Value, error) {
	if _, err := c.timeout(3); err != nil {
		return resp.None, err
	}
	return moveItem(c, keyspace.Right, keyspace.Left)
}

func bLMPop(c *WriteCall) (resp.Value, error) {
	keys, end, count, err := c.mPopArgs(2)
	if err != nil {
		return resp.None, err
	}
	if _, err := c.timeout(1); err != nil {
		return resp.None, err
	}
	v, found, err := popFirst(c, keys, end, count)
	if err != nil {
		return v, err
	}
	return orBlock(v, found)
}

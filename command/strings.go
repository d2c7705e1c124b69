package command

import (
	"bytes"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// Strings are the commands on string keys.
func Strings() []Spec {
	const (
		getRangeCost = "O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for small strings."
		setRangeCost = "O(1), not counting the time taken to copy the new string in place. Usually, this string is very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the length of the value argument."
		appendCost   = "O(1). The amortized time complexity is O(1) assuming the appended value is small and the already present value is of any size, since the dynamic string library used by Redis will double the free space available on every reallocation."
	)
	return []Spec{
		{Name: "SET", Syntax: "key value [NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest | IFREV revision] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL | LEASE id]",
			Summary: "Set the string value of a key", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Arity: AtLeast(3), Keys: KeyAt(1).As("RW access update variable_flags").Noted("RW and ACCESS due to the optional `GET` argument").Varies(setAccess), Flags: DenyOOM, ACL: acl.String, Write: set, Idle: setNothing},
		{Name: "SETNX", Syntax: "key value",
			Summary: "Set the value of a key, only if the key does not exist", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(1).As("OW insert"), Flags: DenyOOM | Fast, ACL: acl.String, Write: setNX, Idle: setNothingNX},
		{Name: "SETEX", Syntax: "key seconds value",
			Summary: "Set the value and expiration of a key", Since: "2.0.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(4), Keys: KeyAt(1).As("OW update"), Flags: DenyOOM, ACL: acl.String, Write: setEX},
		{Name: "PSETEX", Syntax: "key milliseconds value",
			Summary: "Set the value and expiration in milliseconds of a key", Since: "2.6.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(4), Keys: KeyAt(1).As("OW update"), Flags: DenyOOM, ACL: acl.String, Write: pSetEX},
		{Name: "GET", Syntax: "key",
			Summary: "Get the value of a key", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(2), Keys: KeyAt(1), Flags: Fast, ACL: acl.String, Read: get},
		{Name: "GETSET", Syntax: "key value",
			Summary: "Set the string value of a key and return its old value", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(1).As("RW access update"), Flags: DenyOOM | Fast, ACL: acl.String, Write: getSet},
		{Name: "GETDEL", Syntax: "key",
			Summary: "Get the value of a key and delete the key", Since: "6.2.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(2), Keys: KeyAt(1).As("RW access delete"), Flags: Fast, ACL: acl.String, Write: getDel},
		{Name: "GETEX", Syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
			Summary: "Get the value of a key and optionally set its expiration", Since: "6.2.0", Group: "string", Complexity: "O(1)",
			Arity: AtLeast(2), Keys: KeyAt(1).As("RW access update").Noted("RW and UPDATE because it changes the TTL"), Flags: Fast, ACL: acl.String,
			Read: get, Write: getEX, Stores: func(argv [][]byte) bool { return len(argv) > 2 }},
		{Name: "GETRANGE", Syntax: "key start end",
			Summary: "Get a substring of the string stored at a key", Since: "2.4.0", Group: "string", Complexity: getRangeCost,
			Arity: Exactly(4), Keys: KeyAt(1), ACL: acl.String, Read: getRange},
		{Name: "SUBSTR", Syntax: "key start end",
			Summary: "Get a substring of the string stored at a key", Since: "1.0.0", Group: "string", Complexity: getRangeCost,
			Arity: Exactly(4), Keys: KeyAt(1), ACL: acl.String, Read: getRange},
		{Name: "SETRANGE", Syntax: "key offset value",
			Summary: "Overwrite part of a string at key starting at the specified offset", Since: "2.2.0", Group: "string", Complexity: setRangeCost,
			Arity: Exactly(4), Keys: KeyAt(1), Flags: DenyOOM, ACL: acl.String, Write: setRange},
		{Name: "APPEND", Syntax: "key value",
			Summary: "Append a value to a key", Since: "2.0.0", Group: "string", Complexity: appendCost,
			Arity: Exactly(3), Keys: KeyAt(1).As("RW insert"), Flags: DenyOOM | Fast, ACL: acl.String, Write: appendTo},
		{Name: "STRLEN", Syntax: "key",
			Summary: "Get the length of the value stored in a key", Since: "2.2.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(2), Keys: KeyAt(1).As("RO"), Flags: Fast, ACL: acl.String, Read: strLen},
		{Name: "INCR", Syntax: "key",
			Summary: "Increment the integer value of a key by one", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(2), Keys: KeyAt(1).As("RW access update"), Flags: DenyOOM | Fast, ACL: acl.String, Write: incr},
		{Name: "DECR", Syntax: "key",
			Summary: "Decrement the integer value of a key by one", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(2), Keys: KeyAt(1).As("RW access update"), Flags: DenyOOM | Fast, ACL: acl.String, Write: decr},
		{Name: "INCRBY", Syntax: "key increment",
			Summary: "Increment the integer value of a key by the given amount", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(1).As("RW access update"), Flags: DenyOOM | Fast, ACL: acl.String, Write: incrBy},
		{Name: "DECRBY", Syntax: "key decrement",
			Summary: "Decrement the integer value of a key by the given number", Since: "1.0.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(1).As("RW access update"), Flags: DenyOOM | Fast, ACL: acl.String, Write: decrBy},
		{Name: "INCRBYFLOAT", Syntax: "key increment",
			Summary: "Increment the float value of a key by the given amount", Since: "2.6.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(1).As("RW access update"), Flags: DenyOOM | Fast, ACL: acl.String, Write: incrByFloat},
		{Name: "MGET", Syntax: "key [key ...]",
			Summary: "Get the values of all the given keys", Since: "1.0.0", Group: "string",
			Complexity: "O(N) where N is the number of keys to retrieve.",
			Arity:      AtLeast(2), Keys: KeysFromTo(1, -1, 1), Flags: Fast, ACL: acl.String,
			Tips: []string{"request_policy:multi_shard"}, Read: mGet},
		{Name: "MSET", Syntax: "key value [key value ...]",
			Summary: "Set multiple keys to multiple values", Since: "1.0.1", Group: "string",
			Complexity: "O(N) where N is the number of keys to set.",
			Arity:      AtLeast(3), Keys: KeysFromTo(1, -1, 2).As("OW update"), Flags: DenyOOM, ACL: acl.String,
			Tips: []string{"request_policy:multi_shard", "response_policy:all_succeeded"}, Write: mSet},
		{Name: "MSETNX", Syntax: "key value [key value ...]",
			Summary: "Set multiple keys to multiple values, only if none of the keys exist", Since: "1.0.1", Group: "string",
			Complexity: "O(N) where N is the number of keys to set.",
			Arity:      AtLeast(3), Keys: KeysFromTo(1, -1, 2).As("OW insert"), Flags: DenyOOM, ACL: acl.String,
			Tips: []string{"request_policy:multi_shard", "response_policy:agg_min"}, Write: mSetNX},
		{Name: "LCS", Syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]",
			Summary: "Find longest common substring", Since: "7.0.0", Group: "string",
			Complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
			Arity:      AtLeast(3), Keys: KeysFromTo(1, 2, 1), ACL: acl.String, Read: lcs},
	}
}

func setNX(c *WriteCall) (resp.Value, error) {
	done, err := c.Tx.SetString(c.At(1), c.At(2), keyspace.SetOptions{If: keyspace.SetIfAbsent})
	if done {
		c.Tx.Notify(keyspace.ClassString, "set", c.At(1))
	}
	return intOf(done), err
}

func setEX(c *WriteCall) (resp.Value, error) {
	return setFor(c, expiry{unit: seconds, at: 2, name: "setex"})
}

func pSetEX(c *WriteCall) (resp.Value, error) {
	return setFor(c, expiry{unit: milliseconds, at: 2, name: "psetex"})
}

func setFor(c *WriteCall, e expiry) (resp.Value, error) {
	deadline, err := e.deadline(c)
	if err != nil {
		return resp.None, err
	}
	options := keyspace.SetOptions{Deadline: deadline}
	if _, err = c.Tx.SetString(c.At(1), c.At(3), options); err != nil {
		return resp.None, err
	}
	c.Tx.NotifySet(c.At(1), options)
	return resp.OK(), nil
}

func get(c *ReadCall) (resp.Value, error) {
	value, ok, err := c.View.String(c.At(1))
	return bulkOrNull(value, ok), err
}

// oldString is the reply that tells the string at key as it is before the call writes, which ends the life of the
// store's own copy.
func oldString(tx *keyspace.Tx, key []byte) (resp.Value, error) {
	value, ok, err := tx.ReadString(key)
	return bulkOrNull(bytes.Clone(value), ok), err
}

func getSet(c *WriteCall) (resp.Value, error) {
	old, err := oldString(c.Tx, c.At(1))
	if err != nil {
		return resp.None, err
	}
	c.Tx.Set(c.At(1), c.At(2))
	return old, nil
}

func getDel(c *WriteCall) (resp.Value, error) {
	old, err := oldString(c.Tx, c.At(1))
	if err != nil {
		return resp.None, err
	}
	if c.Tx.Delete(c.At(1)) {
		c.Tx.Notify(keyspace.ClassGeneric, "del", c.At(1))
	}
	return old, nil
}

func getRange(c *ReadCall) (resp.Value, error) {
	start, err := c.Int(2)
	if err != nil {
		return resp.None, err
	}
	end, err := c.Int(3)
	if err != nil {
		return resp.None, err
	}
	value, _, err := c.View.String(c.At(1))
	return resp.Bulk(keyspace.Range(value, start, end)), err
}

func setRange(c *WriteCall) (resp.Value, error) {
	offset, err := c.Int(2)
	if err != nil {
		return resp.None, err
	}
	if offset < 0 {
		return resp.None, errOffset
	}
	n, err := c.Tx.SetRange(c.At(1), offset, c.At(3))
	return resp.Int(int64(n)), err
}

func appendTo(c *WriteCall) (resp.Value, error) {
	n, err := c.Tx.Append(c.At(1), c.At(2))
	return resp.Int(int64(n)), err
}

func strLen(c *ReadCall) (resp.Value, error) {
	n, err := c.View.StringLen(c.At(1))
	return resp.Int(int64(n)), err
}

func incr(c *WriteCall) (resp.Value, error) { return addInt(c, 1) }

func decr(c *WriteCall) (resp.Value, error) { return addInt(c, -1) }

func incrBy(c *WriteCall) (resp.Value, error) {
	delta, err := c.Int(2)
	if err != nil {
		return resp.None, err
	}
	return addInt(c, delta)
}

func decrBy(c *WriteCall) (resp.Value, error) {
	delta, err := c.Int(2)
	if err != nil {
		return resp.None, err
	}
	if delta == -delta && delta != 0 { // the least integer has no opposite
		return resp.None, errDecrement
	}
	return addInt(c, -delta)
}

func addInt(c *WriteCall, delta int64) (resp.Value, error) {
	n, err := c.Tx.Increment(c.At(1), delta)
	return resp.Int(n), err
}

func incrByFloat(c *WriteCall) (resp.Value, error) {
	sum, err := c.Tx.IncrementFloat(c.At(1), c.At(2))
	return resp.Bulk(sum), err
}

func mGet(c *ReadCall) (resp.Value, error) {
	list := make([]resp.Value, c.Len()-1)
	for i, key := range c.From(1) {
		value, ok, _ := c.View.String(key) // another type is as good as absent
		list[i] = bulkOrNull(value, ok)
	}
	return resp.Array(list...), nil
}

func mSet(c *WriteCall) (resp.Value, error) {
	if c.Len()%2 == 0 {
		return WrongArity("mset"), nil
	}
	c.Tx.SetAll(c.From(1))
	return resp.OK(), nil
}

func mSetNX(c *WriteCall) (resp.Value, error) {
	if c.Len()%2 == 0 {
		return WrongArity("msetnx"), nil
	}
	for i := 1; i < c.Len(); i += 2 {
		if _, ok := c.Tx.Lookup(c.At(i)); ok {
			return resp.Int(0), nil
		}
	}
	c.Tx.SetAll(c.From(1))
	return resp.Int(1), nil
}

func bulkOrNull(b []byte, ok bool) resp.Value {
	if !ok {
		return resp.Null()
	}
	return resp.Bulk(b)
}

func intOf(b bool) resp.Value {
	if b {
		return resp.Int(1)
	}
	return resp.Int(0)
}

package command

import (
	"errors"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// Errors of hash commands.
const (
	errHashInteger Error = "ERR hash value is not an integer"
	errHashFloat   Error = "ERR hash value is not a float"
	errInfinite    Error = "ERR value is NaN or Infinity"
)

// Hashes are the commands on hash keys, those with chance and on the life of fields apart.
func Hashes() []Spec {
	const whole = "O(N) where N is the size of the hash."
	anyOrder := []string{"nondeterministic_output_order"}
	specs := []Spec{
		{Name: "HSET", Syntax: "key field value [field value ...]",
			Summary: "Set the string value of a hash field", Since: "2.0.0", Group: "hash",
			Complexity: "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.",
			Arity:      AtLeast(4), Keys: KeyAt(1), Flags: DenyOOM | Fast, ACL: acl.Hash, Write: hSet},
		{Name: "HSETNX", Syntax: "key field value",
			Summary: "Set the value of a hash field, only if the field does not exist", Since: "2.0.0", Group: "hash", Complexity: "O(1)",
			Arity: Exactly(4), Keys: KeyAt(1).As("RW insert"), Flags: DenyOOM | Fast, ACL: acl.Hash, Write: hSetNX, Idle: hSetNothingNX},
		{Name: "HMSET", Syntax: "key field value [field value ...]",
			Summary: "Set multiple hash fields to multiple values", Since: "2.0.0", Group: "hash",
			Complexity: "O(N) where N is the number of fields being set.",
			Arity:      AtLeast(4), Keys: KeyAt(1), Flags: DenyOOM | Fast, ACL: acl.Hash, Write: hMSet},
		{Name: "HGET", Syntax: "key field",
			Summary: "Get the value of a hash field", Since: "2.0.0", Group: "hash", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(1), Flags: Fast, ACL: acl.Hash, Read: hGet},
		{Name: "HMGET", Syntax: "key field [field ...]",
			Summary: "Get the values of all the given hash fields", Since: "2.0.0", Group: "hash",
			Complexity: "O(N) where N is the number of fields being requested.",
			Arity:      AtLeast(3), Keys: KeyAt(1), Flags: Fast, ACL: acl.Hash, Read: hMGet},
		{Name: "HGETALL", Syntax: "key",
			Summary: "Get all the fields and values in a hash", Since: "2.0.0", Group: "hash", Complexity: whole,
			Arity: Exactly(2), Keys: KeyAt(1), ACL: acl.Hash, Tips: anyOrder, Read: hGetAll},
		{Name: "HKEYS", Syntax: "key",
			Summary: "Get all the fields in a hash", Since: "2.0.0", Group: "hash", Complexity: whole,
			Arity: Exactly(2), Keys: KeyAt(1), ACL: acl.Hash, Tips: anyOrder, Read: hKeys},
		{Name: "HVALS", Syntax: "key",
			Summary: "Get all the values in a hash", Since: "2.0.0", Group: "hash", Complexity: whole,
			Arity: Exactly(2), Keys: KeyAt(1), ACL: acl.Hash, Tips: anyOrder, Read: hVals},
		{Name: "HLEN", Syntax: "key",
			Summary: "Get the number of fields in a hash", Since: "2.0.0", Group: "hash", Complexity: "O(1)",
			Arity: Exactly(2), Keys: KeyAt(1).As("RO"), Flags: Fast, ACL: acl.Hash, Read: hLen},
		{Name: "HSTRLEN", Syntax: "key field",
			Summary: "Get the length of the value of a hash field", Since: "3.2.0", Group: "hash", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(1).As("RO"), Flags: Fast, ACL: acl.Hash, Read: hStrLen},
		{Name: "HEXISTS", Syntax: "key field",
			Summary: "Determine if a hash field exists", Since: "2.0.0", Group: "hash", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(1).As("RO"), Flags: Fast, ACL: acl.Hash, Read: hExists},
		{Name: "HDEL", Syntax: "key field [field ...]",
			Summary: "Delete one or more hash fields", Since: "2.0.0", Group: "hash",
			Complexity: "O(N) where N is the number of fields to be removed.",
			Arity:      AtLeast(3), Keys: KeyAt(1).As("RW delete"), Flags: Fast, ACL: acl.Hash, Write: hDel, Idle: hDelNothing},
		{Name: "HINCRBY", Syntax: "key field increment",
			Summary: "Increment the integer value of a hash field by the given number", Since: "2.0.0", Group: "hash", Complexity: "O(1)",
			Arity: Exactly(4), Keys: KeyAt(1).As("RW access update"), Flags: DenyOOM | Fast, ACL: acl.Hash, Write: hIncrBy},
		{Name: "HINCRBYFLOAT", Syntax: "key field increment",
			Summary: "Increment the float value of a hash field by the given amount", Since: "2.6.0", Group: "hash", Complexity: "O(1)",
			Arity: Exactly(4), Keys: KeyAt(1).As("RW access update"), Flags: DenyOOM | Fast, ACL: acl.Hash, Write: hIncrByFloat},
	}
	return append(specs, hashSamples()...)
}

func hSet(c *WriteCall) (resp.Value, error) {
	added, err := setFields(c, "hset")
	return resp.Int(int64(added)), err
}

func hMSet(c *WriteCall) (resp.Value, error) {
	_, err := setFields(c, "hmset")
	return resp.OK(), err
}

func setFields(c *WriteCall, name string) (added int, err error) {
	if c.Len()%2 == 1 {
		return 0, Error(WrongArity(name).Text())
	}
	h, err := c.Tx.Hash(c.At(1))
	if err != nil {
		return 0, err
	}
	for i := 2; i < c.Len(); i += 2 {
		if h.Set(c.At(i), c.At(i+1)) {
			added++
		}
	}
	c.Tx.Notify(keyspace.ClassHash, "hset", c.At(1))
	return added, nil
}

func hSetNX(c *WriteCall) (resp.Value, error) {
	h, err := c.Tx.Hash(c.At(1))
	if err != nil {
		return resp.None, err
	}
	if _, ok := h.Lookup(c.At(2)); ok {
		return resp.Int(0), nil
	}
	h.Set(c.At(2), c.At(3))
	c.Tx.Notify(keyspace.ClassHash, "hset", c.At(1))
	return resp.Int(1), nil
}

func hGet(c *ReadCall) (resp.Value, error) {
	h, ok, err := c.View.Hash(c.At(1))
	if !ok {
		return resp.Null(), err
	}
	return valueOf(h.Lookup(c.At(2))), nil
}

// valueOf is the value of a field, or null.
func valueOf(e mvcc.Element, ok bool) resp.Value {
	if !ok {
		return resp.Null()
	}
	return resp.Bulk(e.Value)
}

func hMGet(c *ReadCall) (resp.Value, error) {
	h, ok, err := c.View.Hash(c.At(1))
	if err != nil {
		return resp.None, err
	}
	list := make([]resp.Value, 0, c.Len()-2)
	for _, field := range c.From(2) {
		value := resp.Null()
		if ok {
			value = valueOf(h.Lookup(field))
		}
		list = append(list, value)
	}
	return resp.Array(list...), nil
}

func hGetAll(c *ReadCall) (resp.Value, error) {
	return wholeHash(c, (*resp.Reply).Map, func(r *resp.Reply, e *mvcc.Element) {
		r.Bulk(e.Name)
		r.Bulk(e.Value)
	})
}

func hKeys(c *ReadCall) (resp.Value, error) {
	return wholeHash(c, (*resp.Reply).Array, func(r *resp.Reply, e *mvcc.Element) { r.Bulk(e.Name) })
}

func hVals(c *ReadCall) (resp.Value, error) {
	return wholeHash(c, (*resp.Reply).Array, func(r *resp.Reply, e *mvcc.Element) { r.Bulk(e.Value) })
}

// wholeHash shows each field of the hash at the first argument in a reply that begins with their number.
func wholeHash(c *ReadCall, begin func(*resp.Reply, int), show func(*resp.Reply, *mvcc.Element)) (resp.Value, error) {
	reply := c.long()
	h, ok, err := c.View.Hash(c.At(1))
	if !ok || c.View.Long(h.Len()) {
		begin(reply, 0)
		return reply.Value(), err
	}
	begin(reply, h.Len())
	h.All(func(e *mvcc.Element) { show(reply, e) })
	return reply.Value(), nil
}

func hLen(c *ReadCall) (resp.Value, error) {
	h, ok, err := c.View.Hash(c.At(1))
	if !ok {
		return resp.Int(0), err
	}
	return resp.Int(int64(h.Len())), nil
}

func hStrLen(c *ReadCall) (resp.Value, error) {
	h, ok, err := c.View.Hash(c.At(1))
	if !ok {
		return resp.Int(0), err
	}
	e, _ := h.Lookup(c.At(2))
	return resp.Int(int64(len(e.Value))), nil
}

func hExists(c *ReadCall) (resp.Value, error) {
	h, ok, err := c.View.Hash(c.At(1))
	if ok {
		_, ok = h.Lookup(c.At(2))
	}
	return oneIf(ok, err)
}

func hDel(c *WriteCall) (resp.Value, error) {
	h, err := c.Tx.Hash(c.At(1))
	if err != nil || !h.Exists() {
		return resp.Int(0), err
	}
	deleted := 0
	for _, field := range c.From(2) {
		if h.Delete(field) {
			deleted++
		}
	}
	if deleted > 0 {
		c.Tx.Notify(keyspace.ClassHash, "hdel", c.At(1))
		h.Gone()
	}
	return resp.Int(int64(deleted)), nil
}

func hIncrBy(c *WriteCall) (resp.Value, error) {
	delta, err := c.Int(3)
	if err != nil {
		return resp.None, err
	}
	h, err := c.Tx.Hash(c.At(1))
	if err != nil {
		return resp.None, err
	}
	n, err := h.Increment(c.At(2), delta)
	if errors.Is(err, keyspace.ErrNotInteger) {
		err = errHashInteger
	}
	if err != nil {
		return resp.None, err
	}
	c.Tx.Notify(keyspace.ClassHash, "hincrby", c.At(1))
	return resp.Int(n), nil
}

func hIncrByFloat(c *WriteCall) (resp.Value, error) {
	if _, err := keyspace.FloatSum([]byte("0"), c.At(3)); errors.Is(err, keyspace.ErrNaN) {
		return resp.None, errInfinite
	} else if err != nil {
		return resp.None, err
	}
	h, err := c.Tx.Hash(c.At(1))
	if err != nil {
		return resp.None, err
	}
	sum, err := h.IncrementFloat(c.At(2), c.At(3))
	if errors.Is(err, keyspace.ErrNotFloat) {
		err = errHashFloat
	}
	if err != nil {
		return resp.None, err
	}
	c.Tx.Notify(keyspace.ClassHash, "hincrbyfloat", c.At(1))
	return resp.Bulk(sum), nil
}

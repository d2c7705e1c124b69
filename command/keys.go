package command

import (
	"math"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// Generics are the commands on keys of any type and on databases.
func Generics() []Spec {
	return []Spec{
		{Name: "DEL", Syntax: "key [key ...]", Summary: "Delete a key", Since: "1.0.0", Group: "generic",
			Complexity: "O(N) where N is the number of keys that will be removed. When a key to remove holds a value other than a string, the individual complexity for this key is O(M) where M is the number of elements in the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).",
			Arity:      AtLeast(2), Keys: KeysFromTo(1, -1, 1).As("RM delete"), ACL: acl.Keyspace, Tips: tipsSum(), Write: del, Idle: deleteNothing},
		{Name: "UNLINK", Syntax: "key [key ...]",
			Summary: "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non blocking.",
			Since:   "4.0.0", Group: "generic",
			Complexity: "O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread in order to reclaim memory, where N is the number of allocations the deleted objects where composed of.",
			Arity:      AtLeast(2), Keys: KeysFromTo(1, -1, 1).As("RM delete"), Flags: Fast, ACL: acl.Keyspace, Tips: tipsSum(), Write: del, Idle: deleteNothing},
		{Name: "EXISTS", Syntax: "key [key ...]", Summary: "Determine if a key exists", Since: "1.0.0", Group: "generic",
			Complexity: "O(N) where N is the number of keys to check.",
			Arity:      AtLeast(2), Keys: KeysFromTo(1, -1, 1).As("RO"), Flags: Fast, ACL: acl.Keyspace, Tips: tipsSum(), Read: exists},
		{Name: "TYPE", Syntax: "key", Summary: "Determine the type stored at key", Since: "1.0.0", Group: "generic",
			Complexity: "O(1)", Arity: Exactly(2), Keys: KeyAt(1).As("RO"), Flags: Fast, ACL: acl.Keyspace, Read: typeOf},
		{Name: "RANDOMKEY", Summary: "Return a random key from the keyspace", Since: "1.0.0", Group: "generic",
			Complexity: "O(1)", Arity: Exactly(1), ACL: acl.Keyspace,
			Tips: []string{"request_policy:all_shards", "nondeterministic_output"}, Read: randomKey},
		{Name: "RENAME", Syntax: "key newkey", Summary: "Rename a key", Since: "1.0.0", Group: "generic",
			Complexity: "O(1)", Arity: Exactly(3), Keys: KeysFromTo(1, 2, 1).With(KeySpec{Index: 1, Access: "RW access delete"}, KeySpec{Index: 2, Access: "OW update"}), ACL: acl.Keyspace, Write: rename},
		{Name: "RENAMENX", Syntax: "key newkey", Summary: "Rename a key, only if the new key does not exist",
			Since: "1.0.0", Group: "generic", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeysFromTo(1, 2, 1).With(KeySpec{Index: 1, Access: "RW access delete"}, KeySpec{Index: 2, Access: "OW insert"}), Flags: Fast, ACL: acl.Keyspace, Write: renameNX},
		{Name: "COPY", Syntax: "source destination [DB destination-db] [REPLACE]", Summary: "Copy a key", Since: "6.2.0",
			Group:      "generic",
			Complexity: "O(N) worst case for collections, where N is the number of nested items. O(1) for string values.",
			Arity:      AtLeast(3), Keys: KeysFromTo(1, 2, 1).With(KeySpec{Index: 1, Access: "RO access"}, KeySpec{Index: 2, Access: "OW update"}), Flags: DenyOOM, ACL: acl.Keyspace, Write: copyKey},
		{Name: "MOVE", Syntax: "key db", Summary: "Move a key to another database", Since: "1.0.0", Group: "generic",
			Complexity: "O(1)", Arity: Exactly(3), Keys: KeyAt(1).As("RW access update"), Flags: Fast, ACL: acl.Keyspace, Write: move},
		{Name: "TOUCH", Syntax: "key [key ...]",
			Summary: "Alters the last access time of a key(s). Returns the number of existing keys specified.",
			Since:   "3.2.1", Group: "generic", Complexity: "O(N) where N is the number of keys that will be touched.",
			Arity: AtLeast(2), Keys: KeysFromTo(1, -1, 1).As("RO"), Flags: Fast, ACL: acl.Keyspace, Tips: tipsSum(), Read: touch},
		{Name: "OBJECT", Summary: "A container for object introspection commands", Since: "2.2.3", Group: "generic",
			Complexity: "Depends on subcommand.", Arity: AtLeast(2), Sub: objects()},
		{Name: "DBSIZE", Summary: "Return the number of keys in the selected database", Since: "1.0.0", Group: "server",
			Complexity: "O(1)", Arity: Exactly(1), Flags: Fast, ACL: acl.Keyspace,
			Tips: []string{"request_policy:all_shards", "response_policy:agg_sum"}, Read: dbSize},
		{Name: "FLUSHDB", Syntax: "[ASYNC | SYNC]", Summary: "Remove all keys from the current database", Since: "1.0.0",
			Group: "server", Complexity: "O(N) where N is the number of keys in the selected database",
			Arity: AtLeast(1), ACL: acl.Keyspace | acl.Dangerous,
			Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"}, Write: flushDB},
		{Name: "FLUSHALL", Syntax: "[ASYNC | SYNC]", Summary: "Remove all keys from all databases", Since: "1.0.0",
			Group: "server", Complexity: "O(N) where N is the total number of keys in all databases",
			Arity: AtLeast(1), ACL: acl.Keyspace | acl.Dangerous,
			Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"}, Write: flushAll},
		{Name: "SWAPDB", Syntax: "index1 index2", Summary: "Swaps two Redis databases", Since: "4.0.0", Group: "server",
			Complexity: "O(N) where N is the count of clients watching or blocking on keys from both databases.",
			Arity:      Exactly(3), Flags: Fast, ACL: acl.Keyspace | acl.Dangerous, Write: swapDB},
	}
}

// tipsSum are the hints of commands on several keys that answer with a count.
func tipsSum() []string { return []string{"request_policy:multi_shard", "response_policy:agg_sum"} }

func del(c *WriteCall) (resp.Value, error) {
	n := 0
	for _, key := range c.From(1) {
		if c.Tx.Delete(key) {
			c.Tx.Notify(keyspace.ClassGeneric, "del", key)
			n++
		}
	}
	return resp.Int(int64(n)), nil
}

func exists(c *ReadCall) (resp.Value, error) {
	n := 0
	for _, key := range c.From(1) {
		if _, ok := c.View.Lookup(key); ok {
			n++
		}
	}
	return resp.Int(int64(n)), nil
}

func typeOf(c *ReadCall) (resp.Value, error) {
	it, _ := c.View.Lookup(c.At(1))
	return resp.Simple(keyspace.TypeName(it.Type)), nil
}

func randomKey(c *ReadCall) (resp.Value, error) {
	if key, ok := c.View.Random(); ok {
		return resp.Bulk(key), nil
	}
	return resp.Null(), nil
}

func rename(c *WriteCall) (resp.Value, error) {
	if _, err := c.Tx.Rename(c.At(1), c.At(2), false); err != nil {
		return resp.None, err
	}
	return resp.OK(), nil
}

func renameNX(c *WriteCall) (resp.Value, error) {
	return oneIf(c.Tx.Rename(c.At(1), c.At(2), true))
}

func copyKey(c *WriteCall) (resp.Value, error) {
	db, replace := c.Tx.Database(), false
	for i := 3; i < c.Len(); i++ {
		switch {
		case c.Is(i, "REPLACE"):
			replace = true
		case c.Is(i, "DB") && i+1 < c.Len():
			var err error
			if db, err = c.database(i+1, c.Tx.Databases()); err != nil {
				return resp.None, err
			}
			i++
		default:
			return resp.None, errSyntax
		}
	}
	return oneIf(c.Tx.Copy(c.At(1), db, c.At(2), replace))
}

func move(c *WriteCall) (resp.Value, error) {
	db, err := c.database(2, c.Tx.Databases())
	if err != nil {
		return resp.None, err
	}
	return oneIf(c.Tx.Move(c.At(1), db))
}

func touch(c *ReadCall) (resp.Value, error) {
	n := 0
	for _, key := range c.From(1) {
		if c.View.Touch(key) {
			n++
		}
	}
	return resp.Int(int64(n)), nil
}

func dbSize(c *ReadCall) (resp.Value, error) { return resp.Int(int64(c.View.Len())), nil }

func flushDB(c *WriteCall) (resp.Value, error) {
	if !c.flushMode() {
		return resp.None, errSyntax
	}
	c.Tx.Flush()
	return resp.OK(), nil
}

func flushAll(c *WriteCall) (resp.Value, error) {
	if !c.flushMode() {
		return resp.None, errSyntax
	}
	c.Tx.FlushAll()
	return resp.OK(), nil
}

// flushMode checks the option of a flush. Either way the keys vanish at once and their memory comes back in steps.
func (a args) flushMode() bool {
	return a.Len() == 1 || a.Len() == 2 && (a.Is(1, "ASYNC") || a.Is(1, "SYNC"))
}

func swapDB(c *WriteCall) (resp.Value, error) {
	first, ok := parseInt(c.At(1))
	if !ok || first != int64(int32(first)) {
		return resp.None, errFirstDB
	}
	second, ok := parseInt(c.At(2))
	if !ok || second != int64(int32(second)) {
		return resp.None, errSecondDB
	}
	if first < 0 || second < 0 {
		return resp.None, errDBIndex
	}
	if err := c.Tx.Swap(uint32(first), uint32(second)); err != nil {
		return resp.None, err
	}
	return resp.OK(), nil
}

// database is argument i as the number of one of n databases.
func (a args) database(i int, n uint32) (uint32, error) {
	db, err := a.Int(i)
	switch {
	case err != nil:
		return 0, err
	case db < math.MinInt32 || db > math.MaxInt32:
		return 0, errInt32
	case db < 0 || db >= int64(n):
		return 0, errDBIndex
	}
	return uint32(db), nil
}

// oneIf is the reply of commands that tell whether they did something.
func oneIf(done bool, err error) (resp.Value, error) {
	switch {
	case err != nil:
		return resp.None, err
	case done:
		return resp.Int(1), nil
	}
	return resp.Int(0), nil
}

package command

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// Errors of OBJECT, which shows uses as the policy goes by them.
const (
	errNoLFU Error = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. " + whenSwitching
	errLFU   Error = "ERR An LFU maxmemory policy is selected, idle time not tracked. " + whenSwitching

	whenSwitching = "Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
)

// objects are the subcommands of OBJECT.
func objects() []Spec {
	object := func(name, since, summary string, read func(*ReadCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: "key", Summary: summary, Since: since, Group: "generic", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(2).As("RO"), ACL: acl.Keyspace, Tips: []string{"nondeterministic_output"}, Read: read}
	}
	return []Spec{
		object("ENCODING", "2.2.3", "Inspect the internal encoding of a Redis object", objectEncoding),
		object("FREQ", "4.0.0", "Get the logarithmic access frequency counter of a Redis object", objectFreq),
		object("IDLETIME", "2.2.3", "Get the time since a Redis object was last accessed", objectIdleTime),
		object("REFCOUNT", "2.2.3", "Get the number of references to the value of the key", objectRefCount),
		{Name: "HELP", Summary: "Show helpful text about the different subcommands", Since: "6.2.0", Group: "generic",
			Complexity: "O(1)", Arity: Exactly(2), Flags: Loading | Stale | Immediate, ACL: acl.Keyspace, Read: objectHelp},
	}
}

func objectEncoding(c *ReadCall) (resp.Value, error) {
	it, ok := c.View.Find(c.At(2))
	if !ok {
		return resp.Null(), nil
	}
	if it.Type == mvcc.String {
		return resp.BulkString(keyspace.StringEncoding(it.Hint, c.View.Peek(it))), nil
	}
	return resp.BulkString(keyspace.Encoding(it)), nil
}

func objectFreq(c *ReadCall) (resp.Value, error) {
	it, ok := c.View.Find(c.At(2))
	switch {
	case !ok:
		return resp.Null(), nil
	case !c.View.UseSettings().Policy.LFU():
		return resp.None, errNoLFU
	}
	return resp.Int(int64(c.View.Frequency(it))), nil
}

func objectIdleTime(c *ReadCall) (resp.Value, error) {
	it, ok := c.View.Find(c.At(2))
	switch {
	case !ok:
		return resp.Null(), nil
	case c.View.UseSettings().Policy.LFU():
		return resp.None, errLFU
	}
	return resp.Int(c.View.IdleTime(it) / 1000), nil
}

// Redis shares one object among all values that are small integers, and says of it what OBJECT REFCOUNT
// says of any object it never frees.
const (
	sharedIntegers = 10000
	sharedRefCount = 1<<31 - 1
)

func objectRefCount(c *ReadCall) (resp.Value, error) {
	it, ok := c.View.Find(c.At(2))
	if !ok {
		return resp.Null(), nil
	}
	if it.Type == mvcc.String && it.Hint == keyspace.HintContent && it.Len <= len("9999") && !c.View.UseSettings().Unshared {
		if n, ok := parseInt(c.View.Peek(it)); ok && 0 <= n && n < sharedIntegers {
			return resp.Int(sharedRefCount), nil
		}
	}
	return resp.Int(1), nil
}

func objectHelp(*ReadCall) (resp.Value, error) {
	return help("OBJECT",
		"ENCODING <key>",
		"    Return the kind of internal representation used in order to store the value",
		"    associated with a <key>.",
		"FREQ <key>",
		"    Return the access frequency index of the <key>. The returned integer is",
		"    proportional to the logarithm of the recent access frequency of the key.",
		"IDLETIME <key>",
		"    Return the idle time of the <key>, that is the approximated number of",
		"    seconds elapsed since the last access to the key.",
		"REFCOUNT <key>",
		"    Return the number of references of the value associated with the specified",
		"    <key>.",
	), nil
}

// help is the reply of a container's HELP: Redis' frame around the lines.
func help(container string, lines ...string) resp.Value {
	list := []resp.Value{resp.Simple(container + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")}
	for _, line := range lines {
		list = append(list, resp.Simple(line))
	}
	return resp.Array(append(list, resp.Simple("HELP"), resp.Simple("    Prints this help."))...)
}

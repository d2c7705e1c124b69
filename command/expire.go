package command

import (
	"math"
	"strings"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// Errors of the options of EXPIRE and its relatives.
const (
	errExpireNX Error = "ERR NX and XX, GT or LT options at the same time are not compatible"
	errExpireGT Error = "ERR GT and LT options at the same time are not compatible"
)

// Expires are the commands on the time to live of keys.
func Expires() []Spec {
	set := func(name, unit, since, summary string, write func(*WriteCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: "key " + unit + " [NX | XX | GT | LT]", Summary: summary, Since: since,
			Group: "generic", Complexity: "O(1)",
			Arity: AtLeast(3), Keys: KeyAt(1), Flags: Fast, ACL: acl.Keyspace, Write: write}
	}
	tell := func(name, since, summary string, tips []string, read func(*ReadCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: "key", Summary: summary, Since: since, Group: "generic", Complexity: "O(1)",
			Arity: Exactly(2), Keys: KeyAt(1), Flags: Fast, ACL: acl.Keyspace, Tips: tips, Read: read}
	}
	changing := []string{"nondeterministic_output"}
	return []Spec{
		set("EXPIRE", "seconds", "1.0.0", "Set a key's time to live in seconds", expire),
		set("PEXPIRE", "milliseconds", "2.6.0", "Set a key's time to live in milliseconds", pexpire),
		set("EXPIREAT", "unix-time-seconds", "1.2.0", "Set the expiration for a key as a UNIX timestamp", expireAt),
		set("PEXPIREAT", "unix-time-milliseconds", "2.6.0",
			"Set the expiration for a key as a UNIX timestamp specified in milliseconds", pexpireAt),
		tell("TTL", "1.0.0", "Get the time to live for a key in seconds", changing, ttl),
		tell("PTTL", "2.6.0", "Get the time to live for a key in milliseconds", changing, pttl),
		tell("EXPIRETIME", "7.0.0", "Get the expiration Unix timestamp for a key", nil, expireTime),
		tell("PEXPIRETIME", "7.0.0", "Get the expiration Unix timestamp for a key in milliseconds", nil, pexpireTime),
		{Name: "PERSIST", Syntax: "key", Summary: "Remove the expiration from a key", Since: "2.2.0", Group: "generic",
			Complexity: "O(1)", Arity: Exactly(2), Keys: KeyAt(1), Flags: Fast, ACL: acl.Keyspace, Write: persist},
	}
}

func expire(c *WriteCall) (resp.Value, error)    { return c.expire("expire", 1000, c.Tx.Counted()) }
func pexpire(c *WriteCall) (resp.Value, error)   { return c.expire("pexpire", 1, c.Tx.Counted()) }
func expireAt(c *WriteCall) (resp.Value, error)  { return c.expire("expireat", 1000, 0) }
func pexpireAt(c *WriteCall) (resp.Value, error) { return c.expire("pexpireat", 1, 0) }

// expire reads a time in units of so many milliseconds after base. Options are checked before the number, as in
// Redis.
func (c *WriteCall) expire(name string, unit, base int64) (resp.Value, error) {
	when, err := c.expireOptions(3)
	if err != nil {
		return resp.None, err
	}
	n, err := c.Int(2)
	if err != nil {
		return resp.None, err
	}
	if n > math.MaxInt64/unit || n < math.MinInt64/unit || n*unit > math.MaxInt64-base {
		return resp.None, Error("ERR invalid expire time in '" + name + "' command")
	}
	return oneIf(c.Tx.Expire(c.At(1), n*unit+base, when), nil)
}

func (a args) expireOptions(i int) (when keyspace.ExpireIf, err error) {
	for ; i < a.Len(); i++ {
		switch {
		case a.Is(i, "NX"):
			when |= keyspace.IfNoDeadline
		case a.Is(i, "XX"):
			when |= keyspace.IfDeadline
		case a.Is(i, "GT"):
			when |= keyspace.IfLater
		case a.Is(i, "LT"):
			when |= keyspace.IfEarlier
		default:
			return 0, Error("ERR Unsupported option " + cString(a.At(i)))
		}
	}
	switch {
	case when&keyspace.IfNoDeadline != 0 && when != keyspace.IfNoDeadline:
		return 0, errExpireNX
	case when&keyspace.IfLater != 0 && when&keyspace.IfEarlier != 0:
		return 0, errExpireGT
	}
	return when, nil
}

// cString is an argument as it shows in an error made by C's %s: it ends at a zero byte.
func cString(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

func ttl(c *ReadCall) (resp.Value, error)  { return c.ttl(1000, (*keyspace.View).TTL) }
func pttl(c *ReadCall) (resp.Value, error) { return c.ttl(1, (*keyspace.View).TTL) }

func expireTime(c *ReadCall) (resp.Value, error)  { return c.ttl(1000, (*keyspace.View).ExpireTime) }
func pexpireTime(c *ReadCall) (resp.Value, error) { return c.ttl(1, (*keyspace.View).ExpireTime) }

// ttl answers in units of so many milliseconds, rounded, with what tell says: -1 without deadline.
func (c *ReadCall) ttl(unit int64, tell func(*keyspace.View, mvcc.Item) int64) (resp.Value, error) {
	it, ok := c.View.Lookup(c.At(1))
	if !ok {
		return resp.Int(-2), nil
	}
	n := tell(c.View, it)
	if n < 0 {
		return resp.Int(-1), nil
	}
	return resp.Int(n/unit + n%unit*2/unit), nil
}

func persist(c *WriteCall) (resp.Value, error) { return oneIf(c.Tx.Persist(c.At(1)), nil) }

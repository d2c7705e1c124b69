package command

import (
	"github.com/redoubt-db/redoubt/resp"
)

// Names of internal commands. They begin with a space, so no client's command is mistaken for one. " CLOCK" is
// sm's own.
const (
	Tick        = " TICK"         // moves log time, nothing else
	ExpireKeys  = " EXPIRE"       // key [key ...]: ends those of the request's database that are due
	RevokeDue   = " REVOKE-DUE"   // id [id ...]: revokes those leases that are due
	ExtendLease = " EXTEND"       // from id [id ...]: gives leases that are not due their full time again, from that log time on
	Configure   = " CONFIG"       // name value [name value ...]: sets directives that all nodes agree on
	CompactStep = " COMPACT-STEP" // max: one bounded step of compaction; alone in its request
)

// Internals are the commands that nodes propose on their own account.
func Internals() []Spec {
	return []Spec{
		{Name: Tick, Summary: "Move log time.", Since: "redoubt", Group: "redoubt", Complexity: "O(1)",
			Arity: Exactly(1), Flags: Internal | Fast, Write: nothing},
		{Name: ExpireKeys, Syntax: "key [key ...]", Summary: "End keys past their deadlines.", Since: "redoubt",
			Group: "redoubt", Complexity: "O(N) with N being the number of keys.",
			Arity: AtLeast(2), Keys: KeysFromTo(1, -1, 1), Flags: Internal | Fast, Write: expireKeys},
		{Name: RevokeDue, Syntax: "id [id ...]", Summary: "Revoke leases past their deadlines.", Since: "redoubt",
			Group: "redoubt", Complexity: "O(N) with N being the number of keys attached.",
			Arity: AtLeast(2), Flags: Internal, Write: revokeDue},
		{Name: ExtendLease, Syntax: "from id [id ...]", Summary: "Give leases their full time again.", Since: "redoubt",
			Group: "redoubt", Complexity: "O(N) with N being the number of leases.",
			Arity: AtLeast(3), Flags: Internal, Write: extendLeases},
		{Name: Configure, Syntax: "name value [name value ...]", Summary: "Set directives of the whole cluster.", Since: "redoubt",
			Group: "redoubt", Complexity: "O(N) with N being the number of directives.",
			Arity: AtLeast(3), Flags: Internal, Write: configure},
		{Name: CompactStep, Syntax: "max", Summary: "Free some of what compaction passed.", Since: "redoubt",
			Group: "redoubt", Complexity: "O(N) with N being max.",
			Arity: Exactly(2), Flags: Internal, Write: compactStep},
	}
}

func nothing(*WriteCall) (resp.Value, error) { return resp.OK(), nil }

func expireKeys(c *WriteCall) (resp.Value, error) {
	for _, key := range c.From(1) {
		c.Tx.Lookup(key)
	}
	return resp.OK(), nil
}

func revokeDue(c *WriteCall) (resp.Value, error) {
	for i := 1; i < c.Len(); i++ {
		id, err := c.Int(i)
		if err != nil {
			return resp.None, err
		}
		c.Tx.RevokeDue(uint64(id))
	}
	return resp.OK(), nil
}

func extendLeases(c *WriteCall) (resp.Value, error) {
	from, err := c.Int(1)
	if err != nil {
		return resp.None, err
	}
	for i := 2; i < c.Len(); i++ {
		id, err := c.Int(i)
		if err != nil {
			return resp.None, err
		}
		c.Tx.ExtendLease(uint64(id), from)
	}
	return resp.OK(), nil
}

func configure(c *WriteCall) (resp.Value, error) {
	if c.Len()%2 == 0 {
		return resp.None, errSyntax
	}
	for i := 1; i < c.Len(); i += 2 {
		c.Tx.Configure(string(c.At(i)), string(c.At(i+1)))
	}
	return resp.OK(), nil
}

func compactStep(c *WriteCall) (resp.Value, error) {
	steps, err := c.Int(1)
	if err != nil {
		return resp.None, err
	}
	c.Tx.CompactStep(int(steps))
	return resp.OK(), nil
}

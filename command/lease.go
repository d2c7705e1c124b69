package command

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/resp"
)

// Leases are the commands on shared leases.
func Leases() []Spec {
	return []Spec{{Name: "LEASE", Summary: "A container for commands on shared leases", Since: "redoubt", Group: "redoubt",
		Complexity: "Depends on subcommand.", Arity: AtLeast(2), Sub: leaseCommands()}}
}

func leaseCommands() []Spec {
	sub := func(s Spec) Spec {
		s.Since, s.Group, s.ACL = "redoubt", "redoubt", s.ACL|acl.Keyspace
		return s
	}
	return []Spec{
		sub(Spec{Name: "GRANT", Syntax: "ttl-ms [ID id]",
			Summary:    "Make a lease of so many milliseconds and return its id, chosen by chance or given.",
			Complexity: "O(log(N)) with N being the number of leases.", Arity: Between(3, 5), Flags: Fast | DenyOOM,
			Write: leaseGrant}),
		sub(Spec{Name: "KEEPALIVE", Syntax: "id",
			Summary:    "Give a lease its full time to live again and return it in milliseconds.",
			Complexity: "O(log(N)) with N being the number of leases.", Arity: Exactly(3), Flags: Fast, Write: leaseKeepAlive}),
		sub(Spec{Name: "REVOKE", Syntax: "id",
			Summary:    "End a lease and delete its keys, all in one revision; return how many keys that were.",
			Complexity: "O(N) with N being the number of keys attached.", Arity: Exactly(3), Write: leaseRevoke}),
		sub(Spec{Name: "TTL", Syntax: "id [KEYS]",
			Summary:    "Tell what is left of a lease and what was granted, in milliseconds, and which keys are attached.",
			Complexity: "O(1), with KEYS O(N) with N being the number of keys attached.", Arity: Between(3, 4), Read: leaseTTL}),
		sub(Spec{Name: "LIST", Summary: "List the ids of all leases.",
			Complexity: "O(N) with N being the number of leases.", Arity: Exactly(2), Flags: Long, Read: leaseList}),
		sub(Spec{Name: "ATTACH", Syntax: "id key [key ...]",
			Summary:    "Attach keys to a lease, in place of any other deadline; return how many were not attached before.",
			Complexity: "O(N) with N being the number of keys.", Arity: AtLeast(4), Keys: KeysFromTo(3, -1, 1), Flags: Fast,
			Write: leaseAttach}),
		sub(Spec{Name: "DETACH", Syntax: "key [key ...]",
			Summary:    "Take keys off their lease, so that they live on without it; return how many were attached.",
			Complexity: "O(N) with N being the number of keys.", Arity: AtLeast(3), Keys: KeysFromTo(2, -1, 1), Flags: Fast,
			Write: leaseDetach}),
		sub(Spec{Name: "HELP", Summary: "Show helpful text about the different subcommands", Complexity: "O(1)",
			Arity: Exactly(2), Flags: Loading | Stale | Immediate, Read: leaseHelp}),
	}
}

func leaseGrant(c *WriteCall) (resp.Value, error) {
	ttl, err := c.Int(2)
	if err != nil {
		return resp.None, err
	}
	var id uint64
	if c.Len() > 3 {
		if c.Len() != 5 || !c.Is(3, "ID") {
			return resp.None, errSyntax
		}
		if id, err = c.leaseID(4); err != nil {
			return resp.None, err
		}
	}
	if id, err = c.Tx.Grant(id, ttl); err != nil {
		return resp.None, err
	}
	return resp.Int(int64(id)), nil
}

// leaseID is argument i as the id of a lease.
func (a args) leaseID(i int) (uint64, error) {
	n, ok := parseInt(a.At(i))
	if !ok || n < 0 {
		return 0, errLeaseID
	}
	return uint64(n), nil
}

func leaseKeepAlive(c *WriteCall) (resp.Value, error) {
	id, err := c.leaseID(2)
	if err != nil {
		return resp.None, err
	}
	ttl, err := c.Tx.KeepAlive(id)
	if err != nil {
		return resp.None, err
	}
	return resp.Int(ttl), nil
}

func leaseRevoke(c *WriteCall) (resp.Value, error) {
	id, err := c.leaseID(2)
	if err != nil {
		return resp.None, err
	}
	keys, err := c.Tx.Revoke(id)
	if err != nil {
		return resp.None, err
	}
	return resp.Int(int64(keys)), nil
}

func leaseTTL(c *ReadCall) (resp.Value, error) {
	id, err := c.leaseID(2)
	if err != nil {
		return resp.None, err
	}
	if c.Len() > 3 && !c.Is(3, "KEYS") {
		return resp.None, errSyntax
	}
	left, granted, err := c.View.Lease(id)
	if err != nil {
		return resp.None, err
	}
	pairs := []resp.Value{
		resp.BulkString("ttl"), resp.Int(left),
		resp.BulkString("granted"), resp.Int(granted),
	}
	if c.Len() > 3 {
		list := []resp.Value{}
		for _, k := range c.View.LeaseKeys(id) {
			list = append(list, resp.Array(resp.Int(int64(k.DB)), resp.Bulk(k.Key)))
		}
		pairs = append(pairs, resp.BulkString("keys"), resp.Array(list...))
	}
	return resp.Map(pairs...), nil
}

func leaseList(c *ReadCall) (resp.Value, error) {
	var list []resp.Value
	for _, id := range c.View.Leases() {
		list = append(list, resp.Int(int64(id)))
	}
	return resp.Array(list...), nil
}

func leaseAttach(c *WriteCall) (resp.Value, error) {
	id, err := c.leaseID(2)
	if err != nil {
		return resp.None, err
	}
	n := 0
	for _, key := range c.From(3) {
		done, err := c.Tx.Attach(id, key)
		if err != nil {
			return resp.None, err
		}
		if done {
			n++
		}
	}
	return resp.Int(int64(n)), nil
}

func leaseDetach(c *WriteCall) (resp.Value, error) {
	n := 0
	for _, key := range c.From(2) {
		if c.Tx.Detach(key) {
			n++
		}
	}
	return resp.Int(int64(n)), nil
}

func leaseHelp(*ReadCall) (resp.Value, error) {
	return help("LEASE",
		"ATTACH <id> <key> [<key> ...]",
		"    Attach keys to a lease, in place of any other deadline.",
		"DETACH <key> [<key> ...]",
		"    Take keys off their lease; they live on.",
		"GRANT <ttl-ms> [ID <id>]",
		"    Make a lease and return its id.",
		"KEEPALIVE <id>",
		"    Give a lease its full time to live again.",
		"LIST",
		"    List the ids of all leases.",
		"REVOKE <id>",
		"    End a lease and delete its keys.",
		"TTL <id> [KEYS]",
		"    Tell what is left of a lease, and its keys with their databases.",
	), nil
}

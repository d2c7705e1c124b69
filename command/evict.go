package command

import "github.com/redoubt-db/redoubt/resp"

// EvictKeys is the internal command that makes room: "key revision [key revision ...]" ends those of the request's
// database that have not changed since.
const EvictKeys = " EVICT"

// evictions are the commands by which nodes make room.
func evictions() []Spec {
	return []Spec{
		{Name: EvictKeys, Syntax: "key revision [key revision ...]", Summary: "End keys chosen to make room.", Since: "redoubt",
			Group: "redoubt", Complexity: "O(N) with N being the number of keys.",
			Arity: AtLeast(3), Keys: KeysFromTo(1, -1, 2), Flags: Internal | Fast, Write: evictKeys},
	}
}

func evictKeys(c *WriteCall) (resp.Value, error) {
	if c.Len()%2 == 0 {
		return resp.None, errSyntax
	}
	for i := 1; i < c.Len(); i += 2 {
		mod, err := c.revision(i + 1)
		if err != nil {
			return resp.None, err
		}
		c.Tx.Evict(c.At(i), mod)
	}
	return resp.OK(), nil
}

package command

import "github.com/redoubt-db/redoubt/resp"

// ExpireFields names an internal command: max key [key ...] ends at most so many fields that are due, of hashes of the
// request's database.
const ExpireFields = " EXPIRE-FIELDS"

// dueFields is what the leader proposes when fields of hashes are due.
func dueFields() []Spec {
	return []Spec{
		{Name: ExpireFields, Syntax: "max key [key ...]", Summary: "End fields past their deadlines.", Since: "redoubt",
			Group: "redoubt", Complexity: "O(N) with N being max.",
			Arity: AtLeast(3), Keys: KeysFromTo(2, -1, 1), Flags: Internal, Write: expireFields},
	}
}

func expireFields(c *WriteCall) (resp.Value, error) {
	left, err := c.Int(1)
	if err != nil {
		return resp.None, err
	}
	for _, key := range c.From(2) {
		if left <= 0 {
			break
		}
		left -= int64(c.Tx.EndDueFields(key, int(left)))
	}
	return resp.OK(), nil
}

package command

import (
	"math"
	"strconv"
	"strings"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// scanCountDefault is how many keys SCAN looks at when nobody says.
const scanCountDefault = 10

// Scans are the commands that walk the keys of a database.
func Scans() []Spec {
	return []Spec{
		{Name: "KEYS", Syntax: "pattern", Summary: "Find all keys matching the given pattern", Since: "1.0.0",
			Group:      "generic",
			Complexity: "O(N) with N being the number of keys in the database, under the assumption that the key names in the database and the given pattern have limited length.",
			Arity:      Exactly(2), Flags: Long, ACL: acl.Keyspace | acl.Dangerous,
			Tips: []string{"request_policy:all_shards", "nondeterministic_output_order"}, Read: keys},
		{Name: "SCAN", Syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
			Summary: "Incrementally iterate the keys space", Since: "2.8.0", Group: "generic",
			Complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
			Arity:      AtLeast(2), ACL: acl.Keyspace,
			Tips: []string{"nondeterministic_output", "request_policy:special"}, Read: scan},
	}
}

func keys(c *ReadCall) (resp.Value, error) {
	var list []resp.Value
	for _, key := range c.View.Keys(c.At(1)) {
		list = append(list, resp.Bulk(key))
	}
	return resp.Array(list...), nil
}

func scan(c *ReadCall) (resp.Value, error) {
	cursor, ok := parseCursor(c.At(1))
	if !ok {
		return resp.None, errCursor
	}
	o, err := c.scanOptions(2, true)
	if err != nil {
		return resp.None, err
	}
	var list []resp.Value
	next := c.View.Scan(cursor, o.count, o.pattern, func(it mvcc.Item) {
		if o.typeName == nil || strings.EqualFold(string(o.typeName), keyspace.TypeName(it.Type)) {
			list = append(list, resp.Bulk(it.Key))
		}
	})
	return resp.Array(resp.BulkString(strconv.FormatUint(next, 10)), resp.Array(list...)), nil
}

type scanOptions struct {
	count    int
	pattern  []byte // nil is everything
	typeName []byte // nil is any
}

// scanOptions reads the options of SCAN and its relatives from argument i on. Only SCAN takes TYPE.
func (a args) scanOptions(i int, takesType bool) (scanOptions, error) {
	o := scanOptions{count: scanCountDefault}
	for ; i+1 < a.Len(); i += 2 {
		switch {
		case a.Is(i, "COUNT"):
			n, err := a.Int(i + 1)
			if err != nil {
				return o, err
			}
			if n < 1 {
				return o, errSyntax
			}
			o.count = int(min(n, math.MaxInt32))
		case a.Is(i, "MATCH"):
			o.pattern = nil
			if p := a.At(i + 1); string(p) != "*" {
				o.pattern = append([]byte{}, p...) // never nil
			}
		case a.Is(i, "TYPE") && takesType:
			o.typeName = a.At(i + 1)
		default:
			return o, errSyntax
		}
	}
	if i < a.Len() {
		return o, errSyntax
	}
	return o, nil
}

// parseCursor reads a cursor as C's strtoul does, which Redis uses: a sign is allowed, nothing is zero, a negative number
// wraps around, and it ends at a zero byte.
func parseCursor(b []byte) (uint64, bool) {
	digits := cString(b)
	if digits == "" {
		return 0, true
	}
	negative := digits[0] == '-'
	if negative || digits[0] == '+' {
		digits = digits[1:]
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, false
	}
	if negative {
		n = -n
	}
	return n, true
}

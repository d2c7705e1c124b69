package command

import (
	"math"
	"strconv"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/internal/glob"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// hashSamples are the commands that show fields of a hash in no order.
func hashSamples() []Spec {
	tips := []string{"nondeterministic_output"}
	return []Spec{
		{Name: "HRANDFIELD", Syntax: "key [count [WITHVALUES]]",
			Summary: "Get one or multiple random fields from a hash", Since: "6.2.0", Group: "hash",
			Complexity: "O(N) where N is the number of fields returned",
			Arity:      AtLeast(2), Keys: KeyAt(1), ACL: acl.Hash, Tips: tips, Read: hRandField},
		{Name: "HSCAN", Syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
			Summary: "Incrementally iterate hash fields and associated values", Since: "2.8.0", Group: "hash",
			Complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..",
			Arity:      AtLeast(3), Keys: KeyAt(1), ACL: acl.Hash, Tips: tips, Read: hScan},
	}
}

func hRandField(c *ReadCall) (resp.Value, error) {
	if c.Len() > 2 {
		return randomFields(c)
	}
	h, ok, err := c.View.Hash(c.At(1))
	if !ok {
		return resp.Null(), err
	}
	field := h.Numbered()
	if h.Len() == 0 {
		return resp.Null(), nil
	}
	return resp.Bulk(field(c.View.Picks(h.Len(), 1)[0]).Name), nil
}

// sampleArgs reads the count of a command that chooses by chance, and whether the word behind it is there.
func (a args) sampleArgs(word string) (count int64, with bool, err error) {
	count, err = a.Int(2)
	with = a.Len() == 4
	switch {
	case err != nil:
		return 0, false, err
	case count == math.MinInt64:
		return 0, false, errRandomRange
	case a.Len() > 4 || with && !a.Is(3, word):
		return 0, false, errSyntax
	case with && (count < -math.MaxInt64/2 || count > math.MaxInt64/2):
		return 0, false, errRandomMany
	}
	return count, with, nil
}

// chosen are the numbers below n that a read of count elements answers with: different ones, or, if count is negative,
// any. It is false if another goroutine has to answer.
func (c *ReadCall) chosen(count int64, n int) (numbers []int, ok bool, err error) {
	if count < -randomMax {
		return nil, false, errRandomMany
	}
	if count > 0 {
		k := int(min(count, int64(n)))
		if c.View.Long(k) {
			return nil, false, nil
		}
		return c.View.Sample(n, k), true, nil
	}
	if c.View.Long(int(-count)) {
		return nil, false, nil
	}
	return c.View.Picks(n, int(-count)), true, nil
}

func randomFields(c *ReadCall) (resp.Value, error) {
	count, values, err := c.sampleArgs("WITHVALUES")
	if err != nil {
		return resp.None, err
	}
	h, ok, err := c.View.Hash(c.At(1))
	if !ok || count == 0 {
		return resp.Array(), err
	}
	field := h.Numbered()
	if h.Len() == 0 {
		return resp.Array(), nil
	}
	numbers, ok, err := c.chosen(count, h.Len())
	if !ok {
		return resp.Array(), err
	}
	list := make([]resp.Value, 0, 2*len(numbers))
	for _, i := range numbers {
		e := field(i)
		switch {
		case !values:
			list = append(list, resp.Bulk(e.Name))
		case c.Proto == resp.RESP3:
			list = append(list, resp.Array(resp.Bulk(e.Name), resp.Bulk(e.Value)))
		default:
			list = append(list, resp.Bulk(e.Name), resp.Bulk(e.Value))
		}
	}
	return resp.Array(list...), nil
}

// scanReply is the reply of SCAN and its relatives.
func scanReply(next uint64, list []resp.Value) resp.Value {
	return resp.Array(resp.BulkString(strconv.FormatUint(next, 10)), resp.Array(list...))
}

// withoutWord takes an option that stands alone out of a scan's arguments, which are pairs from i on.
func (a args) withoutWord(i int, word string) (_ args, found bool) {
	out := append(args(nil), a[:min(i, len(a))]...)
	for ; i < len(a); i++ {
		if a.Is(i, word) {
			found = true
			continue
		}
		out = append(out, a[i:min(i+2, len(a))]...)
		i++
	}
	return out, found
}

func hScan(c *ReadCall) (resp.Value, error) {
	cursor, ok := parseCursor(c.At(2))
	if !ok {
		return resp.None, errCursor
	}
	h, ok, err := c.View.Hash(c.At(1))
	if !ok {
		return scanReply(0, nil), err
	}
	options, bare := c.withoutWord(3, "NOVALUES")
	o, err := options.scanOptions(3, false)
	if err != nil {
		return resp.None, err
	}
	if c.View.Compact(c.At(1)) { // Redis shows it as a whole
		cursor, o.count = 0, math.MaxInt32
	}
	if c.View.Long(min(o.count, h.Len())) {
		return resp.Array(), nil
	}
	var list []resp.Value
	next := h.Scan(cursor, o.count, func(e *mvcc.Element) {
		if o.pattern != nil && !glob.Match(o.pattern, e.Name) {
			return
		}
		if list = append(list, resp.Bulk(e.Name)); !bare {
			list = append(list, resp.Bulk(e.Value))
		}
	})
	return scanReply(next, list), nil
}

package command

import (
	"errors"
	"fmt"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

const (
	errNotHLL       Error = "WRONGTYPE Key is not a valid HyperLogLog string value."
	errHLLCorrupted Error = "INVALIDOBJ Corrupted HLL object detected"
	errHLLNoKey     Error = "ERR The specified key does not exist"
	errHLLDense     Error = "ERR HLL encoding is not sparse"
)

// HyperLogLogs are the commands that estimate how many different elements there were.
func HyperLogLogs() []Spec {
	const countCost = "O(1) with a very small average constant time when called with a single key. O(N) with N being the number of keys, and much bigger constant times, when called with multiple keys."
	const countNotes = "RW because it may change the internal representation of the key, and propagate to replicas"
	return []Spec{
		{Name: "PFADD", Syntax: "key [element [element ...]]",
			Summary: "Adds the specified elements to the specified HyperLogLog.", Since: "2.8.9", Group: "hyperloglog",
			Complexity: "O(1) to add every element.",
			Arity:      AtLeast(2), Keys: KeyAt(1).As("RW insert"), Flags: DenyOOM | Fast, ACL: acl.HyperLogLog, Write: pfAdd},
		{Name: "PFCOUNT", Syntax: "key [key ...]",
			Summary: "Return the approximated cardinality of the set(s) observed by the HyperLogLog at key(s).", Since: "2.8.9", Group: "hyperloglog",
			Complexity: countCost,
			Arity:      AtLeast(2), Keys: KeysFromTo(1, -1, 1).As("RW access").Noted(countNotes), Flags: MayReplicate, ACL: acl.HyperLogLog,
			Differs: "It only reads: the count is not kept in the value, as Redis keeps it.", Read: pfCount},
		{Name: "PFMERGE", Syntax: "destkey sourcekey [sourcekey ...]",
			Summary: "Merge N different HyperLogLogs into a single one.", Since: "2.8.9", Group: "hyperloglog",
			Complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
			Arity:      AtLeast(2), Keys: KeysFromTo(1, -1, 1).With(KeySpec{Index: 1, Access: "RW access insert"}, KeySpec{Index: 2, Last: -1, Access: "RO access"}),
			Flags: DenyOOM, ACL: acl.HyperLogLog, Write: pfMerge},
		{Name: "PFDEBUG", Syntax: "subcommand key",
			Summary: "Internal commands for debugging HyperLogLog values", Since: "2.8.9", Group: "hyperloglog", Complexity: "N/A",
			Arity: Exactly(3), Keys: KeyAt(2).As("RW access"), Flags: DenyOOM | Admin, ACL: acl.HyperLogLog, Write: pfDebug},
		{Name: "PFSELFTEST",
			Summary: "An internal command for testing HyperLogLog values", Since: "2.8.9", Group: "hyperloglog", Complexity: "N/A",
			Arity: Exactly(1), Flags: Admin | Immediate, ACL: acl.HyperLogLog,
			Differs: "It tests a thousandth as much as Redis does, so that nobody has to wait for it.", Read: pfSelfTest},
	}
}

// hllError gives the errors of HyperLogLogs Redis' texts.
func hllError(err error) error {
	switch {
	case errors.Is(err, keyspace.ErrNotHLL):
		return errNotHLL
	case errors.Is(err, keyspace.ErrHLLCorrupted):
		return errHLLCorrupted
	}
	return err
}

func pfAdd(c *WriteCall) (resp.Value, error) {
	changed, err := c.Tx.AddHLL(c.At(1), c.From(2))
	return intOf(changed), hllError(err)
}

func pfCount(c *ReadCall) (resp.Value, error) {
	n, err := c.View.CountHLLs(c.From(1))
	return resp.Int(n), hllError(err)
}

func pfMerge(c *WriteCall) (resp.Value, error) {
	return resp.OK(), hllError(c.Tx.MergeHLLs(c.At(1), c.From(2)))
}

func pfDebug(c *WriteCall) (resp.Value, error) {
	h, ok, err := c.Tx.HLL(c.At(2))
	if err != nil {
		return resp.None, hllError(err)
	}
	if !ok {
		return resp.None, errHLLNoKey
	}
	switch {
	case c.Is(1, "GETREG"):
		return hllRegisters(c)
	case c.Is(1, "DECODE"):
		if !h.Sparse() {
			return resp.None, errHLLDense
		}
		return resp.BulkString(h.Decode()), nil
	case c.Is(1, "ENCODING"):
		if h.Sparse() {
			return resp.Simple("sparse"), nil
		}
		return resp.Simple("dense"), nil
	case c.Is(1, "TODENSE"):
		changed, err := c.Tx.MakeHLLDense(c.At(2))
		return intOf(changed), hllError(err)
	}
	return resp.None, Error(fmt.Sprintf("ERR Unknown PFDEBUG subcommand '%s'", c.At(1)))
}

// hllRegisters makes the HyperLogLog dense, as Redis does to look at its registers.
func hllRegisters(c *WriteCall) (resp.Value, error) {
	if _, err := c.Tx.MakeHLLDense(c.At(2)); err != nil {
		return resp.None, hllError(err)
	}
	h, _, err := c.Tx.HLL(c.At(2))
	if err != nil {
		return resp.None, hllError(err)
	}
	var list []resp.Value
	for _, value := range h.Registers() {
		list = append(list, resp.Int(int64(value)))
	}
	return resp.Array(list...), nil
}

func pfSelfTest(c *ReadCall) (resp.Value, error) {
	if err := keyspace.SelfTestHLL(c.View.Seed); err != nil {
		return resp.None, Error("ERR TESTFAILED " + err.Error())
	}
	return resp.OK(), nil
}

package command

import (
	"errors"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

const (
	errDigest      Error = "ERR must be exactly 16 hexadecimal characters"
	errDelexType   Error = "ERR Key should be of string type if conditions are specified"
	errDelexIf     Error = "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"
	errNumKeys     Error = "ERR invalid numkeys value"
	errPairsNumber Error = "ERR wrong number of key-value pairs"
)

// NewerStrings are commands on strings that came to Redis and Valkey after version 7: compare and set, compare and
// delete, and many keys with one time to live.
func NewerStrings() []Spec {
	return []Spec{
		{Name: "DELEX", Syntax: "key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]",
			Summary: "Conditionally removes the specified key based on value or digest comparison.", Since: "8.4.0", Group: "string",
			Complexity: "O(1) for IFEQ/IFNE, O(N) for IFDEQ/IFDNE where N is the length of the string value.",
			Arity:      AtLeast(2), Keys: KeyAt(1).As("RW delete variable_flags").Varies(delexAccess), Flags: Fast, ACL: acl.String, Write: delex},
		{Name: "DELIFEQ", Syntax: "key value",
			Summary: "Delete key if value matches string.", Since: "9.0.0", Group: "string", Complexity: "O(1)",
			Arity: Exactly(3), Keys: KeyAt(1).As("RM access delete"), ACL: acl.String, Write: delIfEq},
		{Name: "DIGEST", Syntax: "key",
			Summary: "Returns the XXH3 hash of a string value.", Since: "8.4.0", Group: "string",
			Complexity: "O(N) where N is the length of the string value.",
			Arity:      Exactly(2), Keys: KeyAt(1), Flags: Fast, ACL: acl.String, Read: digest},
		{Name: "MSETEX", Syntax: "numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
			Summary: "Atomically sets multiple string keys with a shared expiration in a single operation. Supports flexible argument parsing where condition and expiration flags can appear in any order.",
			Since:   "8.4.0", Group: "string", Complexity: "O(N) where N is the number of keys to set.",
			Arity: AtLeast(4), Keys: KeysBy(pairsCounted).With(KeySpec{Index: 1, Counted: true, Step: 2, Access: "OW update"}), Flags: DenyOOM, ACL: acl.String,
			Tips: []string{"request_policy:multi_shard", "response_policy:all_succeeded"}, Write: mSetEX},
	}
}

// comparisonOf is the condition that a word names, 0 if it names none.
func comparisonOf(word []byte) keyspace.Comparison {
	switch {
	case equalFold(word, "IFEQ"):
		return keyspace.Equal
	case equalFold(word, "IFNE"):
		return keyspace.NotEqual
	case equalFold(word, "IFDEQ"):
		return keyspace.DigestEqual
	case equalFold(word, "IFDNE"):
		return keyspace.DigestNotEqual
	}
	return 0
}

// delexAccess is what a DELEX does with its key: without a condition it does not look at the value.
func delexAccess(args [][]byte) string {
	if len(args) > 2 && comparisonOf(args[2]) != 0 {
		return "RW delete"
	}
	return "RM delete"
}

// matchError gives the errors of conditions Redis' texts.
func matchError(err error) error {
	if errors.Is(err, keyspace.ErrDigest) {
		return errDigest
	}
	return err
}

func delex(c *WriteCall) (resp.Value, error) {
	var m keyspace.Condition
	switch c.Len() {
	case 2:
	case 4: // Redis looks at the key first, so that a condition it does not know is no error of an absent one
		if _, ok, err := c.Tx.String(c.At(1)); err != nil {
			return resp.None, errDelexType
		} else if !ok {
			return resp.Int(0), nil
		}
		m = keyspace.Condition{Comparison: comparisonOf(c.At(2)), With: c.At(3)}
		if m.Comparison == 0 {
			return resp.None, errDelexIf
		}
	default:
		return WrongArity("delex"), nil
	}
	done, err := c.Tx.DeleteIf(c.At(1), m)
	return intOf(done), matchError(err)
}

func delIfEq(c *WriteCall) (resp.Value, error) {
	done, err := c.Tx.DeleteIf(c.At(1), keyspace.Condition{Comparison: keyspace.Equal, With: c.At(2)})
	return intOf(done), err
}

func digest(c *ReadCall) (resp.Value, error) {
	s, ok, err := c.View.Bits(c.At(1)) // walked from end to end, as the bits are
	if err != nil || !ok {
		return resp.Null(), err
	}
	return resp.Bulk(keyspace.Digest(s)), nil
}

// pairsCounted are the keys of MSETEX.
func pairsCounted(argv [][]byte) []int {
	if len(argv) < 2 {
		return nil
	}
	n, err := args(argv).pairs(1)
	if err != nil {
		return nil
	}
	keys := make([]int, n)
	for i := range keys {
		keys[i] = 2 + 2*i
	}
	return keys
}

// pairs is argument i as the number of pairs that follow, all of which are there.
func (a args) pairs(i int) (int, error) {
	const pairsMax = 1<<31 - 1
	n, ok := parseInt(a[i])
	if !ok || n < 1 || n > pairsMax {
		return 0, errNumKeys
	}
	if n*2 > int64(len(a)-i-1) {
		return 0, errPairsNumber
	}
	return int(n), nil
}

func mSetEX(c *WriteCall) (resp.Value, error) {
	n, err := c.pairs(1)
	if err != nil {
		return resp.None, err
	}
	s := setCall{expiry: expiry{name: "msetex"}}
	for i := 2 + 2*n; i < c.Len(); {
		taken := s.shared(c, i)
		if taken == 0 {
			return resp.None, errSyntax
		}
		i += taken
	}
	if err := s.numbers(c); err != nil {
		return resp.None, err
	}
	pairs := c.From(2)[:2*n]
	for i := 0; i < len(pairs) && s.If != keyspace.SetAlways; i += 2 {
		if _, exists := c.Tx.Lookup(pairs[i]); exists != (s.If == keyspace.SetIfPresent) {
			return resp.Int(0), nil
		}
	}
	s.If = keyspace.SetAlways // judged for all together: a key that comes twice is not in its own way
	for i := 0; i < len(pairs); i += 2 {
		if _, err := c.Tx.SetString(pairs[i], pairs[i+1], s.SetOptions); err != nil {
			return resp.None, err
		}
		if s.Deadline != 0 {
			c.Tx.Notify(keyspace.ClassGeneric, "expire", pairs[i])
		}
		c.Tx.Notify(keyspace.ClassString, "set", pairs[i])
		if s.Deadline != 0 && s.Deadline <= c.Tx.Now() {
			c.Tx.Notify(keyspace.ClassExpired, "expired", pairs[i])
		}
	}
	return resp.Int(1), nil
}

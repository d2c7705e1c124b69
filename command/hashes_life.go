package command

import (
	"math"
	"math/bits"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// Errors of commands on the life of fields.
const (
	errFieldTime      Error = "ERR invalid expire time, must be >= 0"
	errFieldsTwice    Error = "ERR FIELDS keyword specified multiple times"
	errFieldsShort    Error = "ERR FIELDS requires at least numfields and one field argument"
	errFieldsMissing  Error = "ERR missing FIELDS argument"
	errFieldsFew      Error = "ERR wrong number of arguments"
	errNumFields      Error = "ERR Parameter `numFields` should be greater than 0"
	errConditions     Error = "ERR Multiple condition flags specified"
	errFieldsPlace    Error = "ERR Mandatory argument FIELDS is missing or not at the right position"
	errFieldsPositive Error = "ERR Number of fields must be a positive integer"
	errFieldsMatch    Error = "ERR The `numfields` parameter must match the number of arguments"
)

// fieldTimeMax is the latest deadline of a field, in milliseconds.
const fieldTimeMax = 1<<46 - 1

// FieldLives are the commands on the time to live of fields.
func FieldLives() []Spec {
	const each = "O(N) where N is the number of specified fields"
	const fields = "FIELDS numfields field [field ...]"
	set := func(name, time, summary string, write func(*WriteCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: "key " + time + " [NX | XX | GT | LT] " + fields, Summary: summary, Since: "7.4.0",
			Group: "hash", Complexity: each,
			Arity: AtLeast(6), Keys: KeyAt(1), Flags: DenyOOM | Fast, ACL: acl.Hash, Write: write}
	}
	tell := func(name, summary string, read func(*ReadCall) (resp.Value, error)) Spec {
		return Spec{Name: name, Syntax: "key " + fields, Summary: summary, Since: "7.4.0", Group: "hash", Complexity: each,
			Arity: AtLeast(5), Keys: KeyAt(1), Flags: Fast, ACL: acl.Hash, Read: read}
	}
	specs := []Spec{
		set("HEXPIRE", "seconds", "Set expiry for hash field using relative time to expire (seconds)", hExpire),
		set("HPEXPIRE", "milliseconds", "Set expiry for hash field using relative time to expire (milliseconds)", hPExpire),
		set("HEXPIREAT", "unix-time-seconds", "Set expiry for hash field using an absolute Unix timestamp (seconds)", hExpireAt),
		set("HPEXPIREAT", "unix-time-milliseconds", "Set expiry for hash field using an absolute Unix timestamp (milliseconds)", hPExpireAt),
		tell("HTTL", "Returns the TTL in seconds of a hash field.", hTTL),
		tell("HPTTL", "Returns the TTL in milliseconds of a hash field.", hPTTL),
		tell("HEXPIRETIME", "Returns the expiration time of a hash field as a Unix timestamp, in seconds.", hExpireTime),
		tell("HPEXPIRETIME", "Returns the expiration time of a hash field as a Unix timestamp, in msec.", hPExpireTime),
		{Name: "HPERSIST", Syntax: "key " + fields, Summary: "Removes the expiration time for each specified field", Since: "7.4.0",
			Group: "hash", Complexity: each, Arity: AtLeast(5), Keys: KeyAt(1), Flags: Fast, ACL: acl.Hash, Write: hPersist},
	}
	return append(specs, fieldValues()...)
}

func hExpire(c *WriteCall) (resp.Value, error) {
	return expireFieldsAt(c, "hexpire", 1000, c.Tx.Counted())
}
func hPExpire(c *WriteCall) (resp.Value, error) {
	return expireFieldsAt(c, "hpexpire", 1, c.Tx.Counted())
}
func hExpireAt(c *WriteCall) (resp.Value, error)  { return expireFieldsAt(c, "hexpireat", 1000, 0) }
func hPExpireAt(c *WriteCall) (resp.Value, error) { return expireFieldsAt(c, "hpexpireat", 1, 0) }

// expireFieldsAt reads a time in units of so many milliseconds after base.
func expireFieldsAt(c *WriteCall, name string, unit, base int64) (resp.Value, error) {
	h, err := c.Tx.Hash(c.At(1))
	if err != nil {
		return resp.None, err
	}
	deadline, err := c.fieldTime(2, name, unit, base)
	if err != nil {
		return resp.None, err
	}
	when, fields, err := c.fieldConditions(3)
	if err != nil {
		return resp.None, err
	}
	list := make([]resp.Value, len(fields))
	var told lifeEvents
	for i, field := range fields {
		did := h.Expire(field, deadline, when)
		told.note(did)
		list[i] = resp.Int(int64(did))
	}
	switch {
	case told.ended:
		c.Tx.Notify(keyspace.ClassHash, "hdel", c.At(1))
		h.Gone()
	case told.changed:
		c.Tx.Notify(keyspace.ClassHash, "hexpire", c.At(1))
	}
	return resp.Array(list...), nil
}

// lifeEvents are what has to be told of several fields.
type lifeEvents struct{ changed, ended bool }

func (l *lifeEvents) note(did keyspace.FieldAnswer) {
	l.changed = l.changed || did == keyspace.FieldChanged
	l.ended = l.ended || did == keyspace.FieldEnded
}

// fieldTime is argument i as the deadline of a field: in units of so many milliseconds after base.
func (a args) fieldTime(i int, name string, unit, base int64) (int64, error) {
	n, err := a.Int(i)
	switch {
	case err != nil:
		return 0, err
	case n < 0:
		return 0, errFieldTime
	case n > fieldTimeMax/unit || n*unit > fieldTimeMax-base:
		return 0, Error("ERR invalid expire time in '" + name + "' command")
	}
	return n*unit + base, nil
}

// fieldConditions reads a condition and FIELDS, in any order, from argument i on.
func (a args) fieldConditions(i int) (when keyspace.ExpireIf, fields [][]byte, err error) {
	for ; i < len(a); i++ {
		switch {
		case a.Is(i, "FIELDS"):
			if fields != nil {
				return 0, nil, errFieldsTwice
			}
			if fields, err = a.fieldsAt(i); err != nil {
				return 0, nil, err
			}
			i += 1 + len(fields)
		case a.Is(i, "NX"):
			when |= keyspace.IfNoDeadline
		case a.Is(i, "XX"):
			when |= keyspace.IfDeadline
		case a.Is(i, "GT"):
			when |= keyspace.IfLater
		case a.Is(i, "LT"):
			when |= keyspace.IfEarlier
		default:
			return 0, nil, errUnknown(a[i])
		}
	}
	switch {
	case fields == nil:
		return 0, nil, errFieldsMissing
	case bits.OnesCount8(uint8(when)) > 1:
		return 0, nil, errConditions
	}
	return when, fields, nil
}

func errUnknown(arg []byte) Error { return Error("ERR unknown argument: " + cString(arg)) }

// fieldsAt are as many fields as stand behind FIELDS at argument i.
func (a args) fieldsAt(i int) ([][]byte, error) {
	if i >= len(a)-2 {
		return nil, errFieldsShort
	}
	n, err := a.Int(i + 1)
	switch {
	case err != nil || n < 1 || n > math.MaxInt32:
		return nil, errNumFields
	case n > int64(len(a)-i-2):
		return nil, errFieldsFew
	}
	return a[i+2 : i+2+int(n)], nil
}

// fieldsOnly are the fields behind FIELDS at argument i, where nothing else may stand.
func (a args) fieldsOnly(i int) ([][]byte, error) {
	if !a.Is(i, "FIELDS") {
		return nil, errFieldsPlace
	}
	n, err := a.Int(i + 1)
	switch {
	case err != nil || n < 1:
		return nil, errFieldsPositive
	case n != int64(len(a)-i-2):
		return nil, errFieldsMatch
	}
	return a[i+2:], nil
}

func hTTL(c *ReadCall) (resp.Value, error)  { return fieldLives(c, 1000, (*keyspace.Fields).Left) }
func hPTTL(c *ReadCall) (resp.Value, error) { return fieldLives(c, 1, (*keyspace.Fields).Left) }

func hExpireTime(c *ReadCall) (resp.Value, error)  { return fieldLives(c, 1000, deadlineItself) }
func hPExpireTime(c *ReadCall) (resp.Value, error) { return fieldLives(c, 1, deadlineItself) }

func deadlineItself(_ *keyspace.Fields, deadline int64) int64 { return deadline }

// fieldLives answers in units of so many milliseconds, rounded up, with what tell says of each field's deadline.
func fieldLives(c *ReadCall, unit int64, tell func(h *keyspace.Fields, deadline int64) int64) (resp.Value, error) {
	h, ok, err := c.View.Hash(c.At(1))
	if err != nil {
		return resp.None, err
	}
	fields, err := c.fieldsOnly(2)
	if err != nil {
		return resp.None, err
	}
	list := make([]resp.Value, len(fields))
	for i, field := range fields {
		answer := int64(keyspace.NoField)
		if ok {
			e, had := h.Lookup(field)
			switch {
			case had && e.Deadline == 0:
				answer = int64(keyspace.NoDeadline)
			case had:
				answer = (tell(&h, e.Deadline) + unit - 1) / unit
			}
		}
		list[i] = resp.Int(answer)
	}
	return resp.Array(list...), nil
}

func hPersist(c *WriteCall) (resp.Value, error) {
	h, err := c.Tx.Hash(c.At(1))
	if err != nil {
		return resp.None, err
	}
	fields, err := c.fieldsOnly(2)
	if err != nil {
		return resp.None, err
	}
	list := make([]resp.Value, len(fields))
	var told lifeEvents
	for i, field := range fields {
		did := h.Persist(field)
		told.note(did)
		list[i] = resp.Int(int64(did))
	}
	if told.changed {
		c.Tx.Notify(keyspace.ClassHash, "hpersist", c.At(1))
	}
	return resp.Array(list...), nil
}

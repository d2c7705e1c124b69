package command

import (
	"bytes"
	"math"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// Errors of options of HGETEX and HSETEX.
const (
	errFieldExpiry    Error = "ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified"
	errFieldExpirySet Error = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"
	errFieldExists    Error = "ERR Only one of FXX or FNX arguments can be specified"
	errExpireMissing  Error = "ERR missing expire time"
	errFieldsInvalid  Error = "ERR invalid number of fields"
)

// fieldValues are the commands that read or write fields together with their lives.
func fieldValues() []Spec {
	const each = "O(N) where N is the number of specified fields"
	return []Spec{
		{Name: "HGETEX", Syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] FIELDS numfields field [field ...]",
			Summary: "Get the value of one or more fields of a given hash key, and optionally set their expiration.", Since: "8.0.0",
			Group: "hash", Complexity: each,
			Arity: AtLeast(5), Keys: KeyAt(1).As("RW access update").Noted("RW and UPDATE because it changes the TTL"), Flags: Fast, ACL: acl.Hash, Write: hGetEx},
		{Name: "HSETEX", Syntax: "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL] FIELDS numfields field value [field value ...]",
			Summary: "Set the value of one or more fields of a given hash key, and optionally set their expiration.", Since: "8.0.0",
			Group: "hash", Complexity: "O(N) where N is the number of fields being set.",
			Arity: AtLeast(6), Keys: KeyAt(1), Flags: DenyOOM | Fast, ACL: acl.Hash, Write: hSetEx},
		{Name: "HGETDEL", Syntax: "key FIELDS numfields field [field ...]",
			Summary: "Returns the value of a field and deletes it from the hash.", Since: "8.0.0",
			Group: "hash", Complexity: each,
			Arity: AtLeast(5), Keys: KeyAt(1).As("RW access delete"), Flags: Fast, ACL: acl.Hash, Write: hGetDel},
	}
}

// fieldOptions are those of HGETEX and HSETEX, in any order.
type fieldOptions struct {
	name    string // of the command
	sets    bool   // HSETEX: a value behind each field
	now     int64
	expiry  string // the word that is given of EX, PX, EXAT, PXAT, PERSIST and KEEPTTL
	time    int64  // the deadline, if the word has one
	ifAll   bool   // FXX
	ifNone  bool   // FNX
	fields  [][]byte
	hasTime bool
}

func (o *fieldOptions) read(a args) error {
	for i := 2; i < len(a); i++ {
		step, err := o.option(a, i)
		if err != nil {
			return err
		}
		i += step
	}
	if o.fields == nil {
		return errFieldsMissing
	}
	return nil
}

// option reads the one at argument i, and tells how many more arguments belong to it.
func (o *fieldOptions) option(a args, i int) (step int, err error) {
	switch {
	case a.Is(i, "FIELDS"):
		return o.readFields(a, i)
	case a.Is(i, "EX"):
		return 1, o.readTime(a, i, "EX", 1000, o.now)
	case a.Is(i, "PX"):
		return 1, o.readTime(a, i, "PX", 1, o.now)
	case a.Is(i, "EXAT"):
		return 1, o.readTime(a, i, "EXAT", 1000, 0)
	case a.Is(i, "PXAT"):
		return 1, o.readTime(a, i, "PXAT", 1, 0)
	case a.Is(i, "PERSIST") && !o.sets:
		return 0, o.readWord("PERSIST")
	case a.Is(i, "KEEPTTL") && o.sets:
		return 0, o.readWord("KEEPTTL")
	case o.sets && (a.Is(i, "FXX") || a.Is(i, "FNX")):
		if o.ifAll || o.ifNone {
			return 0, errFieldExists
		}
		o.ifAll, o.ifNone = a.Is(i, "FXX"), a.Is(i, "FNX")
		return 0, nil
	}
	return 0, errUnknown(a[i])
}

func (o *fieldOptions) readWord(word string) error {
	switch {
	case o.expiry == "":
		o.expiry = word
		return nil
	case o.sets:
		return errFieldExpirySet
	}
	return errFieldExpiry
}

func (o *fieldOptions) readTime(a args, i int, word string, unit, base int64) (err error) {
	if err = o.readWord(word); err != nil {
		return err
	}
	if i+1 == len(a) {
		return errExpireMissing
	}
	o.hasTime = true
	o.time, err = a.fieldTime(i+1, o.name, unit, base)
	return err
}

func (o *fieldOptions) readFields(a args, i int) (step int, err error) {
	width := 1
	if o.sets {
		width = 2
	}
	if o.fields != nil {
		return 0, errFieldsTwice
	}
	arity := Error(WrongArity(o.name).Text())
	if i >= len(a)-1-width {
		return 0, arity
	}
	n, err := a.Int(i + 1)
	switch {
	case err != nil || n < 1 || n > math.MaxInt32:
		return 0, errFieldsInvalid
	case n > int64((len(a)-i-2)/width):
		return 0, arity
	}
	o.fields = a[i+2 : i+2+int(n)*width]
	return 1 + len(o.fields), nil
}

func hGetEx(c *WriteCall) (resp.Value, error) {
	h, err := c.Tx.Hash(c.At(1))
	if err != nil {
		return resp.None, err
	}
	o := fieldOptions{name: "hgetex", now: c.Tx.Counted()}
	if err := o.read(c.args); err != nil {
		return resp.None, err
	}
	list := make([]resp.Value, len(o.fields))
	var told lifeEvents
	for i, field := range o.fields {
		list[i] = copyOf(&h, field)
		switch {
		case o.hasTime:
			told.note(h.Expire(field, o.time, 0))
		case o.expiry == "PERSIST":
			told.note(h.Persist(field))
		}
	}
	switch {
	case told.changed && o.hasTime:
		c.Tx.Notify(keyspace.ClassHash, "hexpire", c.At(1))
	case told.changed:
		c.Tx.Notify(keyspace.ClassHash, "hpersist", c.At(1))
	case told.ended:
		c.Tx.Notify(keyspace.ClassHash, "hdel", c.At(1))
		h.Gone()
	}
	return resp.Array(list...), nil
}

// copyOf is a copy of the value of a field, which may be changed before the reply is written, or null.
func copyOf(h *keyspace.Hash, field []byte) resp.Value {
	e, ok := h.Lookup(field)
	if !ok {
		return resp.Null()
	}
	return resp.Bulk(bytes.Clone(e.Value))
}

func hGetDel(c *WriteCall) (resp.Value, error) {
	h, err := c.Tx.Hash(c.At(1))
	if err != nil {
		return resp.None, err
	}
	fields, err := c.fieldsOnly(2)
	if err != nil {
		return resp.None, err
	}
	list := make([]resp.Value, len(fields))
	deleted := false
	for i, field := range fields {
		list[i] = copyOf(&h, field)
		deleted = h.Delete(field) || deleted
	}
	if deleted {
		c.Tx.Notify(keyspace.ClassHash, "hdel", c.At(1))
		h.Gone()
	}
	return resp.Array(list...), nil
}

func hSetEx(c *WriteCall) (resp.Value, error) {
	o := fieldOptions{name: "hsetex", sets: true, now: c.Tx.Counted()}
	if err := o.read(c.args); err != nil {
		return resp.None, err
	}
	h, err := c.Tx.Hash(c.At(1))
	if err != nil {
		return resp.None, err
	}
	if !o.holds(&h) {
		return resp.Int(0), nil
	}
	past := o.hasTime && o.time <= c.Tx.Now()
	for i := 0; i < len(o.fields); i += 2 {
		field, value := o.fields[i], o.fields[i+1]
		switch e, _ := h.Lookup(field); {
		case past: // what would be set would be gone at once
			h.Delete(field)
		case o.expiry == "KEEPTTL":
			h.SetUntil(field, value, e.Deadline)
		default:
			h.SetUntil(field, value, o.time)
		}
	}
	c.Tx.Notify(keyspace.ClassHash, "hset", c.At(1))
	switch {
	case past:
		c.Tx.Notify(keyspace.ClassHash, "hdel", c.At(1))
		h.Gone()
	case o.hasTime:
		c.Tx.Notify(keyspace.ClassHash, "hexpire", c.At(1))
	}
	return resp.Int(1), nil
}

// holds tells whether the fields are there, or not, as FXX and FNX want them.
func (o *fieldOptions) holds(h *keyspace.Hash) bool {
	if !o.ifAll && !o.ifNone {
		return true
	}
	for i := 0; i < len(o.fields); i += 2 {
		if _, ok := h.Lookup(o.fields[i]); ok != o.ifAll {
			return false
		}
	}
	return true
}

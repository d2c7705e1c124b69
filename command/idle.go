package command

import (
	"bytes"

	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// This file is what commands answer that would write and have nothing to: see Spec.Idle. They are those that programs
// ask again and again: a queue that is empty, a lock that is held, a member that is there already. Redis syncs nothing for them either.

func popNothing(c *ReadCall) (resp.Value, bool) {
	return resp.Null(), c.Len() == 2 && c.View.Absent(c.At(1))
}

func popNothingScored(c *ReadCall) (resp.Value, bool) {
	return resp.Array(), c.Len() == 2 && c.View.Absent(c.At(1))
}

func hDelNothing(c *ReadCall) (resp.Value, bool) { return removeNothing(c, mvcc.Hash) }
func sRemNothing(c *ReadCall) (resp.Value, bool) { return removeNothing(c, mvcc.Set) }
func zRemNothing(c *ReadCall) (resp.Value, bool) { return removeNothing(c, mvcc.ZSet) }

// removeNothing is of what removes elements of the key at 1, none of which is there.
func removeNothing(c *ReadCall, t mvcc.Type) (resp.Value, bool) {
	return resp.Int(0), c.View.HasNone(c.At(1), t, c.From(2))
}

func lRemNothing(c *ReadCall) (resp.Value, bool) {
	_, err := c.Int(2)
	return resp.Int(0), err == nil && c.View.ListLacks(c.At(1), c.At(3))
}

func deleteNothing(c *ReadCall) (resp.Value, bool) {
	for _, key := range c.From(1) {
		if !c.View.Absent(key) {
			return resp.None, false
		}
	}
	return resp.Int(0), true
}

func addNothing(c *ReadCall) (resp.Value, bool) {
	return resp.Int(0), c.View.IsSetWith(c.At(1), c.From(2))
}

func hSetNothingNX(c *ReadCall) (resp.Value, bool) {
	return resp.Int(0), c.View.HasElement(c.At(1), mvcc.Hash, c.At(2))
}

// zAddNothing is ZADD of members that have these scores; no condition on it changes that.
func zAddNothing(c *ReadCall) (resp.Value, bool) {
	o, _, rest, err := c.addOptions(keyspace.Adding{})
	if err != nil || o.Increment {
		return resp.None, false
	}
	for i := rest; i < c.Len(); i += 2 {
		score, err := c.Float(i)
		if err != nil || !c.View.HasScore(c.At(1), c.At(i+1), score) {
			return resp.None, false
		}
	}
	return resp.Int(0), true
}

func setNothingNX(c *ReadCall) (resp.Value, bool) {
	_, there := c.View.Find(c.At(1))
	return resp.Int(0), there
}

// setNothing is SET key value NX, with or without EX or PX and a number that is surely right, of a key that is there.
func setNothing(c *ReadCall) (resp.Value, bool) {
	var option, unit, number []byte
	switch c.Len() {
	case 4:
		option = c.At(3)
	case 6:
		option, unit, number = c.At(3), c.At(4), c.At(5)
		if !isNX(option) {
			option, unit, number = c.At(5), c.At(3), c.At(4)
		}
		if !isUnit(unit) || !isSmall(number) {
			return resp.None, false
		}
	}
	if !isNX(option) {
		return resp.None, false
	}
	_, there := c.View.Find(c.At(1))
	return resp.Null(), there
}

func isNX(b []byte) bool { return bytes.EqualFold(b, []byte("nx")) }
func isUnit(b []byte) bool {
	return bytes.EqualFold(b, []byte("ex")) || bytes.EqualFold(b, []byte("px"))
}

// isSmall tells a positive number of a few digits, which is a valid time whatever the unit.
func isSmall(b []byte) bool {
	const digitsMost = 8
	n, ok := keyspace.ParseInt(b)
	return ok && n > 0 && len(b) <= digitsMost
}

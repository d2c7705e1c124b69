package command

import (
	"bytes"

	"github.com/redoubt-db/redoubt/keyspace"
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

// removeNothing is of what removes elements of the key at 1.
func removeNothing(c *ReadCall) (resp.Value, bool) {
	return resp.Int(0), c.View.Absent(c.At(1))
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

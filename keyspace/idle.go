package keyspace

import "github.com/redoubt-db/redoubt/mvcc"

// Absent tells that no key of that name lives. Like Find it tells nobody of a miss.
func (v *View) Absent(key []byte) bool {
	_, there := v.Find(key)
	return !there
}

// glimpse opens what is at a key for a look that nobody is told of. There is nothing if it is of another type, or if elements have
// deadlines: a command that changes nothing else may still end those that are due.
func (v *View) glimpse(key []byte, t mvcc.Type) (c mvcc.Collection, ok bool) {
	it, there := v.Find(key)
	if !there || it.Type != t {
		return c, false
	}
	c = v.open(it)
	return c, c.Volatile == 0
}

// HasNone tells that there is no key of that name, or one of type t, whose elements have names, without any of these.
func (v *View) HasNone(key []byte, t mvcc.Type, names [][]byte) bool {
	c, ok := v.glimpse(key, t)
	if !ok {
		return v.Absent(key)
	}
	for _, name := range names {
		if _, there := c.Lookup(name); there {
			return false
		}
	}
	return true
}

// HasElement tells that key is of type t and has an element of that name.
func (v *View) HasElement(key []byte, t mvcc.Type, name []byte) bool {
	c, ok := v.glimpse(key, t)
	if ok {
		_, ok = c.Lookup(name)
	}
	return ok
}

// HasScore tells that key is a sorted set whose member of that name has that score.
func (v *View) HasScore(key, name []byte, score float64) bool {
	c, ok := v.glimpse(key, mvcc.ZSet)
	if !ok {
		return false
	}
	e, ok := c.Lookup(name)
	return ok && mvcc.Score(e.Value) == score
}

// lacksMost is how long a list may be for ListLacks to walk over it: who asks in vain pays twice.
const lacksMost = 128

// ListLacks tells that there is no key of that name, or a short list without that item.
func (v *View) ListLacks(key, item []byte) bool {
	c, ok := v.glimpse(key, mvcc.List)
	if !ok {
		return v.Absent(key)
	}
	if c.Len() > lacksMost {
		return false
	}
	lacks := true
	c.Ascend(0, func(e *mvcc.Element) bool {
		lacks = string(e.Value) != string(item)
		return lacks
	})
	return lacks
}

// IsSetWith tells that key is a set which has all the names; nobody is told that it was looked at.
func (v *View) IsSetWith(key []byte, names [][]byte) bool {
	it, there := v.Find(key)
	if !there || it.Type != mvcc.Set {
		return false
	}
	m := Members{c: v.open(it), there: true}
	for _, name := range names {
		if !m.Has(name) {
			return false
		}
	}
	return true
}

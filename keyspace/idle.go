package keyspace

import "github.com/redoubt-db/redoubt/mvcc"

// Absent tells that no key of that name lives. Like Find it tells nobody of a miss.
func (v *View) Absent(key []byte) bool {
	_, there := v.Find(key)
	return !there
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

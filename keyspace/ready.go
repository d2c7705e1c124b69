package keyspace

import "github.com/redoubt-db/redoubt/mvcc"

// Ready is how many elements the live collection at key has, 0 if it is of another type. It is asked on behalf of those who
// wait for some, and is no use of the key.
func (v *View) Ready(key []byte, t mvcc.Type) int {
	it, ok := v.mv.Lookup(v.ks, key)
	if !ok || it.Type != t || !v.live(&it) {
		return 0
	}
	return v.mv.Collection(it).Len()
}

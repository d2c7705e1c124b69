package keyspace

import (
	"bytes"

	"github.com/redoubt-db/redoubt/internal/glob"
	"github.com/redoubt-db/redoubt/mvcc"
)

// scanCountMax is how many keys Scan looks at on an event loop; a larger count is asked again elsewhere.
const scanCountMax = 1000

// Keys are the live keys that match the pattern, in order. A pattern that begins with literal bytes costs only the
// keys that begin with them. They are good while the view is.
func (v *View) Keys(pattern []byte) [][]byte {
	prefix, exact := glob.LiteralPrefix(pattern)
	if exact {
		if it, ok := v.Find(prefix); ok {
			return [][]byte{it.Key}
		}
		return nil
	}
	if v.Pauses {
		if p, ok := v.pin(); ok {
			keys, ok := p.keysInSteps(prefix, pattern)
			if v.need |= p.need; ok {
				return keys
			}
		}
	}
	var keys [][]byte
	v.mv.Ascend(v.ks, prefix, func(it mvcc.Item) bool {
		if !bytes.HasPrefix(it.Key, prefix) {
			return false
		}
		if glob.Match(pattern, it.Key) && v.live(&it) {
			keys = append(keys, it.Key)
		}
		return true
	})
	return keys
}

// keysInSteps is Keys on a pinned view, with pauses; false if compaction passed the view meanwhile.
func (v *View) keysInSteps(prefix, pattern []byte) (keys [][]byte, ok bool) {
	var names arena
	for from, more := prefix, true; more; {
		var last []byte
		steps := 0
		v.mv.Ascend(v.ks, from, func(it mvcc.Item) bool {
			if !bytes.HasPrefix(it.Key, prefix) {
				return false
			}
			if glob.Match(pattern, it.Key) && v.live(&it) {
				keys = append(keys, names.copy(it.Key))
			}
			steps++
			last = it.Key
			return steps < pauseEvery
		})
		if more = steps == pauseEvery; more {
			from = append(append(make([]byte, 0, len(last)+1), last...), 0) // the least key behind last
		}
		v.pause()
		if v.mv.Err() != nil {
			return nil, false
		}
	}
	return keys, true
}

// arena holds copies of many small byte strings, in blocks that double.
type arena struct{ block []byte }

const (
	arenaFirst = 256 // bytes
	arenaBlock = 64 << 10
)

func (a *arena) copy(b []byte) []byte {
	if cap(a.block)-len(a.block) < len(b) {
		a.block = make([]byte, 0, max(arenaFirst, min(2*cap(a.block), arenaBlock), len(b)))
	}
	begin := len(a.block)
	a.block = append(a.block, b...)
	return a.block[begin:len(a.block):len(a.block)]
}

// Scan calls fn with the live keys among about count keys from the cursor on, 0 at first, and returns the cursor to
// go on with, 0 at the end. A key that is there from the first call to the last is shown exactly once.
func (v *View) Scan(cursor uint64, count int, pattern []byte, fn func(mvcc.Item)) (next uint64) {
	if count > scanCountMax && !v.mayLoad {
		v.need |= NeedLong
		return 0
	}
	if cursor == 0 && v.scanPrefix(count, pattern, fn) {
		return 0
	}
	return v.mv.Scan(v.ks, cursor, count, func(it mvcc.Item) {
		if (pattern == nil || glob.Match(pattern, it.Key)) && v.live(&it) {
			fn(it)
		}
	})
}

// scanPrefix answers a scan at once when all keys that begin like the pattern are no more than were asked for.
func (v *View) scanPrefix(count int, pattern []byte, fn func(mvcc.Item)) bool {
	prefix, exact := glob.LiteralPrefix(pattern)
	if exact && pattern != nil {
		if it, ok := v.Lookup(prefix); ok {
			fn(it)
		}
		return true
	}
	if len(prefix) == 0 {
		return false
	}
	var found []mvcc.Item
	few := true
	v.mv.Ascend(v.ks, prefix, func(it mvcc.Item) bool {
		if !bytes.HasPrefix(it.Key, prefix) {
			return false
		}
		found = append(found, it)
		few = len(found) <= count
		return few
	})
	if !few {
		return false
	}
	for _, it := range found {
		if glob.Match(pattern, it.Key) && v.live(&it) {
			fn(it)
		}
	}
	return true
}

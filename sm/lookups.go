package sm

import (
	"sync/atomic"

	"github.com/redoubt-db/redoubt/keyspace"
)

// Lookups counts the keys that reads found and did not find on this node, for INFO. A replica that nobody waits for at runs no
// reads, and counts none.
type Lookups struct{ hits, misses atomic.Uint64 }

// Load returns the counts.
func (l *Lookups) Load() (hits, misses uint64) { return l.hits.Load(), l.misses.Load() }

// Reset begins anew.
func (l *Lookups) Reset() {
	l.hits.Store(0)
	l.misses.Store(0)
}

// Add counts so many more.
func (l *Lookups) Add(n keyspace.Lookups) {
	if n.Hits > 0 {
		l.hits.Add(n.Hits)
	}
	if n.Misses > 0 {
		l.misses.Add(n.Misses)
	}
}

// looked counts what a read has looked up.
func (m *Machine) looked(v *keyspace.View) { m.Lookups.Add(v.TakeLookups()) }

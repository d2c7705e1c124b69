package keyspace

import (
	"math/bits"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/mvcc"
)

// Each key remembers on this node when it was used last and how often, in the 31 bits that mvcc keeps for it: 23 of
// seconds and Redis' logarithmic counter of 8. So both of Redis' orders, least recently and least frequently used,
// are there whatever the policy, and changing the policy loses nothing. The seconds wrap after 97 days: a key unused
// for longer looks younger than it is.
//
// None of it is in the log or on disk, and no change may follow from it in apply: reads are counted where they are
// answered, changes on every replica, by log time.
const (
	useClockBits   = 23
	useCounterBits = 8
	useCounterMax  = 1<<useCounterBits - 1
	useCounterNew  = 5 // as Redis: a new key is not the first to go
)

// Policy says which keys go when memory is short, by the names of maxmemory-policy.
type Policy uint8

const (
	NoEviction Policy = iota + 1
	AllKeysLRU
	AllKeysLFU
	AllKeysRandom
	VolatileLRU
	VolatileLFU
	VolatileRandom
	VolatileTTL
)

// ParsePolicy reads a value of maxmemory-policy; what it does not know evicts nothing.
func ParsePolicy(name string) Policy {
	for p := NoEviction; p <= VolatileTTL; p++ {
		if p.String() == name {
			return p
		}
	}
	return NoEviction
}

func (p Policy) String() string {
	switch p {
	case AllKeysLRU:
		return "allkeys-lru"
	case AllKeysLFU:
		return "allkeys-lfu"
	case AllKeysRandom:
		return "allkeys-random"
	case VolatileLRU:
		return "volatile-lru"
	case VolatileLFU:
		return "volatile-lfu"
	case VolatileRandom:
		return "volatile-random"
	case VolatileTTL:
		return "volatile-ttl"
	}
	return "noeviction"
}

// Volatile tells whether only keys with a private deadline may go.
func (p Policy) Volatile() bool { return p >= VolatileLRU }

// LRU and LFU tell what the policy orders keys by.
func (p Policy) LRU() bool { return p == AllKeysLRU || p == VolatileLRU }
func (p Policy) LFU() bool { return p == AllKeysLFU || p == VolatileLFU }

// Uses are one node's settings of how uses are counted and shown. A nil one has Redis' defaults. Any goroutine may
// call its methods.
type Uses struct {
	settings atomic.Pointer[UseSettings]
	since    atomic.Int64
}

// UseSettings are the directives behind Uses.
type UseSettings struct {
	Policy       Policy
	Unshared     bool  // small integers count as objects of their own, as Redis has it when maxmemory goes by uses
	LogFactor    int64 // lfu-log-factor
	DecayMinutes int64 // lfu-decay-time; 0 is never
}

// Set takes over changed directives.
func (u *Uses) Set(s UseSettings) { u.settings.Store(&s) }

// Begin notes the log time at which this node began to count: keys from before count as used then.
func (u *Uses) Begin(now int64) { u.since.Store(now) }

func (u *Uses) load() UseSettings {
	if u != nil {
		if s := u.settings.Load(); s != nil {
			return *s
		}
	}
	return UseSettings{Policy: NoEviction, LogFactor: 10, DecayMinutes: 1}
}

// use is what a key remembers: in milliseconds of log time, to the second, and the counter as of then.
type use struct {
	at      int64
	counter uint8
}

// usesOf reads what a key remembers, given that it is now.
func (s *Space) usesOf(ref mvcc.Ref, now int64) use {
	word := s.Store.Accessed(ref)
	if word == 0 {
		u := use{at: now, counter: useCounterNew}
		if s.Uses != nil {
			u.at = min(now, s.Uses.since.Load())
		}
		return u
	}
	ago := (uint32(now/1000) - word>>useCounterBits) & (1<<useClockBits - 1)
	return use{at: now - int64(ago)*1000, counter: uint8(word)}
}

// noteUse counts one use of a key. It needs no more than the store's read lock.
func (s *Space) noteUse(ref mvcc.Ref, now int64, chance uint64) {
	o := s.Uses.load()
	counter := s.usesOf(ref, now).frequency(now, o.DecayMinutes)
	s.remember(ref, use{now, countUse(counter, o.LogFactor, chance^uint64(ref))})
}

// remember never stores 0, which means no use.
func (s *Space) remember(ref mvcc.Ref, u use) {
	word := (uint32(u.at/1000)<<useCounterBits | uint32(u.counter)) & (1<<(useClockBits+useCounterBits) - 1)
	s.Store.Access(ref, max(word, 1))
}

// frequency is the counter after the time since: one less for each decay time, by the minutes of the clock.
func (u use) frequency(now, decayMinutes int64) uint8 {
	if decayMinutes <= 0 {
		return u.counter
	}
	const minute = 60_000
	periods := (now/minute - u.at/minute) / decayMinutes
	return uint8(max(int64(u.counter)-periods, 0))
}

// countUse raises a counter with a probability that falls as it grows.
func countUse(counter uint8, logFactor int64, chance uint64) uint8 {
	if counter == useCounterMax {
		return counter
	}
	over := uint64(max(int(counter)-useCounterNew, 0))
	r := rng{chance}
	if share, _ := bits.Mul64(r.next(), over*uint64(max(logFactor, 0))+1); share == 0 { // a division would cost each read more than the rest of it
		counter++
	}
	return counter
}

// noteChange counts a change as a use, and the changes of a key that follow one another as one; a key that comes to
// be starts anew.
func (tx *Tx) noteChange(c *mvcc.Change) {
	switch c.Kind {
	case mvcc.ChangePut, mvcc.ChangeElementPut, mvcc.ChangeElementDelete:
	default:
		return
	}
	switch {
	case c.Kind == mvcc.ChangePut && !c.Existed:
		tx.space.remember(c.Ref, use{tx.now, useCounterNew})
	case c.Ref != tx.used:
		tx.space.noteUse(c.Ref, tx.now, c.Rev.Main)
	}
	tx.used = c.Ref
}

// idleMax is how many seconds a key can be made to look unused for: 90 days. The clock of uses goes round in 97, and a key that was set to
// its last second would count as used a second later.
const idleMax = 90 * 24 * 3600

// SetIdle makes a live key look unused for that many seconds, up to idleMax, SetFrequency used that often, on every node: for RESTORE.
func (tx *Tx) SetIdle(key []byte, seconds int64) {
	tx.setUse(key, func(u *use) { u.at = tx.now - 1000*min(seconds, idleMax) })
}

// SetFrequency: see SetIdle.
func (tx *Tx) SetFrequency(key []byte, counter uint8) {
	tx.setUse(key, func(u *use) { u.counter = counter })
}

func (tx *Tx) setUse(key []byte, set func(*use)) {
	tx.track() // or the changes before would count as a use behind this
	if it, ok := tx.Lookup(key); ok {
		u := use{tx.now, useCounterNew}
		set(&u)
		tx.space.remember(it.Ref, u)
	}
}

// noteUse counts one use of an item of the present.
func (v *View) noteUse(it mvcc.Item) {
	if it.Ref != 0 && !v.past {
		v.space.noteUse(it.Ref, v.estimate, v.Seed)
	}
}

// IdleTime is for how many milliseconds this node knows of no use of the key, in steps of a second. A key
// not used since the node started counts as used then.
func (v *View) IdleTime(it mvcc.Item) int64 {
	if it.Ref == 0 {
		return 0
	}
	return v.estimate - v.space.usesOf(it.Ref, v.estimate).at
}

// Frequency is Redis' logarithmic counter of the key's uses on this node, from 0 to 255.
func (v *View) Frequency(it mvcc.Item) int {
	if it.Ref == 0 {
		return 0
	}
	return int(v.space.usesOf(it.Ref, v.estimate).frequency(v.estimate, v.space.Uses.load().DecayMinutes))
}

// UseSettings are this node's settings.
func (v *View) UseSettings() UseSettings { return v.space.Uses.load() }

// MemoryUsage is what the item takes in memory now, about; of the past, what its name and value would.
func (v *View) MemoryUsage(it mvcc.Item) int64 {
	if it.Ref == 0 {
		return int64(len(it.Key) + it.Len)
	}
	return v.space.Store.KeyMemory(it.Ref)
}

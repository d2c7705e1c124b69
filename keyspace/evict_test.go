package keyspace

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

const day = 86_400_000

// evictionRig has in each of two databases ten keys, plain:0 to plain:9, each last used at a second of its number and
// as often, and ten with deadlines, the later the lower their number, timed:0 to timed:9.
func evictionRig(t *testing.T) *rig {
	r := newRig(t, 1)
	r.space.Uses = &Uses{}
	r.space.Uses.Set(UseSettings{Policy: AllKeysLRU, LogFactor: 0, DecayMinutes: 0})
	for i := range int64(10) {
		r.apply(day+1000*i, func(tx *Tx) {
			for db := range uint32(2) {
				tx.Select(db)
				tx.Put(fmt.Appendf(nil, "plain:%d", i), text(0), []byte("a value of some length"))
				tx.Put(fmt.Appendf(nil, "timed:%d", i), text(2*day-i), []byte("a value of some length"))
			}
		})
		for range i {
			for db := range uint32(2) {
				v := r.space.View(db, day, day+1000*i, true)
				v.Touch(fmt.Appendf(nil, "plain:%d", i))
				v.Touch(fmt.Appendf(nil, "timed:%d", i))
			}
		}
	}
	return r
}

func (r *rig) choose(e *Evictor, p Policy, seed uint64, max int) []Victim {
	return e.Choose(r.space, EvictOptions{Policy: p, Samples: 40, Now: day + 20_000, Seed: seed, Bytes: 1 << 30, Max: max})
}

func victimNames(victims []Victim) string {
	var out []string
	for _, v := range victims {
		out = append(out, fmt.Sprintf("%d/%s", v.DB, v.Key))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestChooseByPolicy(t *testing.T) {
	r := evictionRig(t)
	for _, c := range []struct {
		policy Policy
		max    int
		want   string
	}{
		{AllKeysLRU, 4, "0/plain:0 0/timed:0 1/plain:0 1/timed:0"},
		{AllKeysLFU, 4, "0/plain:0 0/timed:0 1/plain:0 1/timed:0"},
		{VolatileLRU, 4, "0/timed:0 0/timed:1 1/timed:0 1/timed:1"},
		{VolatileLFU, 4, "0/timed:0 0/timed:1 1/timed:0 1/timed:1"},
		{VolatileTTL, 4, "0/timed:8 0/timed:9 1/timed:8 1/timed:9"},
		{NoEviction, 4, ""},
	} {
		right := 0
		for seed := range uint64(20) { // samples may miss one
			if victimNames(r.choose(&Evictor{}, c.policy, seed, c.max)) == c.want {
				right++
			}
		}
		if right < 12 {
			t.Errorf("%v takes %s %d times in 20", c.policy, c.want, right)
		}
	}
}

// Every policy gets at every key it may take, takes none twice while it is on its way, and no other.
func TestChooseReachesAll(t *testing.T) {
	r := evictionRig(t)
	for p := AllKeysLRU; p <= VolatileTTL; p++ {
		e := &Evictor{}
		var all []Victim
		for seed := range uint64(10) {
			all = append(all, r.choose(e, p, seed, 7)...)
		}
		names := victimNames(all)
		want := 40
		if p.Volatile() {
			want = 20
		}
		if n := len(strings.Fields(names)); n != want || len(slices.Compact(strings.Fields(names))) != want || p.Volatile() && strings.Contains(names, "plain") {
			t.Errorf("%v takes %d keys, want %d: %s", p, n, want, names)
		}
		if more := r.choose(e, p, 99, 1); len(more) != 0 {
			t.Errorf("%v takes %s, which goes already", p, victimNames(more))
		}
		e.Settled(all[:1])
		if again := r.choose(e, p, 99, 2); len(again) != 1 || victimNames(again) != victimNames(all[:1]) {
			t.Errorf("%v takes %s, want %s, which did not go", p, victimNames(again), victimNames(all[:1]))
		}
	}
}

// What is freed is what was asked for, and hardly more.
func TestChooseStopsWhenEnough(t *testing.T) {
	r := evictionRig(t)
	for p := AllKeysLRU; p <= VolatileTTL; p++ {
		e := &Evictor{}
		one := e.Choose(r.space, EvictOptions{Policy: p, Samples: 5, Now: day, Bytes: 1, Max: 100})
		if len(one) != 1 {
			t.Fatalf("%v takes %d keys for a byte", p, len(one))
		}
		e.Settled(one)
		three := e.Choose(r.space, EvictOptions{Policy: p, Samples: 5, Now: day, Bytes: one[0].Bytes*2 + 1, Max: 100})
		if len(three) != 3 {
			t.Errorf("%v takes %d keys for the bytes of two and one more", p, len(three))
		}
	}
}

// A key that changed since it was chosen stays, as does one that is not volatile any more.
func TestEvictLeavesWhatChanged(t *testing.T) {
	r := evictionRig(t)
	victims := r.choose(&Evictor{}, VolatileTTL, 1, 4)
	slices.SortFunc(victims, func(a, b Victim) int { return strings.Compare(victimNames([]Victim{a}), victimNames([]Victim{b})) })
	var got string
	r.apply(day+10_000, func(tx *Tx) {
		tx.Persist([]byte("timed:8"))
		tx.Delete([]byte("timed:9"))
		for _, v := range victims {
			tx.Select(v.DB)
			got += bit(tx.Evict(v.Key, v.Mod))
		}
	})
	if got != "0011" || r.space.Evicted != 2 {
		t.Errorf("Evict of a persisted, a deleted and two other keys = %s, want 0011; %d counted", got, r.space.Evicted)
	}
}

func TestUses(t *testing.T) {
	u := use{at: 10 * 60_000, counter: 20}
	for _, c := range []struct {
		now, decay int64
		want       uint8
	}{{10 * 60_000, 1, 20}, {11*60_000 - 1, 1, 20}, {11 * 60_000, 1, 19}, {15 * 60_000, 2, 18}, {600 * 60_000, 1, 0}, {600 * 60_000, 0, 20}} {
		if got := u.frequency(c.now, c.decay); got != c.want {
			t.Errorf("a counter of 20 at minute 10 is %d at %d ms with a decay time of %d, want %d", got, c.now, c.decay, c.want)
		}
	}
	for _, c := range []struct {
		uses     int
		factor   int64
		low, top uint8
	}{{1000, 0, 255, 255}, {100, 1, 14, 22}, {1000, 10, 14, 24}, {100_000, 10, 120, 165}} { // the table of redis.conf, ours beginning at 5
		counter := uint8(useCounterNew)
		chance := rng{7}
		for range c.uses {
			counter = countUse(counter, c.factor, chance.next())
		}
		if counter < c.low || counter > c.top {
			t.Errorf("%d uses at a factor of %d count %d, want %d to %d", c.uses, c.factor, counter, c.low, c.top)
		}
	}
}

func TestUsesAreRemembered(t *testing.T) {
	r := evictionRig(t)
	uses := func(key string) string {
		v := r.space.View(0, day, day+20_000, true)
		it, _ := v.Lookup([]byte(key))
		return fmt.Sprintf("%d ms, %d", v.IdleTime(it), v.Frequency(it))
	}
	if got, want := uses("plain:3"), "17000 ms, 8"; got != want {
		t.Errorf("a key written once and read three times at second 3 has %s, want %s", got, want)
	}
	r.apply(day+19_000, func(tx *Tx) { tx.Put([]byte("plain:3"), text(0), []byte("other")) })
	if got, want := uses("plain:3"), "1000 ms, 9"; got != want {
		t.Errorf("after a write it has %s, want %s", got, want)
	}
	r.apply(day+19_000, func(tx *Tx) {
		tx.Put([]byte("restored"), text(0), nil)
		tx.SetIdle([]byte("restored"), 100)
		tx.Put([]byte("often"), text(0), nil)
		tx.SetFrequency([]byte("often"), 77)
	})
	if got, want := uses("restored")+"; "+uses("often"), "101000 ms, 5; 1000 ms, 77"; got != want {
		t.Errorf("restored keys have %s, want %s", got, want)
	}
	r.apply(day+19_000, func(tx *Tx) {
		tx.Put([]byte("for ever"), text(0), nil)
		tx.SetIdle([]byte("for ever"), math.MaxInt64)
	})
	if got, want := uses("for ever"), fmt.Sprintf("%d ms, 5", idleMax*1000+1000); got != want {
		t.Errorf("a key that was not used for ever has %s, want %s", got, want)
	}
}

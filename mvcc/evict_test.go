package mvcc

import (
	"fmt"
	"testing"
)

// TestDataMemoryAddsUp holds the figures against each other: what a key is said to take is what its coming and going
// adds and takes away.
func TestDataMemoryAddsUp(t *testing.T) {
	s := newStore(t)
	index := uint64(0)
	run := func(do func(tx *Tx)) {
		index++
		b := s.Begin()
		s.Lock()
		tx := b.Tx()
		do(tx)
		tx.Commit()
		s.Unlock()
		if err := b.Commit(index); err != nil {
			t.Fatal(err)
		}
	}
	const n = 2000
	value := make([]byte, 1000)
	run(func(tx *Tx) {
		for i := range n {
			tx.Put(tx.Keyspace(0), fmt.Appendf(nil, "key:%d", i), Attr{Type: String}, value)
		}
	})
	full := s.DataMemory()
	if full.Past != 0 {
		t.Errorf("nothing is superseded, and %d bytes are of the past", full.Past)
	}
	var sum int64
	v := s.View()
	v.Ascend(v.Keyspace(0), nil, func(it Item) bool {
		sum += s.KeyMemory(it.Ref)
		return true
	})
	if sum < full.Used*95/100 || sum > full.Used*105/100 {
		t.Errorf("all keys take %d together, the store %d", sum, full.Used)
	}
	run(func(tx *Tx) {
		for i := range n / 2 {
			tx.Delete(tx.Keyspace(0), fmt.Appendf(nil, "key:%d", i))
		}
	})
	half := s.DataMemory()
	if live := half.Used - half.Past; live < full.Used*45/100 || live > full.Used*55/100 {
		t.Errorf("half of %d bytes deleted leaves %d of %d", full.Used, live, half.Used)
	}
	run(func(tx *Tx) {
		if err := tx.Compact(2); err != nil {
			t.Fatal(err)
		}
	})
	for s.Garbage() > 0 {
		run(func(tx *Tx) { tx.CompactStep(1000) })
	}
	run(func(tx *Tx) { tx.Flush(0) })
	if m := s.DataMemory(); m.Used-m.Past > full.Used/50 {
		t.Errorf("a flushed store still has %d bytes of %d that are not of the past", m.Used-m.Past, m.Used)
	}
}

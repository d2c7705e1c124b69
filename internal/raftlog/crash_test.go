package raftlog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestPowerLoss cuts the power before any operation on the disk, in life after life of a log: what was saved is there, what was being
// saved is there or is not.
func TestPowerLoss(t *testing.T) {
	lives := 300
	if testing.Short() {
		lives = 60
	}
	for seed := range uint64(4) {
		chance := rand.New(rand.NewPCG(seed, 2))
		r, m, d := newRandom(seed), model{}, newDisk()
		d.cached = seed == 3
		if seed == 1 {
			d.writer = new(diskWriter)
		}
		for life := range lives {
			next, doing := live(t, r, m, d, 1+chance.IntN(60), chance)
			with := m.clone()
			if doing != nil {
				doing.note(with)
			}
			d = next
			l, err := Open(d.options())
			if err != nil {
				t.Fatalf("seed %d, life %d: %v", seed, life, err)
			}
			if without := m.check(l, true); without != nil {
				if err := with.check(l, true); err != nil {
					t.Fatalf("seed %d, life %d: neither what was before (%v) nor what was to come (%v)", seed, life, without, err)
				}
				m = with
			}
			m.adopt(l)
			d.before = nil
		}
	}
}

// live runs a log until the power goes, and returns what is left and what was being done then.
func live(t *testing.T, r *random, m model, d *disk, cut int, chance *rand.Rand) (left *disk, doing *act) {
	t.Helper()
	cut += d.changes
	d.before = func(change int) error {
		if change == cut {
			left = d.after(chance)
		}
		if change >= cut {
			return errPower
		}
		return nil
	}
	l, err := Open(d.options())
	for err == nil {
		a := r.next(m)
		if chance.IntN(50) == 0 {
			a = act{"close", (*Log).Close, func(model) {}}
		}
		if err = a.run(l); err != nil {
			doing = &a
			break
		}
		a.note(m)
		if a.name == "close" {
			l, err = Open(d.options())
		}
	}
	if !errors.Is(err, errPower) {
		t.Fatalf("the power is there, and yet: %v", err)
	}
	return left, doing
}

// TestFailedDisk has one operation on the disk fail, be it half done: the log refuses everything from then on, and what it had
// acknowledged is there when it is opened again.
func TestFailedDisk(t *testing.T) {
	for fail := 1; fail < 250; fail++ {
		r, m, d := newRandom(uint64(fail)), model{}, newDisk()
		d.cached, d.late = fail%4 == 1, fail%4 == 2
		if fail%8 < 4 {
			d.writer = new(diskWriter)
		}
		d.before = func(change int) error {
			if change == fail {
				return errPower
			}
			return nil
		}
		l, err := Open(d.options())
		if err != nil {
			continue
		}
		var a act
		for err == nil {
			a = r.next(m)
			if err = a.run(l); err == nil {
				a.note(m)
			}
		}
		if !errors.Is(err, errPower) {
			t.Fatal(err)
		}
		syncs, changes := d.syncs, d.changes
		for range 20 {
			b := r.next(m)
			if err := b.run(l); err == nil && d.changes > changes {
				t.Fatalf("failure %d in %s: %s was written after it", fail, a.name, b.name)
			}
		}
		_ = l.Close()
		if d.syncs != syncs || d.changes != changes {
			t.Fatalf("failure %d in %s: the disk was used after it", fail, a.name)
		}
		with := m.clone()
		a.note(with)
		again := openOn(t, d)
		if without := m.check(again, true); without != nil {
			if err := with.check(again, true); err != nil {
				t.Fatalf("failure %d in %s: neither what was before (%v) nor what was to come (%v)", fail, a.name, without, err)
			}
		}
	}
}

// TestUnsyncedTail has a process die between a write and its sync, another read what it wrote, and only then the power go: what the
// second has seen may not be gone.
func TestUnsyncedTail(t *testing.T) {
	for seed := range uint64(200) {
		r, m, d := newRandom(seed), model{}, newDisk()
		l := openOn(t, d)
		for range 10 {
			a := r.next(m)
			if err := a.run(l); err != nil {
				t.Fatal(err)
			}
			a.note(m)
		}
		last := r.saving(r.appending(r.ids[0], m.at(r.ids[0])))
		writes := 0
		d.before = func(int) error {
			if writes++; writes > 1 { // the record is written, its sync and all else not
				return errPower
			}
			return nil
		}
		if err := last.run(l); !errors.Is(err, errPower) {
			t.Fatal(err)
		}
		d.before = nil
		l = openOn(t, d)
		with := m.clone()
		last.note(with)
		seen := fmt.Sprint(with.check(l, true))
		after := openOn(t, d.after(r.Rand))
		if got := fmt.Sprint(with.check(after, true)); got != seen {
			t.Fatalf("seed %d: the second process saw (%s), the third (%s)", seed, seen, got)
		}
	}
}

package raftlog

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// slowSyncer syncs files of a disk: what was there when it began is there when it ends, by chance or when somebody waits.
type slowSyncer struct {
	d      *disk
	chance *rand.Rand // nil: only for who waits
	file   *node
	data   []byte
	at     int64
	blocks []byte // to be written first; nil: nothing
	was    []byte // blocks, as they were
	fails  error
	begun  int
	writes int
}

func (s *slowSyncer) Begin(f any) error {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if s.file != nil {
		panic("two syncs at a time")
	}
	s.file = f.(*file).n
	s.data = bytes.Clone(s.file.data)
	s.begun++
	return nil
}

func (s *slowSyncer) BeginWrite(f any, b []byte, at int64) error {
	if err := f.(*file).n.mayWrite(b, at, s.d.late); err != nil {
		return err
	}
	s.writes++
	s.blocks, s.was, s.at = b, bytes.Clone(b), at
	if s.chance != nil && s.chance.IntN(2) == 0 { // so that power fails in the midst of it
		s.d.mu.Lock()
		f.(*file).n.write(b, at)
		s.d.mu.Unlock()
	}
	return s.Begin(f)
}

func (s *slowSyncer) Ended(wait bool) (bool, error) {
	if s.file == nil {
		panic("no sync is under way")
	}
	if !wait && (s.chance == nil || s.chance.IntN(2) == 0) {
		return false, nil
	}
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	if s.fails != nil {
		return true, s.fails
	}
	if s.blocks != nil && !bytes.Equal(s.blocks, s.was) {
		panic("what was being written is something else now")
	}
	if err := s.d.change(); err != nil {
		if s.blocks != nil {
			s.file.write(s.blocks[:len(s.blocks)/2], s.at) // is written nevertheless
		}
		return true, err
	}
	if s.blocks != nil {
		s.file.write(s.blocks, s.at)
		s.data, s.blocks = bytes.Clone(s.file.data), nil
	}
	s.file.synced, s.file = s.data, nil
	s.d.syncs++
	return true, nil
}

// beginBeside has a log sync beside, as far as alone says.
func beginBeside(t *testing.T, l *Log, s Syncer, alone *bool, lost *error) {
	t.Helper()
	if err := l.SyncBeside(s, func() bool { return *alone }, func(err error) { *lost = err }); err != nil {
		t.Fatal(err)
	}
}

// TestBeside: what is synced beside, and what before it is taken for saved.
func TestBeside(t *testing.T) {
	d := newDisk()
	l := openOn(t, d)
	s := &slowSyncer{d: d}
	alone, lost := true, error(nil)
	beginBeside(t, l, s, &alone, &lost)
	change := entries(6, 6, 2)
	change[0].Type = pb.ConfigChangeEntry
	for _, step := range []struct {
		what   string
		u      pb.Update
		alone  bool
		beside bool
	}{
		{"a new term", update(1, 1, 0, entries(1, 2, 1)...), true, false},
		{"entries", update(1, 1, 2, entries(3, 3, 1)...), true, true},
		{"a commit index", update(1, 1, 3), true, false},
		{"entries, without a word of the state", update(0, 0, 0, entries(4, 4, 1)...), true, true},
		{"a vote", update(2, 1, 4), true, false},
		{"entries of that term", update(2, 1, 4, entries(5, 5, 2)...), true, true},
		{"a change of the membership", update(2, 1, 5, change...), true, false},
		{"entries of somebody with others", update(2, 1, 6, entries(7, 7, 2)...), false, false},
		{"entries of somebody alone", update(2, 1, 7, entries(8, 8, 2)...), true, true},
	} {
		alone = step.alone
		before := s.begun
		mustSave(t, l, step.u)
		ticket, _, under := l.Unsettled()
		if got := s.begun > before; got != step.beside || step.beside && !under {
			t.Errorf("%s: synced beside is %v, under way %v, want %v", step.what, got, under, step.beside)
		}
		if under && l.Settled(ticket) {
			t.Errorf("%s: settled before its time", step.what)
		}
		if len(step.u.EntriesToSave) > 0 && !step.beside && under {
			t.Errorf("%s: taken for saved, and a sync is under way", step.what)
		}
	}
	ticket, _, _ := l.Unsettled()
	if err := l.Settle(); err != nil || !l.Settled(ticket) {
		t.Errorf("settled is %v: %v", l.Settled(ticket), err)
	}
	if _, _, under := l.Unsettled(); under {
		t.Error("a sync is under way behind Settle")
	}
	mustSave(t, l, update(2, 1, 8, entries(9, 9, 2)...))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got, _, err := openOn(t, d).IterateEntries(nil, 0, 1, 2, 1, 10, 1<<20); len(got) != 9 || err != nil {
		t.Errorf("%d entries after Close, %v", len(got), err)
	}
	if lost != nil {
		t.Error(lost)
	}
}

// TestBesideRead: who reads what is still being written has it all.
func TestBesideRead(t *testing.T) {
	d := newDisk()
	l := openOn(t, d)
	s := &slowSyncer{d: d}
	alone, lost := true, error(nil)
	beginBeside(t, l, s, &alone, &lost)
	mustSave(t, l, update(1, 1, 0, entries(1, 1, 1)...))
	mustSave(t, l, update(1, 1, 1, entries(2, 9, 1)...))
	if _, _, under := l.Unsettled(); !under || s.writes != 1 {
		t.Fatalf("%d writes beside, under way %v", s.writes, under)
	}
	if got, _, err := l.IterateEntries(nil, 0, 1, 2, 1, 10, 1<<20); len(got) != 9 || err != nil || lost != nil {
		t.Errorf("%d entries, %v, %v", len(got), err, lost)
	}
}

// TestBesideRace: who has company by the time that a sync has begun waits for it, and nobody else is left to wonder whether one is under way.
func TestBesideRace(t *testing.T) {
	d := newDisk()
	l := openOn(t, d)
	s, asked := &slowSyncer{d: d}, 0
	may := func() bool { asked++; return asked == 1 }
	if err := l.SyncBeside(s, may, func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	mustSave(t, l, update(1, 1, 0, entries(1, 1, 1)...))
	syncs := d.syncs
	mustSave(t, l, update(1, 1, 0, entries(2, 2, 1)...))
	if _, _, under := l.Unsettled(); under || s.begun != 1 || d.syncs != syncs+1 {
		t.Errorf("%d syncs, %d begun beside, one under way: %v", d.syncs-syncs, s.begun, under)
	}
	seen := make(chan bool, 1)
	d.before = func(int) error { // of a log that syncs as ever, nobody thinks that it syncs beside
		_, _, under := l.Unsettled()
		select {
		case seen <- under:
		default:
		}
		return nil
	}
	mustSave(t, l, update(1, 1, 0, entries(3, 3, 1)...))
	if <-seen {
		t.Error("a sync is said to be under way beside, and is not")
	}
}

// TestBesideFails: an error of a sync is told once, and nothing is saved any more.
func TestBesideFails(t *testing.T) {
	d := newDisk()
	l := openOn(t, d)
	s := &slowSyncer{d: d}
	alone, lost := true, error(nil)
	beginBeside(t, l, s, &alone, &lost)
	mustSave(t, l, update(1, 1, 0, entries(1, 1, 1)...))
	mustSave(t, l, update(1, 1, 1, entries(2, 2, 1)...))
	s.fails = errPower
	ticket, _, _ := l.Unsettled()
	if err := l.Settle(); !errors.Is(err, errPower) || !errors.Is(lost, errPower) {
		t.Fatalf("Settle: %v, and %v was told", err, lost)
	}
	if l.Settled(ticket) {
		t.Error("what could not be synced is settled")
	}
	changes := d.changes
	if err := l.SaveRaftState([]pb.Update{update(1, 1, 1, entries(3, 3, 1)...)}, 1); !errors.Is(err, errPower) {
		t.Errorf("a save after it: %v", err)
	}
	if d.changes != changes {
		t.Error("the disk was written after it")
	}
}

// TestBesidePowerLoss is TestPowerLoss of a log that syncs beside: what was settled is there, and of what came after it a part from its front.
func TestBesidePowerLoss(t *testing.T) {
	lives := 300
	if testing.Short() {
		lives = 60
	}
	for seed := range uint64(4) {
		chance := rand.New(rand.NewPCG(seed, 3))
		r, m, d := newRandom(seed), model{}, newDisk()
		d.cached = seed == 3
		if seed == 1 {
			d.writer = new(diskWriter)
		}
		r.ids = slices.Clone(r.ids)[:1]
		r.ids = append(r.ids, r.ids[0])
		beside, writes := 0, 0
		for life := range lives {
			next, pending, s := liveBeside(t, r, m, d, 1+chance.IntN(60), chance)
			beside, writes = beside+s.begun, writes+s.writes
			d = next
			l := openOn(t, d)
			err := m.check(l, true)
			for _, a := range pending {
				if err == nil {
					break
				}
				a.note(m)
				err = m.check(l, true)
			}
			if err != nil {
				t.Fatalf("seed %d, life %d: nothing of what may be there after %d operations: %v", seed, life, len(pending), err)
			}
			m.adopt(l)
			d.before = nil
		}
		if beside < lives {
			t.Errorf("seed %d: %d syncs beside in %d lives", seed, beside, lives)
		}
		if d.cached && writes > 0 || !d.cached && writes < beside/2 {
			t.Errorf("seed %d: %d of %d syncs beside came with a write", seed, writes, beside)
		}
	}
}

// liveBeside is live; pending are the operations that may or may not have left something, in their order.
func liveBeside(t *testing.T, r *random, m model, d *disk, cut int, chance *rand.Rand) (left *disk, pending []act, s *slowSyncer) {
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
	s = &slowSyncer{d: d, chance: chance}
	alone, lost := true, error(nil)
	l, err := Open(d.options())
	if err == nil {
		beginBeside(t, l, s, &alone, &lost)
	}
	shown := m.clone() // what is saved as far as Raft knows
	for err == nil {
		alone = chance.IntN(4) > 0
		a := r.next(shown)
		if chance.IntN(4) == 0 {
			a = act{"settle", (*Log).Settle, func(model) {}}
		}
		pending = append(pending, a)
		if err = a.run(l); err != nil {
			break
		}
		a.note(shown)
		if ticket, _, under := l.Unsettled(); !under || l.Settled(ticket) {
			for _, a := range pending {
				a.note(m)
			}
			pending = nil
		}
		if lost != nil {
			err = lost
		}
	}
	if !errors.Is(err, errPower) {
		t.Fatalf("the power is there, and yet: %v", err)
	}
	return left, pending, s
}

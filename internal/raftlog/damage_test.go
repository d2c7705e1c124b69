package raftlog

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// written is a disk with a log of several segments, and what is in it. It was not closed, so the last record is one of entries.
func written(t *testing.T, seed uint64, acts int) (*disk, model) {
	t.Helper()
	r, m, d := newRandom(seed), model{}, newDisk()
	l := openOn(t, d)
	for range acts {
		a := r.next(m)
		if err := a.run(l); err != nil {
			t.Fatal(err)
		}
		a.note(m)
	}
	last := r.saving(r.appending(r.ids[0], m.at(r.ids[0])))
	if err := last.run(l); err != nil {
		t.Fatal(err)
	}
	last.note(m)
	return d, m
}

// copied is a disk with the same files, the one of that name with another content.
func (d *disk) copied(name string, content []byte) *disk {
	c := newDisk()
	maps.Copy(c.dirs, d.dirs)
	for p, n := range d.names {
		data := bytes.Clone(n.data)
		if name != "" && strings.HasSuffix(p, name) {
			data = content
		}
		if data != nil {
			c.names[p] = &node{data: data, synced: data}
		}
	}
	return c
}

func newest(d *disk) string {
	name := ""
	for n := range d.segments() {
		name = max(name, n)
	}
	return name
}

// recordsOf returns where the records of a segment begin, and where the last one ends.
func recordsOf(t *testing.T, content []byte) []int64 {
	t.Helper()
	h, err := decodeSegmentHeader(content)
	if err != nil {
		t.Fatal(err)
	}
	s := &scanner{in: bytes.NewReader(content), size: int64(len(content)), salt: h.salt}
	starts := []int64{segmentHeaderLen}
	for seq := h.previous.seq + 1; ; seq++ {
		rec, v, err := s.look(starts[len(starts)-1], seq)
		if err != nil {
			t.Fatal(err)
		}
		if v != whole {
			return starts
		}
		starts = append(starts, rec.end())
	}
}

// refusedOrWhole opens a spoilt log: it is refused with a sentence, or nothing is lost.
func refusedOrWhole(d *disk, m model) (refused bool, err error) {
	l, err := Open(d.options())
	if err == nil {
		return false, m.check(l, false)
	}
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "restore") {
		return true, fmt.Errorf("refused without a good reason: %w", err)
	}
	return true, nil
}

// spots are the offsets of a segment that are worth changing: its header, the headers, first items and ends of its records, what lies
// behind them, and some others.
func spots(starts []int64, size int, chance *rand.Rand) (at []int) {
	for i := range segmentHeaderLen {
		at = append(at, i)
	}
	for i, start := range starts {
		for n := range 80 {
			at = append(at, int(start)+n)
		}
		for n := range 40 {
			at = append(at, int(start)-1-n)
		}
		if i > 0 {
			for range 10 {
				at = append(at, int(starts[i-1])+chance.IntN(int(start-starts[i-1])))
			}
		}
	}
	at = append(at, chance.IntN(size))
	slices.Sort(at)
	at = slices.Compact(at)
	return slices.DeleteFunc(at, func(i int) bool { return i >= size })
}

// TestFlippedByte changes single bytes of a log, and opens it.
func TestFlippedByte(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 4))
	for seed := range uint64(3) {
		d, m := written(t, seed, 15)
		for name, n := range d.segments() {
			starts := recordsOf(t, n.data)
			end := starts[len(starts)-1]
			for _, at := range spots(starts, len(n.data), chance) {
				if testing.Short() && chance.IntN(5) > 0 {
					continue
				}
				spoilt := bytes.Clone(n.data)
				spoilt[at] ^= byte(1 + chance.IntN(255))
				refused, err := refusedOrWhole(d.copied(name, spoilt), m)
				if err != nil {
					t.Fatalf("seed %d, byte %d of %s (%d written): %v", seed, at, name, end, err)
				}
				if name == newest(d) && at < int(end) && !refused {
					t.Fatalf("seed %d, byte %d of the %d written to %s: not noticed", seed, at, end, name)
				}
			}
		}
	}
}

// TestLostPage clears pages in front of the last record.
func TestLostPage(t *testing.T) {
	d, m := written(t, 5, 60)
	for name, n := range d.segments() {
		starts := recordsOf(t, n.data)
		for at := 0; at+512 < int(starts[len(starts)-2]); at += 512 {
			spoilt := bytes.Clone(n.data)
			clear(spoilt[at : at+512])
			if bytes.Equal(spoilt, n.data) {
				continue
			}
			if refused, err := refusedOrWhole(d.copied(name, spoilt), m); !refused || err != nil {
				t.Fatalf("%s: sector at %d cleared: refused %t, %v", name, at, refused, err)
			}
		}
	}
}

// TestTornTail leaves of the last record what a power loss may leave: its front, ended by the end of the file or followed by zeros,
// or any of its sectors.
func TestTornTail(t *testing.T) {
	chance := rand.New(rand.NewPCG(5, 6))
	for seed := range uint64(8) {
		d, _ := written(t, seed, 10)
		name := newest(d)
		content := d.segments()[name].data
		starts := recordsOf(t, content)
		from, to := int(starts[len(starts)-2]), int(starts[len(starts)-1])
		whole, err := Open(Options{FS: d.copied(name, content[:from]), Dir: "/log"})
		if err != nil {
			t.Fatal(err)
		}
		same := func(what string, content []byte) {
			t.Helper()
			l, err := Open(Options{FS: d.copied(name, content), Dir: "/log"})
			if err != nil {
				t.Fatalf("seed %d: record from %d to %d, %s: %v", seed, from, to, what, err)
			}
			for id, g := range whole.groups {
				h := l.groups[id]
				if h == nil || g.first != h.first || g.last != h.last || g.saved != h.saved || g.snapIndex != h.snapIndex {
					t.Fatalf("seed %d: record from %d to %d, %s: %+v, want %+v", seed, from, to, what, h, g)
				}
			}
		}
		for end := from; end < to; end++ {
			if end%sector != 0 && end-from > 60 && to-end > 60 && chance.IntN(200) > 0 {
				continue
			}
			same(fmt.Sprint("cut to ", end), content[:end])
			if (to-end)%sector == 0 || end%sector == 0 {
				torn := bytes.Clone(content)
				clear(torn[end:to])
				same(fmt.Sprint("zeros from ", end), torn)
			}
		}
		for range 60 {
			torn := bytes.Clone(content)
			lost := false
			for at := from &^ (sector - 1); at < to; at += sector {
				a, b := max(at, from), min(at+sector, to)
				if chance.IntN(2) == 0 && !zero(torn[a:b]) {
					clear(torn[a:b])
					lost = true
				}
			}
			if lost {
				same("sectors lost", torn)
			}
		}
	}
}

// TestAdvice does what the refusal of a damaged log says can be done.
func TestAdvice(t *testing.T) {
	d, _ := written(t, 9, 60)
	for name, n := range d.segments() {
		starts := recordsOf(t, n.data)
		for _, at := range []int64{3, starts[0] + 5, starts[len(starts)/2] + 40} {
			spoilt := bytes.Clone(n.data)
			spoilt[at] ^= 0x10
			c := d.copied(name, spoilt)
			_, err := Open(Options{FS: c, Dir: "/log"})
			if err == nil {
				t.Fatalf("%s: byte %d was not noticed", name, at)
			}
			_, advice, ok := strings.Cut(err.Error(), "from there on by ")
			if !ok {
				if name != "0000000001.raftlog" {
					t.Errorf("%s: byte %d: no advice: %v", name, at, err)
				}
				continue
			}
			remove, cut, _ := strings.Cut(advice, "cutting the file to ")
			for p := range d.names {
				if strings.Contains(remove, p) {
					delete(c.names, p)
				}
			}
			var keep int64
			if _, err := fmt.Sscan(cut, &keep); err == nil {
				f := c.segments()[name]
				f.data = f.data[:keep]
			}
			if _, err := Open(Options{FS: c, Dir: "/log"}); err != nil {
				t.Errorf("%s: byte %d: after %q: %v", name, at, advice, err)
			}
		}
	}
}

// TestMissingSegment removes files of the log.
func TestMissingSegment(t *testing.T) {
	d, m := written(t, 11, 200)
	last := newest(d)
	refusals := 0
	for name := range d.segments() {
		if name == last {
			continue
		}
		refused, err := refusedOrWhole(d.copied(name, nil), m)
		if err != nil {
			t.Errorf("without %s: %v", name, err)
		}
		if refused {
			refusals++
		}
	}
	if refusals == 0 {
		t.Error("no segment was missed")
	}
}

// TestOtherFiles: a file of another log, and one of a newer format.
func TestOtherFiles(t *testing.T) {
	d, _ := written(t, 1, 100)
	other, _ := written(t, 1, 100)
	name := newest(d)
	if _, err := Open(Options{FS: d.copied(name, other.segments()[name].data), Dir: "/log"}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a segment of another log: %v", err)
	}
	newer := bytes.Clone(d.segments()[name].data)
	newer[8] = format + 1
	sum := headerSum(newer)
	newer[12], newer[13], newer[14], newer[15] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
	if _, err := Open(Options{FS: d.copied(name, newer), Dir: "/log"}); !errors.Is(err, ErrNewer) {
		t.Errorf("a newer format: %v", err)
	}
}

// TestReadOfSpoiltEntry: what is spoilt while the log is open is not handed out.
func TestReadOfSpoiltEntry(t *testing.T) {
	d := newDisk()
	l := openOn(t, d)
	u := pb.Update{ShardID: 1, ReplicaID: 1, State: pb.State{Term: 1}, EntriesToSave: []pb.Entry{{Index: 1, Term: 1, Cmd: make([]byte, 100)}}}
	if err := l.SaveRaftState([]pb.Update{u}, 1); err != nil {
		t.Fatal(err)
	}
	data := d.segments()[newest(d)].data
	data[l.active().end-40] ^= 1
	if _, _, err := l.IterateEntries(nil, 0, 1, 1, 1, 2, 0); !errors.Is(err, ErrDamaged) {
		t.Errorf("a spoilt entry was read: %v", err)
	}
}

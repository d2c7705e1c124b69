package replica

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lni/vfs"
)

// walFile is the newest write-ahead log in a replica's directory that holds anything, with what is in it.
type walFile struct {
	path    string
	number  uint32
	content []byte
}

func newestWAL(t *testing.T, dir string) walFile {
	t.Helper()
	dirs, err := (&home{fs: vfs.Default, dir: dir}).logDirs(dir)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, dir := range dirs {
		found, err := filepath.Glob(filepath.Join(dir, "*"+walSuffix))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	var newest walFile
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		number, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(path), walSuffix))
		if err != nil {
			t.Fatal(err)
		}
		if len(content) > 1000 && uint32(number) > newest.number {
			newest = walFile{path, uint32(number), content}
		}
	}
	if newest.content == nil {
		t.Fatalf("no write-ahead log with anything in it in %v", paths)
	}
	return newest
}

// writtenWAL is the log of a life of real writes: small ones, one of several blocks, and small ones again. In a recycled file
// older ones lie behind.
func writtenWAL(t *testing.T, recycled bool) (walFile, Options, []string) {
	t.Helper()
	o := testOptions(t, newCounting())
	r := mustOpen(t, o)
	if recycled {
		proposeAll(t, r, slices.Repeat([]string{strings.Repeat("o", 100<<10)}, 1500)) // several memtables, of up to 16 MiB
	}
	chance := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		proposeAll(t, r, []string{datum(chance, 3000)})
	}
	proposeAll(t, r, []string{datum(chance, 0) + strings.Repeat("z", 100<<10)})
	for range 60 {
		proposeAll(t, r, []string{datum(chance, 3000)})
	}
	mustClose(t, r)
	return newestWAL(t, o.Dir), o, o.Machine.(*counting).log()
}

func datum(chance *rand.Rand, longest int) string {
	b := make([]byte, chance.IntN(longest+1))
	for i := range b {
		b[i] = byte(chance.Uint32())
	}
	return fmt.Sprintf("%x", b)
}

// written is the length of what this file's writer wrote into it, without the mark of the end.
func (w walFile) written(t *testing.T) int {
	t.Helper()
	s := newWALScan(bytes.NewReader(w.content), w.number)
	end := 0
	for {
		if err := s.next(); err != nil || s.n == 0 {
			return end
		}
		for at := 0; ; {
			size, ok := s.valid(at)
			if !ok {
				break
			}
			at += size
			end = int(s.base) + at
		}
	}
}

func (w walFile) check(t *testing.T, content []byte) *walDamage {
	t.Helper()
	damage, err := checkWAL(bytes.NewReader(content), w.number)
	if err != nil {
		t.Fatal(err)
	}
	return damage
}

func TestWALDamage(t *testing.T) {
	for _, recycled := range []bool{false, true} {
		w, _, _ := writtenWAL(t, recycled)
		end := w.written(t)
		chance := rand.New(rand.NewPCG(5, 6))
		t.Logf("recycled %t: %d bytes written in a file of %d", recycled, end, len(w.content))
		if recycled != (len(w.content) > end+walBlock) {
			t.Fatalf("recycled %t: the file has %d bytes, %d of them written", recycled, len(w.content), end)
		}
		if damage := w.check(t, w.content); damage != nil {
			t.Fatalf("recycled %t: a whole file is damaged at %+v", recycled, damage)
		}
		spoilt := bytes.Clone(w.content)
		for range 1500 {
			at, by := end-1-chance.IntN(min(end, 300<<10)), byte(1+chance.IntN(255))
			spoilt[at] ^= by
			damage := w.check(t, spoilt)
			if damage == nil && !w.unread(at) {
				t.Errorf("recycled %t: byte %d of %d changed by %#x was not noticed", recycled, at, end, by)
			} else if damage != nil && (damage.chunk > int64(at) || damage.record > damage.chunk) {
				t.Errorf("recycled %t: byte %d changed, damage reported at %+v", recycled, at, damage)
			}
			spoilt[at] ^= by
		}
		for range 300 { // a page lost from what was synced
			at := (end - 50<<10 - chance.IntN(200<<10)) &^ 4095
			copy(spoilt, w.content)
			clear(spoilt[at : at+4096])
			if w.check(t, spoilt) == nil {
				t.Errorf("recycled %t: the page at %d of %d was cleared, and it was not noticed", recycled, at, end)
			}
		}
	}
}

// unread: the last bytes of a block, too few to be looked at.
func (w walFile) unread(at int) bool { return walBlock-at%walBlock < walLegacy }

// TestWALTorn leaves of the last write what a power loss may leave: any of its sectors, and for the others zeros, or
// what was there before.
func TestWALTorn(t *testing.T) {
	for _, recycled := range []bool{false, true} {
		w, _, _ := writtenWAL(t, recycled)
		chance := rand.New(rand.NewPCG(7, 8))
		starts := w.records(t)
		starts = starts[max(0, len(starts)-200):]
		before := w.renumbered(t)
		for range 400 {
			i := chance.IntN(len(starts) - 1)
			from, to := starts[i], starts[i+1]
			torn := bytes.Clone(w.content[:to])
			for sector := from &^ 511; sector < to; sector += 512 {
				if chance.IntN(2) == 0 {
					continue
				}
				for at := max(sector, from); at < min(sector+512, to); at++ {
					torn[at] = 0
					if recycled {
						torn[at] = before[at-starts[0]&^(walBlock-1)]
					}
				}
			}
			if damage := w.check(t, torn); damage != nil {
				t.Errorf("recycled %t: the write from %d to %d is torn, and the file damaged at %+v", recycled, from, to, damage)
			}
			if damage := w.check(t, w.content[:from+chance.IntN(to-from)]); damage != nil {
				t.Errorf("recycled %t: the file ends in the write from %d to %d, and is damaged at %+v", recycled, from, to, damage)
			}
		}
	}
}

// renumbered is this file's content as an older one would have left it.
func (w walFile) renumbered(t *testing.T) []byte {
	t.Helper()
	s := newWALScan(bytes.NewReader(w.content), w.number)
	var older []byte
	for s.next() == nil && s.n > 0 {
		block := bytes.Clone(s.block[:s.n])
		for at := 0; ; {
			size, ok := s.valid(at)
			if !ok {
				break
			}
			binary.LittleEndian.PutUint32(block[at+7:], w.number-4)
			binary.LittleEndian.PutUint32(block[at:], cooked(crc32.Checksum(block[at+6:at+size], s.table)))
			at += size
		}
		older = append(older, block...)
	}
	return older
}

// records returns where each record begins, and where the last ends.
func (w walFile) records(t *testing.T) []int {
	t.Helper()
	s := newWALScan(bytes.NewReader(w.content), w.number)
	var starts []int
	for s.next() == nil && s.n > 0 {
		for at := 0; ; {
			size, ok := s.valid(at)
			if !ok {
				break
			}
			if kind := s.block[at+6]; kind == chunkFull || kind == chunkHead {
				starts = append(starts, int(s.base)+at)
			}
			at += size
		}
	}
	return append(starts, w.written(t))
}

// TestFlippedByte starts a node whose log was changed: either it refuses, or it has all that was acknowledged.
func TestFlippedByte(t *testing.T) {
	w, o, acknowledged := writtenWAL(t, false)
	end := w.written(t)
	chance := rand.New(rand.NewPCG(9, 10))
	for range 20 {
		at := chance.IntN(end)
		spoilt := bytes.Clone(w.content)
		spoilt[at] ^= byte(1 + chance.IntN(255))
		write(t, filepath.Dir(w.path), filepath.Base(w.path), string(spoilt))
		o.Machine = newCounting()
		r, err := Open(o)
		if errors.Is(err, ErrDamaged) {
			continue
		}
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		awaitLog(t, r, o.Machine.(*counting), acknowledged)
		t.Fatalf("byte %d of %d was changed, and the node started", at, end)
	}
	t.Run("advice", func(t *testing.T) { // what the refusal says can be done
		o.Machine = newCounting()
		_, err := Open(o)
		if err == nil {
			t.Fatal("the node started")
		}
		var keep int
		text := err.Error()
		if _, err := fmt.Sscanf(text[strings.LastIndex(text, "cutting"):], "cutting the file to %d bytes", &keep); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if err := os.Truncate(w.path, int64(keep)); err != nil {
			t.Fatal(err)
		}
		m := newCounting()
		o.Machine = m
		r := mustOpen(t, o)
		if err := readNow(t, r); err != nil {
			t.Fatal(err)
		}
		checkKept(t, 0, m.log(), acknowledged)
		mustClose(t, r)
	})
}

// TestTornTailStarts cuts the newest log anywhere and starts.
func TestTornTailStarts(t *testing.T) {
	w, o, acknowledged := writtenWAL(t, false)
	chance := rand.New(rand.NewPCG(11, 12))
	for end := w.written(t); end > 60<<10; end -= chance.IntN(40 << 10) {
		if err := os.Truncate(w.path, int64(end)); err != nil {
			t.Fatal(err)
		}
		if err := (&home{fs: vfs.Default, dir: o.Dir}).checkLog(); err != nil {
			t.Fatalf("cut to %d: %v", end, err)
		}
	}
	m := newCounting()
	o.Machine = m
	r := mustOpen(t, o)
	if err := readNow(t, r); err != nil {
		t.Fatal(err)
	}
	checkKept(t, 0, m.log(), acknowledged)
}

// TestWALCheckIsQuick: a start reads a log of 64 MiB in less than what it takes to replay one.
func TestWALCheckIsQuick(t *testing.T) {
	w, _, _ := writtenWAL(t, false)
	starts := w.records(t)
	big := make([]byte, 0, 64<<20)
	whole := w.content[:starts[len(starts)-1]&^(walBlock-1)]
	for len(big) < 64<<20 {
		big = append(big, whole...)
	}
	for _, c := range []struct {
		name  string
		spoil func(b []byte)
	}{
		{"whole", func([]byte) {}},
		{"bad at the front", func(b []byte) { clear(b[4096:8192]) }},
		{"nothing after the front", func(b []byte) { clear(b[4096:]) }},
	} {
		b := bytes.Clone(big)
		c.spoil(b)
		start := time.Now()
		damage := w.check(t, b)
		took := time.Since(start)
		t.Logf("%s: %v (%+v)", c.name, took, damage)
		if took > 2*time.Second {
			t.Errorf("%s: reading 64 MiB took %v", c.name, took)
		}
	}
}

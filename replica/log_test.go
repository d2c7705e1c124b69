package replica

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lni/dragonboat/v4/raftpb"
)

// logDir returns the directory of the log in that of a replica.
func logDir(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*", "*", logName))
	if err != nil || len(found) != 1 {
		t.Fatalf("logs in %s: %v, %v", dir, found, err)
	}
	return found[0]
}

// newestSegment is the file that the log in a replica's directory ends with, and its content without the zeros behind.
func newestSegment(t *testing.T, dir string) (path string, content []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(logDir(t, dir), "*.raftlog"))
	if err != nil || len(files) == 0 {
		t.Fatalf("segments: %v, %v", files, err)
	}
	path = slices.Max(files)
	if content, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return path, bytes.TrimRight(content, "\x00")
}

// writtenLog is the log of a life of real writes: small ones, a large one, and small ones again.
func writtenLog(t *testing.T) (Options, []string) {
	t.Helper()
	o := testOptions(t, newCounting())
	r := mustOpen(t, o)
	chance := rand.New(rand.NewPCG(3, 4))
	for i := range 120 {
		size := chance.IntN(3000)
		if i == 60 {
			size = 100 << 10
		}
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(chance.Uint32())
		}
		proposeAll(t, r, []string{fmt.Sprintf("%x", b)})
	}
	mustClose(t, r)
	return o, o.Machine.(*counting).log()
}

// TestFlippedByte starts a node whose log was changed: it refuses, and what it says can be done can be.
func TestFlippedByte(t *testing.T) {
	o, acknowledged := writtenLog(t)
	path, content := newestSegment(t, o.Dir)
	chance := rand.New(rand.NewPCG(9, 10))
	var refusal error
	for range 40 {
		spoilt := bytes.Clone(content)
		at := len(spoilt)/2 + chance.IntN(len(spoilt)/2)
		spoilt[at] ^= byte(1 + chance.IntN(255))
		write(t, filepath.Dir(path), filepath.Base(path), string(spoilt))
		o.Machine = newCounting()
		r, err := Open(o)
		if err == nil {
			mustClose(t, r)
			t.Fatalf("byte %d of %d was changed, and the node started", at, len(content))
		}
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: %v", at, err)
		}
		refusal = err
	}
	var keep int64
	_, advice, _ := strings.Cut(refusal.Error(), "give up the writes from there on by ")
	if _, err := fmt.Sscanf(advice, "cutting the file to %d bytes", &keep); err != nil {
		t.Fatalf("%v: %v", refusal, err)
	}
	if err := os.Truncate(path, keep); err != nil {
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
}

// TestTornTailStarts cuts the log anywhere, time and again, and starts.
func TestTornTailStarts(t *testing.T) {
	o, acknowledged := writtenLog(t)
	chance := rand.New(rand.NewPCG(11, 12))
	for range 5 {
		path, content := newestSegment(t, o.Dir)
		if err := os.Truncate(path, int64(len(content)-chance.IntN(min(len(content)-2000, 40<<10)))); err != nil {
			t.Fatal(err)
		}
		l, err := openLog(o.FS, logDir(t, o.Dir))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, content := newestSegment(t, o.Dir); len(content) < 3000 {
			break
		}
	}
	m := newCounting()
	o.Machine = m
	r := mustOpen(t, o)
	if err := readNow(t, r); err != nil {
		t.Fatal(err)
	}
	checkKept(t, 0, m.log(), acknowledged)
	mustClose(t, r)
}

// TestOldLogIsRefused: the directory of a version that kept the log elsewhere.
func TestOldLogIsRefused(t *testing.T) {
	o := testOptions(t, newCounting())
	mustClose(t, mustOpen(t, o))
	raw, err := os.ReadFile(filepath.Join(o.Dir, flagName))
	if err != nil {
		t.Fatal(err)
	}
	var status raftpb.RaftDataStatus
	if err := status.Unmarshal(raw[flagHashLen:]); err != nil {
		t.Fatal(err)
	}
	status.LogdbType = "sharded-pebble"
	data, err := status.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	write(t, o.Dir, flagName, string(append(flagHash(data), data...)))
	o.Machine = newCounting()
	if r, err := Open(o); !errors.Is(err, ErrOldLog) {
		t.Errorf("Open = %v, %v, want %v", r, err, ErrOldLog)
	}
}

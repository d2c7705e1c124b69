//go:build linux

package aio

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// opened skips the test where there is none of what it is about.
func opened[T interface{ Close() }](t *testing.T, s T, err error) T {
	t.Helper()
	if errors.Is(err, ErrNone) {
		t.Skipf("the kernel, or what confines this process, has no asynchronous IO: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func newSyncer(t *testing.T) *Syncer {
	t.Helper()
	s, err := New()
	return opened(t, s, err)
}

// directFile is a new file that is written past the kernel's cache.
func directFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := Direct(f, true); err != nil {
		t.Skipf("this file system is always written through the cache: %v", err)
	}
	return f
}

type descriptor uintptr

func (d descriptor) Fd() uintptr { return uintptr(d) }

// TestSync has a file synced many times: each ends once, without an error, and is an event.
func TestSync(t *testing.T) {
	s := newSyncer(t)
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	events := 0
	for range 50 {
		if ended, err := s.Ended(false); ended || err != nil {
			t.Fatalf("before the beginning: ended %v, %v", ended, err)
		}
		if _, err := f.WriteString("some more"); err != nil {
			t.Fatal(err)
		}
		if err := s.Begin(f); err != nil {
			t.Fatal(err)
		}
		if ended, err := s.Ended(true); !ended || err != nil {
			t.Fatalf("ended %v, %v", ended, err)
		}
		var count [8]byte
		if n, err := unix.Read(s.Event(), count[:]); err != nil || n != len(count) {
			t.Fatalf("the event: %d, %v", n, err)
		}
		events++
	}
	if events != 50 {
		t.Fatalf("%d events of 50 syncs", events)
	}
}

// TestWrite writes blocks past the kernel's cache, one after the other: each is there when it has ended.
func TestWrite(t *testing.T) {
	s := newSyncer(t)
	f := directFile(t)
	want := make([]byte, 0, 100*Block)
	for i := range 30 {
		b := Aligned((1 + i%3) * Block)
		for j := range b {
			b[j] = byte(i + j/100)
		}
		if err := s.BeginWrite(f, b, int64(len(want))); err != nil {
			t.Fatal(err)
		}
		if ended, err := s.Ended(true); !ended || err != nil {
			t.Fatalf("block %d: ended %v, %v", i, ended, err)
		}
		want = append(want, b...)
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("block %d: %d bytes, other than the %d written, %v", i, len(got), len(want), err)
		}
	}
	if err := s.BeginWrite(f, want[:10], 0); err == nil {
		if _, err := s.Ended(true); err == nil {
			t.Error("ten bytes were written past the cache")
		}
	}
	if err := Direct(f, false); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("ten bytes!"), 3); err != nil {
		t.Errorf("through the cache again: %v", err)
	}
}

// TestDirectWhereKnown: files of file systems that are not known to sync what is written directly are left as they are.
func TestDirectWhereKnown(t *testing.T) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Skipf("there is no /proc: %v", err)
	}
	defer f.Close()
	before, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := Direct(f, true); !errors.Is(err, ErrNone) {
		t.Errorf("a file of /proc: %v", err)
	}
	if after, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err != nil || after != before {
		t.Errorf("its flags were %#x, are %#x, %v", before, after, err)
	}
}

// TestErrors: what cannot be synced is an error, at once or in the end, and the next sync is none the worse for it.
func TestErrors(t *testing.T) {
	s := newSyncer(t)
	if err := s.Begin("a name"); err == nil {
		t.Fatal("a name was synced")
	}
	if err := s.Begin(descriptor(1 << 20)); err == nil {
		t.Fatal("a file that is not open was synced")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := s.Begin(w); err == nil {
		if ended, err := s.Ended(true); !ended || err == nil {
			t.Fatalf("a pipe was synced: ended %v, %v", ended, err)
		}
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := s.Begin(f); err != nil {
		t.Fatal(err)
	}
	if ended, err := s.Ended(true); !ended || err != nil {
		t.Fatalf("ended %v, %v", ended, err)
	}
}

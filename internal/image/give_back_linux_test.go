package image

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestReadOnly(t *testing.T) {
	for _, c := range []struct {
		line string
		ok   bool
	}{
		{"00402000-01226000 r-xp 00002000 fe:00 1315                   /usr/bin/redoubt", false},
		{"01226000-02109000 r--p 00e26000 fe:00 1315                   /usr/bin/a name with spaces (deleted)", true},
		{"02109000-0219a000 rw-p 01d08000 fe:00 1315                   /usr/bin/redoubt", false},
		{"7f00c000-7f00d000 r--s 00000000 fe:00 1316                   /tmp/shared", false},
		{"0219b000-041e4000 rw-p 00000000 00:00 0 ", false},
		{"7f00d000-7f00e000 r--p 00000000 00:00 0 ", false},
		{"7ffc0a9b6000-7ffc0a9b8000 r-xp 00000000 00:00 0              [vdso]", false},
		{"x-y r-xp 00002000 fe:00 1315                                 /usr/bin/redoubt", false},
		{"", false},
	} {
		if from, to, ok := readOnly(c.line); ok != c.ok || ok && from >= to {
			t.Errorf("%q: %#x-%#x, %v, want %v", c.line, from, to, ok, c.ok)
		}
	}
}

// mapped is a private mapping of a file of two pages of the letter a.
func mapped(t *testing.T) []byte {
	page := os.Getpagesize()
	text := make([]byte, 2*page)
	for i := range text {
		text[i] = 'a'
	}
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mem, err := unix.Mmap(int(f.Fd()), 0, len(text), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(mem) })
	return mem
}

func protect(t *testing.T, mem []byte) {
	if err := unix.Mprotect(mem, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
}

// TestGiveBackKeepsWhatWasWritten holds that a page which differs from its file stays, as a program that was relocated would
// not survive its loss.
func TestGiveBackKeepsWhatWasWritten(t *testing.T) {
	mem := mapped(t)
	mem[len(mem)-1] = 'b'
	protect(t, mem)
	GiveBack()
	if mem[len(mem)-1] != 'b' || mem[0] != 'a' {
		t.Errorf("%c and %c after GiveBack, want a and b", mem[0], mem[len(mem)-1])
	}
}

func TestGiveBack(t *testing.T) {
	mem := mapped(t)
	protect(t, mem)
	pages, err := os.Open("/proc/self/pagemap")
	if err != nil {
		t.Skip("the system does not tell what is mapped: " + err.Error())
	}
	defer pages.Close()
	if mem[0] != 'a' || !there(t, pages, mem) {
		t.Fatal("a page that was read is not mapped")
	}
	GiveBack()
	if there(t, pages, mem) {
		t.Error("a page of a file is still mapped after GiveBack")
	}
	if mem[0] != 'a' {
		t.Errorf("%c, want a", mem[0])
	}
}

// there tells whether the first page is mapped.
func there(t *testing.T, pages *os.File, mem []byte) bool {
	var word [pageWord]byte
	at := uintptr(unsafe.Pointer(unsafe.SliceData(mem)))
	if _, err := pages.ReadAt(word[:], int64(at/uintptr(os.Getpagesize())*pageWord)); err != nil {
		t.Fatal(err)
	}
	return binary.NativeEndian.Uint64(word[:])&present != 0
}

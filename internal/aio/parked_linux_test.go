package aio

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func newParked(t *testing.T) *Parked {
	t.Helper()
	p, err := NewParked()
	return opened(t, p, err)
}

// TestParked has several goroutines write blocks, each by its own: they are there when WriteSync returns.
func TestParked(t *testing.T) {
	var all sync.WaitGroup
	for range 4 {
		p := newParked(t)
		f := directFile(t)
		all.Go(func() {
			b := Aligned(3 * Block)
			for i := range 100 {
				part := b[:(1+i%3)*Block]
				for j := range part {
					part[j] = byte(i + j/100)
				}
				if err := p.WriteSync(f, part, int64(i%7)*Block); err != nil {
					t.Errorf("write %d: %v", i, err)
				}
				got, err := os.ReadFile(f.Name())
				if at := i % 7 * Block; err != nil || len(got) < at+len(part) || !bytes.Equal(got[at:at+len(part)], part) {
					t.Errorf("write %d: %d bytes, other than what was written, %v", i, len(got), err)
				}
			}
		})
	}
	all.Wait()
}

// TestParkedErrors: what is no file is refused before anything is written, and what cannot be written is an error.
func TestParkedErrors(t *testing.T) {
	p, b := newParked(t), Aligned(Block)
	if err := p.WriteSync("a name", b, 0); !errors.Is(err, ErrNone) {
		t.Errorf("a name: %v", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := p.WriteSync(r, b, 0); err == nil {
		t.Error("the end of a pipe that is for reading was written")
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := p.WriteSync(f, b, 0); err != nil {
		t.Errorf("behind errors: %v", err)
	}
}

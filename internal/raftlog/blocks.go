package raftlog

import (
	"github.com/lni/vfs"

	"github.com/redoubt-db/redoubt/internal/aio"
)

const (
	blocksMin = 64 << 10
	blocksMax = 1 << 20 // written at once
)

// blocks is the end of a segment that is written past the kernel's cache: in whole blocks, from memory that is aligned as they are. The last one is
// there in part, and is written again, with the bytes that it has and more, as the cache would do it.
//
//	block 3 holds 100 bytes of record 7, and zeros; with record 8, of 5,000 bytes, blocks 3 and 4 are written: 100 bytes, 5,000, and zeros
type blocks struct {
	buf []byte // what lies in the file from at on
	at  int64  // a multiple of aio.Block
	n   int    // bytes of buf that records, or the header, have
}

// fits tells whether so many more bytes can be written at once.
func (w *blocks) fits(more int) bool { return w.n%aio.Block+more <= blocksMax }

// fill puts in front of zeros what comes next, behind what there is of the last block, and returns how much of it there was room for. What it had
// before has been written.
func (w *blocks) fill(b []byte) int {
	full := w.n - w.n%aio.Block
	tail := w.buf[full:w.n]
	w.at, w.n = w.at+int64(full), len(tail)
	if need := min(w.n+len(b), blocksMax); need > len(w.buf) {
		size := blocksMin
		for size < need {
			size *= 2
		}
		w.buf = aio.Aligned(size)
	}
	copy(w.buf, tail)
	n := copy(w.buf[w.n:], b)
	w.n += n
	clear(w.buf[w.n:len(w.whole())])
	return n
}

// whole is what is to be written at at. It is the file's until that is done.
func (w *blocks) whole() []byte { return w.buf[:wholeBlocks(int64(w.n))] }

// write has all of b written.
func (w *blocks) write(f vfs.File, b []byte) error {
	for len(b) > 0 {
		b = b[w.fill(b):]
		if _, err := f.WriteAt(w.whole(), w.at); err != nil {
			return err
		}
	}
	return nil
}

// wholeBlocks rounds up.
func wholeBlocks(n int64) int64 { return (n + aio.Block - 1) &^ (aio.Block - 1) }

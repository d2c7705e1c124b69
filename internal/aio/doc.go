// Package aio has the kernel sync a file while whoever asked for it goes on.
//
// A goroutine that waits for a sync keeps its thread, and for a while its processor, waiting too: Go finds out after tens of microseconds,
// wakes another thread for what else there is to do, and that one finds little by the time it runs. With Linux' asynchronous
// IO (io_submit(2), IOCB_CMD_FDSYNC) no goroutine waits, and the end is an event of an eventfd, which an event loop hears like that of a socket.
//
// What is written past the kernel's cache (O_DIRECT) is on its way to the disk at once: fdatasync(2) of what lies in the cache has to have it written first, and
// waits twice. Such a write can be asynchronous too, with its sync (RWF_DSYNC).
package aio

import (
	"errors"
	"unsafe"
)

// Block is what addresses, lengths and offsets of what is written directly are multiples of: at least what disks write at once.
const Block = 4 << 10

// Aligned returns bytes that can be written directly.
func Aligned(size int) []byte {
	b := make([]byte, size+Block)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (Block - 1)
	return b[skip:][:size:size]
}

// ErrNone: this system does not sync beside.
var ErrNone = errors.New("aio: this system has no asynchronous sync")

// Package aio has the kernel sync a file while whoever asked for it goes on.
//
// A goroutine that waits for a sync keeps its thread, and for a while its processor, waiting too: Go finds out after tens of microseconds,
// wakes another thread for what else there is to do, and that one finds little by the time it runs. With Linux' asynchronous
// IO (io_submit(2), IOCB_CMD_FDSYNC) no goroutine waits, and the end is an event of an eventfd, which an event loop hears like that of a socket.
package aio

import "errors"

// ErrNone: this system does not sync beside.
var ErrNone = errors.New("aio: this system has no asynchronous sync")

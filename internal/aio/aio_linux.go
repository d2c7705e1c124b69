package aio

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of linux/aio_abi.h.
const (
	cmdDataSync = 3 // IOCB_CMD_FDSYNC
	flagEvent   = 1 // IOCB_FLAG_RESFD
	deep        = 4 // requests there is room for; one is under way at a time
)

// control is struct iocb. Its key and flags, which change places with the order of bytes, are zero.
type control struct {
	_         uint64 // data
	_         [2]uint32
	opcode    uint16
	_         int16
	file      uint32
	_         [2]uint64 // buffer and length
	_         int64     // offset
	_         uint64
	flags     uint32
	eventFile uint32
}

// event is struct io_event.
type event struct {
	data, object   uint64
	result, second int64
}

// Syncer syncs one file at a time. Its methods exclude each other, but for Event.
type Syncer struct {
	context uintptr
	event   int
	request control
	list    [1]*control
	answer  event
}

// New returns a Syncer, or an error where the kernel has none to give.
func New() (*Syncer, error) {
	s := &Syncer{}
	if _, _, errno := unix.Syscall(unix.SYS_IO_SETUP, deep, uintptr(unsafe.Pointer(&s.context)), 0); errno != 0 {
		return nil, fmt.Errorf("%w: io_setup: %w", ErrNone, errno)
	}
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Syscall(unix.SYS_IO_DESTROY, s.context, 0, 0)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	s.event = fd
	return s, nil
}

// Event is the descriptor that counts the syncs which have ended. Whoever watches it should be told of edges, as nobody reads it.
func (s *Syncer) Event() int { return s.event }

// Begin begins to have the data of a file on its disk, as fdatasync(2) does. What was written before is part of it. The one before has
// ended. The file is one that knows its descriptor, as os.File does. An error means that nothing has begun.
func (s *Syncer) Begin(file any) error {
	f, ok := file.(interface{ Fd() uintptr })
	if !ok {
		return fmt.Errorf("%w: not of a %T", ErrNone, file)
	}
	s.request = control{opcode: cmdDataSync, file: uint32(f.Fd()), flags: flagEvent, eventFile: uint32(s.event)}
	s.list[0] = &s.request
	for {
		// Not a call during which Go may give the processor away: it takes tens of microseconds and waits for nothing.
		n, _, errno := unix.RawSyscall(unix.SYS_IO_SUBMIT, s.context, 1, uintptr(unsafe.Pointer(&s.list)))
		switch {
		case errno == 0 && n == 1:
			return nil
		case errno != unix.EINTR:
			return fmt.Errorf("%w: io_submit: %w", ErrNone, errno)
		}
	}
}

// Ended tells whether what Begin began has ended, and how. If told to it waits for that.
func (s *Syncer) Ended(wait bool) (bool, error) {
	for {
		n, errno := s.look(wait)
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			return true, fmt.Errorf("io_getevents: %w", errno)
		case n == 0:
			return false, nil
		case s.answer.result < 0:
			return true, fmt.Errorf("fdatasync: %w", unix.Errno(-s.answer.result))
		default:
			return true, nil
		}
	}
}

func (s *Syncer) look(wait bool) (uintptr, unix.Errno) {
	if wait {
		n, _, errno := unix.Syscall6(unix.SYS_IO_GETEVENTS, s.context, 1, 1, uintptr(unsafe.Pointer(&s.answer)), 0, 0)
		return n, errno
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_IO_GETEVENTS, s.context, 0, 1, uintptr(unsafe.Pointer(&s.answer)), 0, 0)
	return n, errno
}

// Close waits for what is under way and gives everything back, but for the eventfd: somebody may watch it yet, and its
// number must not be another file's by then.
func (s *Syncer) Close() { unix.Syscall(unix.SYS_IO_DESTROY, s.context, 0, 0) }

package aio

import (
	"encoding/binary"
	"fmt"
	"io"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of linux/aio_abi.h.
const (
	cmdWrite      = 1 // IOCB_CMD_PWRITE
	cmdDataSync   = 3 // IOCB_CMD_FDSYNC
	flagEvent     = 1 // IOCB_FLAG_RESFD
	writeDataSync = 2 // RWF_DSYNC, of linux/fs.h
	deep          = 4 // requests there is room for; one is under way at a time
)

// control is struct iocb.
type control struct {
	_         uint64    // data
	how       [2]uint32 // a key, which is zero, and flags as of pwritev2(2), in the order of the bytes of a number: see flags
	opcode    uint16
	_         int16
	file      uint32
	buffer    uint64
	length    uint64
	offset    int64
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
	written []byte // what the kernel reads until the end
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
	return s.submit(file, control{opcode: cmdDataSync}, nil)
}

// BeginWrite begins to write b at an offset of a file that Direct was called for, and to have that and all that was written before on its disk. b is the
// kernel's until Ended says so. Otherwise it is as Begin; a write that is cut short is an error in the end.
func (s *Syncer) BeginWrite(file any, b []byte, offset int64) error {
	c := control{
		opcode: cmdWrite, how: flags(writeDataSync), offset: offset,
		buffer: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), length: uint64(len(b)),
	}
	return s.submit(file, c, b)
}

func (s *Syncer) submit(file any, c control, b []byte) error {
	f, ok := file.(interface{ Fd() uintptr })
	if !ok {
		return fmt.Errorf("%w: not of a %T", ErrNone, file)
	}
	c.file, c.flags, c.eventFile = uint32(f.Fd()), flagEvent, uint32(s.event)
	s.request, s.written = c, b
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

// flags is control.how: where numbers begin with their low byte, the flags come behind the key.
func flags(f uint32) [2]uint32 {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return [2]uint32{0, f}
	}
	return [2]uint32{f, 0}
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
			return true, fmt.Errorf("write and sync: %w", unix.Errno(-s.answer.result))
		case s.answer.result != int64(len(s.written)):
			return true, fmt.Errorf("%d of %d bytes written: %w", s.answer.result, len(s.written), io.ErrShortWrite)
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

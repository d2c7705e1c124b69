package raftwire

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"time"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

const (
	// readBuffer holds a message of some hundred requests whole, so that it is decoded where it lies.
	readBuffer = 128 << 10
	largeFirst = 1 << 20 // bytes that a larger payload is given before any of it has arrived
	largeKeep  = 3 << 20 // a larger buffer is not kept for the next one

	// How long is waited for the next frame, and for the rest of one. Who sends closes a connection after a minute
	// without messages.
	idleMax    = 3 * time.Minute
	frameMax   = 5 * time.Second
	frameBytes = 1 << 20 // for each of which a second is added to frameMax

	lookEvery = 2 * time.Second
)

// Errors of what did not arrive.
var (
	errIdle = errors.New("raftwire: nothing was sent for long")
	errSlow = errors.New("raftwire: the rest of a message did not arrive in time")
)

// patient reads from a connection under a time limit that is changed with every frame, and sets deadlines only now and
// then: one that passes is no error, but the occasion to look how long it has been.
type patient struct {
	net.Conn
	limit time.Duration
	since time.Time // when the time was looked at first since limit was set; zero: not yet
	every time.Duration
}

// expect begins to wait for something that may take so long, and up to two looks more.
func (p *patient) expect(limit time.Duration) {
	p.limit, p.since = limit, time.Time{}
}

func (p *patient) Read(b []byte) (int, error) {
	for {
		n, err := p.Conn.Read(b)
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if err := p.look(time.Now()); err != nil {
			return 0, err
		}
	}
}

// look is what a deadline that passed is for.
func (p *patient) look(now time.Time) error {
	if p.since.IsZero() {
		p.since = now
	}
	if now.Sub(p.since) >= p.limit {
		return errSlow
	}
	return p.SetReadDeadline(now.Add(p.every))
}

// frames takes a stream apart.
type frames struct {
	conn      *patient
	buf       *bufio.Reader
	encrypted bool
	large     []byte
	held      int // bytes in buf of the frame returned last
}

func newFrames(conn net.Conn, encrypted bool) (*frames, error) {
	p := &patient{Conn: conn, every: lookEvery}
	p.expect(frameMax) // who connects has something to say
	f := &frames{conn: p, buf: bufio.NewReaderSize(p, readBuffer), encrypted: encrypted}
	return f, conn.SetReadDeadline(time.Now().Add(p.every))
}

// read returns the next frame. Its payload is valid until the next call. It returns io.EOF when the stream ended between
// two frames, errFarewell when it says so.
func (f *frames) read() (uint16, []byte, error) {
	if f.held > 0 {
		if _, err := f.buf.Discard(f.held); err != nil {
			return 0, nil, err
		}
		f.held = 0
	}
	start, err := f.buf.Peek(magicSize)
	switch {
	case err != nil && len(start) > 0:
		return 0, nil, torn(err)
	case err == errSlow:
		return 0, nil, errIdle
	case err != nil:
		return 0, nil, err
	}
	if err := parseMagic(start); err != nil {
		return 0, nil, err
	}
	f.conn.expect(frameMax)
	head, err := f.buf.Peek(headerSize)
	if err != nil {
		return 0, nil, torn(err)
	}
	h, err := parseHeader(head)
	if err != nil {
		return 0, nil, err
	}
	payload, err := f.payload(h)
	if err != nil {
		return 0, nil, err
	}
	if !f.encrypted && crc32.ChecksumIEEE(payload) != h.crc {
		return 0, nil, errPayload
	}
	f.conn.expect(idleMax)
	return h.method, payload, nil
}

// payload reads what follows a header that was peeked at.
func (f *frames) payload(h header) ([]byte, error) {
	f.conn.expect(frameMax + time.Duration(h.size/frameBytes)*time.Second)
	if whole := headerSize + int(h.size); whole <= f.buf.Size() {
		frame, err := f.buf.Peek(whole)
		f.held = whole
		if err != nil {
			return nil, torn(err)
		}
		return frame[headerSize:], nil
	}
	if _, err := f.buf.Discard(headerSize); err != nil {
		return nil, err
	}
	return f.readLarge(int(h.size))
}

// readLarge reads a payload that the buffer does not hold, into memory that at most doubles what has arrived.
func (f *frames) readLarge(size int) ([]byte, error) {
	b := f.large[:0]
	for len(b) < size {
		room := min(size, max(2*len(b), largeFirst, cap(b)))
		if cap(b) < room {
			b = append(make([]byte, 0, room), b...)
		}
		n, err := io.ReadFull(f.buf, b[len(b):room])
		b = b[:len(b)+n]
		if err != nil {
			return nil, torn(err)
		}
	}
	if f.large = nil; cap(b) <= largeKeep {
		f.large = b
	}
	return b, nil
}

// torn says of a stream that it ended in the middle of a frame.
func torn(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// decode decodes a payload. Nothing that it returns lies in payload. dragonboat's decoders are generated, and old; what
// they panic at is an error here.
func decode(into pb.Unmarshaler, payload []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errEncoding, p)
		}
	}()
	if err := into.Unmarshal(payload); err != nil {
		return fmt.Errorf("%w: %v", errEncoding, err)
	}
	return nil
}

// decodeMessages decodes a batch. dragonboat panics at a message without a receiver.
func decodeMessages(payload []byte) (pb.MessageBatch, error) {
	var batch pb.MessageBatch
	if err := decode(&batch, payload); err != nil {
		return pb.MessageBatch{}, err
	}
	for i := range batch.Requests {
		if batch.Requests[i].To == 0 {
			return pb.MessageBatch{}, errNobody
		}
	}
	return batch, nil
}

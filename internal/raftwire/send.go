package raftwire

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"net"
	"time"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

const (
	writeMax     = 5 * time.Second // for a piece
	writeRenew   = time.Second     // the deadline is at most so much nearer than writeMax
	writePiece   = 2 << 20
	bufferKeep   = 3 << 20 // a larger buffer is not kept for the next message
	farewellMax  = 2 * time.Second
	farewellWait = 10 * time.Second // for the answer, while the other side writes the last chunk to its disk
)

// outgoing writes frames to another node. It is used by one goroutine.
type outgoing struct {
	conn      net.Conn
	encrypted bool
	end       func() bool // stops the watch over the context that conn was made with
	buf       []byte
	deadline  time.Time // of conn's writes
}

// chunks is what dragonboat sends a snapshot by.
type chunks struct{ outgoing }

var _ raftio.ISnapshotConnection = (*chunks)(nil)

// SendChunk returns when the kernel has the chunk.
func (c *chunks) SendChunk(chunk pb.Chunk) error {
	return c.send(methodChunk, &chunk, chunk.Size())
}

// Close returns when the other side has taken all chunks, or does not say so in time.
func (c *chunks) Close() {
	defer c.close()
	if writeFarewell(c.conn) != nil || c.conn.SetReadDeadline(time.Now().Add(farewellWait)) != nil {
		return
	}
	var answer [magicSize]byte
	_, _ = io.ReadFull(c.conn, answer[:]) // it is closed either way
}

func (o *outgoing) close() {
	o.end()
	_ = o.conn.Close()
}

// send writes m and its header at once.
func (o *outgoing) send(method uint16, m pb.Marshaler, size int) error {
	frame, err := o.frame(method, m, size)
	if err != nil {
		return err
	}
	return o.write(frame)
}

// frame encodes m, which takes no more than size bytes, behind its header. It is valid until the next call.
func (o *outgoing) frame(method uint16, m pb.Marshaler, size int) ([]byte, error) {
	if cap(o.buf) < headerSize+size {
		o.buf = make([]byte, headerSize+size)
	}
	frame := o.buf[:cap(o.buf)]
	n, err := m.MarshalTo(frame[headerSize:])
	if err != nil {
		return nil, err
	}
	frame = frame[:headerSize+n]
	h := header{method: method, size: uint64(n)}
	if !o.encrypted {
		h.crc = crc32.ChecksumIEEE(frame[headerSize:])
	}
	h.put(frame)
	if cap(o.buf) > bufferKeep {
		o.buf = nil
	}
	return frame, nil
}

// write sets a deadline only when the last has come nearer, since to set one costs as much as to write.
func (o *outgoing) write(frame []byte) error {
	for len(frame) > 0 {
		if now := time.Now(); o.deadline.Sub(now) < writeMax-writeRenew {
			o.deadline = now.Add(writeMax)
			if err := o.conn.SetWriteDeadline(o.deadline); err != nil {
				return err
			}
		}
		n, err := o.conn.Write(frame[:min(len(frame), writePiece)])
		if err != nil {
			return err
		}
		frame = frame[n:]
	}
	return nil
}

// writeFarewell ends a stream of chunks, or acknowledges its end.
func writeFarewell(conn net.Conn) error {
	if err := conn.SetWriteDeadline(time.Now().Add(farewellMax)); err != nil {
		return err
	}
	_, err := conn.Write(binary.BigEndian.AppendUint16(nil, farewell))
	return err
}

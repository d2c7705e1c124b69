package raftwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"testing"
	"time"

	pb "github.com/lni/dragonboat/v4/raftpb"
)

// stream is a connection of which only the bytes matter.
type stream struct {
	net.Conn
	io.Reader
}

func (s stream) Read(b []byte) (int, error)      { return s.Reader.Read(b) }
func (s stream) SetReadDeadline(time.Time) error { return nil }

func framesOf(t testing.TB, r io.Reader) *frames {
	t.Helper()
	f, err := newFrames(stream{Reader: r}, false)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// frameOf writes a frame as the package's comment says, field by field.
func frameOf(method uint16, payload []byte) []byte {
	b := []byte{0xae, 0x7d}
	b = binary.BigEndian.AppendUint16(b, method)
	b = binary.BigEndian.AppendUint64(b, uint64(len(payload)))
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(payload))
	return append(sealed(b), payload...)
}

// sealed computes the checksum of a frame's header anew.
func sealed(frame []byte) []byte {
	copy(frame[12:16], []byte{0, 0, 0, 0})
	binary.BigEndian.PutUint32(frame[12:], crc32.ChecksumIEEE(frame[2:headerSize]))
	return frame
}

func batchOf(size int) pb.MessageBatch {
	return pb.MessageBatch{DeploymentId: 7, SourceAddress: "node", BinVer: 210, Requests: []pb.Message{
		{Type: pb.Replicate, To: 2, From: 1, ShardID: 1, Term: 3, Entries: []pb.Entry{{Term: 3, Index: 9, Cmd: bytes.Repeat([]byte{'x'}, size)}}},
		{Type: pb.Heartbeat, To: 2, From: 1, ShardID: 1, Term: 3, Commit: 8, Hint: 5},
	}}
}

func payloadOf(m pb.Marshaler) []byte { return pb.MustMarshal(m) }

func TestFramesAreTakenApart(t *testing.T) {
	sizes := []int{0, 1, readBuffer - 100, readBuffer - headerSize, readBuffer, largeFirst, 3*largeFirst + 1, largeKeep + 1, 5}
	var wire []byte
	for _, size := range sizes {
		batch := batchOf(size)
		wire = append(wire, frameOf(methodMessages, payloadOf(&batch))...)
	}
	for name, r := range map[string]io.Reader{"whole": bytes.NewReader(wire), "in pieces": &pieces{wire, 1}} {
		f := framesOf(t, r)
		for _, size := range sizes {
			method, payload, err := f.read()
			if err != nil || method != methodMessages {
				t.Fatalf("%s: read = %d, %v, want a message of %d", name, method, err, size)
			}
			if want := batchOf(size); !bytes.Equal(payload, payloadOf(&want)) {
				t.Errorf("%s: a message of %d came out different", name, size)
			}
		}
		if _, _, err := f.read(); err != io.EOF {
			t.Errorf("%s: at the end: %v", name, err)
		}
		if cap(f.large) > largeKeep {
			t.Errorf("%s: a buffer of %d is kept", name, cap(f.large))
		}
	}
}

// pieces gives out one byte, then two, and so on.
type pieces struct {
	rest []byte
	n    int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(p.n, len(p.rest))])
	p.rest, p.n = p.rest[n:], p.n+1
	return n, nil
}

func TestWhatIsNoFrame(t *testing.T) {
	good := func() []byte { return frameOf(methodMessages, []byte("payload")) }
	sized := func(method uint16, size uint64) []byte {
		b := frameOf(method, []byte("payload"))
		binary.BigEndian.PutUint64(b[4:], size)
		return sealed(b)
	}
	flip := func(at int) []byte {
		b := good()
		b[at] ^= 1
		return b
	}
	for _, c := range []struct {
		name string
		wire []byte
		want error
	}{
		{"a frame", good(), nil},
		{"nothing", nil, io.EOF},
		{"the end of a snapshot", []byte{0, 0}, errFarewell},
		{"magic", flip(0), errMagic},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), errMagic},
		{"method, by accident", flip(3), errHeader},
		{"method", sealed(flip(3)), errMethod},
		{"size, by accident", flip(11), errHeader},
		{"header checksum", flip(12), errHeader},
		{"payload checksum", flip(16), errHeader},
		{"payload checksum, sealed", sealed(flip(16)), errPayload},
		{"payload", flip(headerSize), errPayload},
		{"no payload", sized(methodMessages, 0), errSize},
		{"the largest", sized(methodMessages, messagesMax), io.ErrUnexpectedEOF},
		{"too large", sized(methodMessages, messagesMax+1), errSize},
		{"far too large", sized(methodMessages, 1<<63), errSize},
		{"the largest chunk", sized(methodChunk, chunkMax), io.ErrUnexpectedEOF},
		{"too large a chunk", sized(methodChunk, chunkMax+1), errSize},
	} {
		f := framesOf(t, bytes.NewReader(c.wire))
		if _, _, err := f.read(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if cap(f.large) > largeFirst {
			t.Errorf("%s: %d bytes were made room for", c.name, cap(f.large))
		}
	}
}

func TestTornFrames(t *testing.T) {
	frame := frameOf(methodMessages, []byte("payload"))
	for cut := 1; cut < len(frame); cut++ {
		f := framesOf(t, bytes.NewReader(frame[:cut]))
		if _, _, err := f.read(); err != io.ErrUnexpectedEOF {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

// TestHeaders holds what is sent against the layout.
func TestHeaders(t *testing.T) {
	payload := []byte("payload")
	frame := append(make([]byte, headerSize), payload...)
	header{method: methodChunk, size: uint64(len(payload)), crc: crc32.ChecksumIEEE(payload)}.put(frame)
	if want := frameOf(methodChunk, payload); !bytes.Equal(frame, want) {
		t.Errorf("frame = % x, want % x", frame, want)
	}
}

func TestMessagesToNobody(t *testing.T) {
	batch := batchOf(1)
	batch.Requests[1].To = 0
	if _, err := decodeMessages(payloadOf(&batch)); err != errNobody {
		t.Errorf("decodeMessages = %v, want %v", err, errNobody)
	}
}

// FuzzFrames feeds what strangers might send. Frames that are whole come out as they went in, and nothing else does any harm.
func FuzzFrames(f *testing.F) {
	batch, chunk := batchOf(10), pb.Chunk{ShardID: 1, ReplicaID: 2, From: 1, ChunkCount: 1, Data: []byte("data"), FileSize: 4}
	f.Add(frameOf(methodMessages, payloadOf(&batch)))
	f.Add(append(frameOf(methodChunk, payloadOf(&chunk)), 0, 0))
	f.Add(append(frameOf(methodMessages, []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}), frameOf(methodMessages, payloadOf(&batch))...))
	f.Fuzz(func(t *testing.T, wire []byte) {
		in, rest := framesOf(t, &pieces{wire, 1}), wire
		for {
			method, payload, err := in.read()
			if cap(in.large) > max(2*len(wire), largeFirst) {
				t.Fatalf("%d bytes were made room for, of %d", cap(in.large), len(wire))
			}
			if err != nil {
				return
			}
			frame := frameOf(method, payload)
			if !bytes.HasPrefix(rest, frame) {
				t.Fatalf("read % x, from % x", frame, rest)
			}
			rest = rest[len(frame):]
			if method == methodMessages {
				_, _ = decodeMessages(payload)
			} else {
				_ = decode(&pb.Chunk{}, payload)
			}
		}
	})
}

// FuzzPayloads comes to the decoders without a checksum to guess.
func FuzzPayloads(f *testing.F) {
	batch, chunk := batchOf(10), pb.Chunk{ShardID: 1, ReplicaID: 2, From: 1, ChunkCount: 1, Data: []byte("data"), FileSize: 4}
	f.Add(payloadOf(&batch))
	f.Add(payloadOf(&chunk))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if batch, err := decodeMessages(payload); err == nil {
			again, err := decodeMessages(payloadOf(&batch))
			if err != nil || len(again.Requests) != len(batch.Requests) {
				t.Fatalf("%d messages, encoded and decoded again: %d, %v", len(batch.Requests), len(again.Requests), err)
			}
		}
		_ = decode(&pb.Chunk{}, payload)
	})
}

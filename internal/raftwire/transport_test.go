package raftwire

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lni/dragonboat/v4/config"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

const patience = 10 * time.Second

// node is a transport with its ears.
type node struct {
	*Transport
	log      *syncBuffer
	messages chan pb.MessageBatch
	chunks   chan pb.Chunk
	refuse   uint64 // this chunk
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// open starts a node at an address that ends with port 0, or at one that was another's before.
func open(t *testing.T, c config.NodeHostConfig) *node {
	t.Helper()
	n := &node{log: &syncBuffer{}, messages: make(chan pb.MessageBatch, 100), chunks: make(chan pb.Chunk, 100), refuse: 1 << 60}
	take := func(c pb.Chunk) bool {
		n.chunks <- c
		return c.ChunkId != n.refuse
	}
	n.Transport = New(slog.New(slog.NewTextHandler(n.log, nil)))
	n.Create(c, func(b pb.MessageBatch) { n.messages <- b }, take)
	if err := n.Start(); err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

func plain() config.NodeHostConfig { return config.NodeHostConfig{ListenAddress: "127.0.0.1:0"} }

func (n *node) address() string { return n.listeners[0].Addr().String() }

func (n *node) next(t *testing.T) pb.MessageBatch {
	t.Helper()
	select {
	case b := <-n.messages:
		return b
	case <-time.After(patience):
		t.Fatalf("no message arrived; its log:\n%s", n.log)
		panic("unreachable")
	}
}

// connect opens a connection for messages to n.
func connect(t *testing.T, from, to *node) *messages {
	t.Helper()
	c, err := from.GetConnection(t.Context(), to.address())
	if err != nil {
		t.Fatalf("GetConnection: %v", err)
	}
	t.Cleanup(c.Close)
	return c.(*messages)
}

func TestMessagesArrive(t *testing.T) {
	a, b := open(t, plain()), open(t, plain())
	c := connect(t, a, b)
	for _, size := range []int{0, 1, 1000, readBuffer, 1 << 20, bufferKeep + 1, 70 << 20, 5} {
		sent := batchOf(size)
		if err := c.SendMessageBatch(sent); err != nil {
			t.Fatalf("SendMessageBatch of %d: %v", size, err)
		}
		if got := b.next(t); !bytes.Equal(payloadOf(&got), payloadOf(&sent)) {
			t.Errorf("a message of %d arrived as another", size)
		}
		if cap(c.buf) > bufferKeep {
			t.Errorf("after a message of %d a buffer of %d is kept", size, cap(c.buf))
		}
	}
}

// TestDecodedMessagesAreTheirOwn: what was delivered does not change when more arrives.
func TestDecodedMessagesAreTheirOwn(t *testing.T) {
	a, b := open(t, plain()), open(t, plain())
	c := connect(t, a, b)
	first, second := batchOf(100), batchOf(100)
	second.Requests[0].Entries[0].Cmd, second.SourceAddress = bytes.Repeat([]byte{'y'}, 100), "edon"
	for _, sent := range []pb.MessageBatch{first, second} {
		if err := c.SendMessageBatch(sent); err != nil {
			t.Fatal(err)
		}
	}
	got := b.next(t)
	b.next(t)
	if !bytes.Equal(payloadOf(&got), payloadOf(&first)) {
		t.Error("the first message changed when the second arrived")
	}
}

// TestBadBytes: the connection is closed, and the log says why; nothing is delivered, and others go on.
func TestBadBytes(t *testing.T) {
	b := open(t, plain())
	batch := batchOf(10)
	good := frameOf(methodMessages, payloadOf(&batch))
	crc := bytes.Clone(good)
	crc[len(crc)-1] ^= 1
	nobody := batchOf(1)
	nobody.Requests[0].To = 0
	long := frameOf(methodMessages, []byte("x"))
	long[4] = 0x7f
	for _, c := range []struct {
		name string
		wire []byte
		log  string
	}{
		{"magic", []byte("GET / HTTP/1.1\r\n\r\n"), errMagic.Error()},
		{"checksum", crc, errPayload.Error()},
		{"size", sealed(long), errSize.Error()},
		{"encoding", frameOf(methodMessages, []byte("no protobuf")), errEncoding.Error()},
		{"receiver", frameOf(methodMessages, payloadOf(&nobody)), errNobody.Error()},
		{"chunk", frameOf(methodChunk, []byte("no protobuf")), errEncoding.Error()},
	} {
		conn, err := net.Dial("tcp", b.address())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(c.wire); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("%s: answered with %d bytes, %v", c.name, n, err)
		}
		_ = conn.Close()
		if await(func() bool { return strings.Contains(b.log.String(), c.log) }); !strings.Contains(b.log.String(), c.log) {
			t.Errorf("%s: the log says\n%s", c.name, b.log)
		}
	}
	if len(b.messages)+len(b.chunks) > 0 {
		t.Error("something was delivered")
	}
	conn := connect(t, open(t, plain()), b)
	if err := conn.SendMessageBatch(batch); err != nil {
		t.Fatal(err)
	}
	b.next(t)
}

// await returns when cond holds, or does not for long.
func await(cond func() bool) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !cond() && time.Now().Before(end); {
		<-tick.C
	}
}

func TestSnapshots(t *testing.T) {
	const count = 5
	a, b := open(t, plain()), open(t, plain())
	c, err := a.GetSnapshotConnection(t.Context(), b.address())
	if err != nil {
		t.Fatal(err)
	}
	for i := range count {
		chunk := pb.Chunk{ShardID: 1, ReplicaID: 2, From: 1, ChunkId: uint64(i), ChunkCount: count, Data: bytes.Repeat([]byte{byte(i)}, 2<<20)}
		if err := c.SendChunk(chunk); err != nil {
			t.Fatalf("SendChunk: %v", err)
		}
	}
	start := time.Now()
	c.Close()
	if took := time.Since(start); took > farewellWait/2 {
		t.Errorf("Close took %v", took)
	}
	if len(b.chunks) != count {
		t.Fatalf("%d chunks have arrived when the connection is closed, want %d", len(b.chunks), count)
	}
	for i := range count {
		if got := <-b.chunks; got.ChunkId != uint64(i) || !bytes.Equal(got.Data, bytes.Repeat([]byte{byte(i)}, 2<<20)) {
			t.Errorf("chunk %d arrived as %d, of %d bytes", i, got.ChunkId, len(got.Data))
		}
	}
}

// TestRefusedChunk: the sender hears that it need not go on.
func TestRefusedChunk(t *testing.T) {
	a, b := open(t, plain()), open(t, plain())
	b.refuse = 1
	c, err := a.GetSnapshotConnection(t.Context(), b.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := range 1000 {
		if err = c.SendChunk(pb.Chunk{ShardID: 1, ReplicaID: 2, ChunkId: uint64(i), Data: []byte("data")}); err != nil {
			break
		}
		<-tick.C
	}
	if err == nil || len(b.chunks) != 2 {
		t.Errorf("SendChunk = %v, and %d arrived, want an error and 2", err, len(b.chunks))
	}
}

// TestPeerStartsAgain: a connection to a node that went away breaks, and a new one to the same address is good.
func TestPeerStartsAgain(t *testing.T) {
	a, b := open(t, plain()), open(t, plain())
	c := connect(t, a, b)
	if err := c.SendMessageBatch(batchOf(1)); err != nil {
		t.Fatal(err)
	}
	b.next(t)
	at := b.address()
	_ = b.Close()
	var broken error
	await(func() bool {
		broken = c.SendMessageBatch(batchOf(1))
		return broken != nil
	})
	if broken == nil {
		t.Error("messages to nobody are sent without an error")
	}
	if _, err := a.GetConnection(t.Context(), at); err == nil {
		t.Error("a connection to nobody")
	}
	again := open(t, config.NodeHostConfig{ListenAddress: at})
	if err := connect(t, a, again).SendMessageBatch(batchOf(2)); err != nil {
		t.Fatal(err)
	}
	again.next(t)
}

// TestConnectionsEndWithTheirContext: dragonboat cancels it when it closes, while it may be waiting for a peer that does not read.
func TestConnectionsEndWithTheirContext(t *testing.T) {
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	ctx, cancel := context.WithCancel(t.Context())
	c, err := open(t, plain()).GetConnection(ctx, deaf.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() { sent <- c.SendMessageBatch(batchOf(64 << 20)) }()
	cancel()
	select {
	case err := <-sent:
		if err == nil {
			t.Error("64 MiB were sent to somebody who does not read")
		}
	case <-time.After(writeMax - 2*writeRenew):
		t.Error("SendMessageBatch goes on after the end of its context")
	}
	c.Close()
}

func TestTooManyConnections(t *testing.T) {
	b := open(t, plain())
	b.mu.Lock()
	b.limit = 2
	b.mu.Unlock()
	a := open(t, plain())
	for range 2 {
		if err := connect(t, a, b).SendMessageBatch(batchOf(1)); err != nil {
			t.Fatal(err)
		}
		b.next(t)
	}
	conn, err := net.Dial("tcp", b.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadAll(conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the third connection: %v", err)
	}
	if !strings.Contains(b.log.String(), errFull.Error()) {
		t.Errorf("the log says\n%s", b.log)
	}
}

func TestListenOn(t *testing.T) {
	for _, c := range []struct{ address, want string }{
		{"127.0.0.1:7", "127.0.0.1:7"},
		{"0.0.0.0:7", "0.0.0.0:7"},
		{"[::1]:7", "[::1]:7"},
		{"localhost:7", "127.0.0.1:7"},
	} {
		got, err := listenOn(t.Context(), c.address)
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("listenOn(%s) = %v, %v, want %s", c.address, got, err, c.want)
		}
	}
	if _, err := listenOn(t.Context(), "nowhere"); err == nil {
		t.Error("an address without a port")
	}
}

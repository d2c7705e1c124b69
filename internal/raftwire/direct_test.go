package raftwire

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/lni/dragonboat/v4/config"
	pb "github.com/lni/dragonboat/v4/raftpb"

	"github.com/redoubt-db/redoubt/test/certs"
)

// numbered is a message that can be told from others.
func numbered(n, size int) pb.Message {
	return pb.Message{Type: pb.Replicate, To: 2, From: 1, ShardID: 1, Term: 3, LogIndex: uint64(n),
		Entries: []pb.Entry{{Term: 3, Index: uint64(n), Cmd: bytes.Repeat([]byte{byte(n)}, size)}}}
}

func batched(list ...pb.Message) pb.MessageBatch {
	return pb.MessageBatch{DeploymentId: 7, SourceAddress: "node", BinVer: 210, Requests: list}
}

// sendBoth is what dragonboat's node and its goroutine do together.
func sendBoth(t *testing.T, a *node, c *messages, m pb.Message) (directly bool) {
	t.Helper()
	if a.Send(&m) {
		return true
	}
	if err := c.SendMessageBatch(batched(m)); err != nil {
		t.Fatalf("SendMessageBatch: %v", err)
	}
	return false
}

// expect wants messages to arrive in this order, in batches as dragonboat makes them.
func (n *node) expect(t *testing.T, want ...pb.Message) {
	t.Helper()
	for len(want) > 0 {
		got := n.next(t)
		for _, m := range got.Requests {
			one, other := batched(m), batched(want[0])
			if got.DeploymentId != 7 || got.SourceAddress != "node" || got.BinVer != 210 || !bytes.Equal(payloadOf(&one), payloadOf(&other)) {
				t.Fatalf("message %d of %q arrived, want %d", m.LogIndex, got.SourceAddress, want[0].LogIndex)
			}
			want = want[1:]
		}
	}
}

func TestMessagesAreSentDirectly(t *testing.T) {
	ca := certs.NewAuthority(t)
	for name, of := range map[string]func() config.NodeHostConfig{
		"plain":     plain,
		"encrypted": func() config.NodeHostConfig { return member(t, ca, "127.0.0.1", ca) },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := open(t, of()), open(t, of())
			c := connect(t, a, b)
			for n, step := range []struct {
				what     string
				m        pb.Message
				directly bool
			}{
				{"before dragonboat has used the connection", numbered(0, 10), false},
				{"after that", numbered(1, 10), true},
				{"the largest", numbered(2, directMax), true},
				{"larger", numbered(3, directMax+1), false},
				{"after one that was left to dragonboat", numbered(4, 10), true},
				{"to somebody else", pb.Message{Type: pb.Heartbeat, To: 3, From: 1, ShardID: 1}, false},
				{"again", numbered(6, 10), true},
			} {
				if got := sendBoth(t, a, c, step.m); got != step.directly {
					t.Errorf("%d, %s: sent directly: %v", n, step.what, got)
				}
				b.expect(t, step.m)
			}
			if m := (pb.Message{Type: pb.InstallSnapshot, To: 2}); a.Send(&m) {
				t.Error("a snapshot was sent as a message")
			}
		})
	}
}

// TestOrderIsKept: while a message is on its way through dragonboat's queue, others join it there.
func TestOrderIsKept(t *testing.T) {
	a, b := open(t, plain()), open(t, plain())
	c := connect(t, a, b)
	sendBoth(t, a, c, numbered(0, 1))
	large, small, more := numbered(1, directMax+1), numbered(2, 1), numbered(3, 1)
	if a.Send(&large) || a.Send(&small) {
		t.Error("a message was written before one that came first")
	}
	if err := c.SendMessageBatch(batched(large)); err != nil {
		t.Fatal(err)
	}
	if a.Send(&more) {
		t.Error("likewise, when the first of two was written")
	}
	if err := c.SendMessageBatch(batched(small, more)); err != nil {
		t.Fatal(err)
	}
	last := numbered(4, 1)
	if !a.Send(&last) {
		t.Error("nothing is on the way any more")
	}
	b.expect(t, numbered(0, 1), large, small, more, last)

	lost := numbered(5, directMax+1)
	a.Send(&lost) // and dragonboat drops it
	c.mu.Lock()
	c.detour.since = c.detour.since.Add(-detourMax)
	c.mu.Unlock()
	if m := numbered(6, 1); !a.Send(&m) {
		t.Error("a lost message is waited for")
	}
}

// TestDragonboatHearsOfMessages: it would close a connection that it thinks nobody uses.
func TestDragonboatHearsOfMessages(t *testing.T) {
	a, b := open(t, plain()), open(t, plain())
	c := connect(t, a, b)
	sendBoth(t, a, c, numbered(0, 1))
	c.mu.Lock()
	c.used = c.used.Add(-detourEach - time.Second)
	c.mu.Unlock()
	for n, directly := range []bool{false, true} {
		if got := sendBoth(t, a, c, numbered(n, 1)); got != directly {
			t.Errorf("message %d: sent directly: %v", n, got)
		}
	}
}

// TestPeerThatDoesNotRead: messages are written as long as there is room. The one that had room for its beginning is
// finished by dragonboat's goroutine, which may wait.
func TestPeerThatDoesNotRead(t *testing.T) {
	ca := certs.NewAuthority(t)
	for name, of := range map[string]func() config.NodeHostConfig{
		"plain":     plain,
		"encrypted": func() config.NodeHostConfig { return member(t, ca, "127.0.0.1", ca) },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := open(t, of()), open(t, of())
			hold := make(chan struct{})
			b.mu.Lock()
			b.deliver = func(batch pb.MessageBatch) {
				<-hold
				b.messages <- batch
			}
			b.mu.Unlock()
			c := connect(t, a, b)
			sendBoth(t, a, c, numbered(0, 1))
			n := 1
			for ; n < 10_000; n++ {
				if m := numbered(n, directMax); !a.Send(&m) {
					break
				}
			}
			if n == 10_000 {
				t.Fatal("the kernel has room for everything")
			}
			if len(c.rest) == 0 {
				t.Error("no message was cut")
			}
			go func() {
				for range n + 2 {
					hold <- struct{}{}
				}
			}()
			go func() { _ = c.SendMessageBatch(batched(numbered(n, directMax))) }()
			for i := range n + 1 {
				size := directMax
				if i == 0 {
					size = 1
				}
				b.expect(t, numbered(i, size))
			}
			await(func() bool { m := numbered(n+1, 1); return a.Send(&m) })
			b.expect(t, numbered(n+1, 1))
		})
	}
}

// TestBrokenConnections: dragonboat is given what cannot be written, and so finds out.
func TestBrokenConnections(t *testing.T) {
	a, b := open(t, plain()), open(t, plain())
	c := connect(t, a, b)
	sendBoth(t, a, c, numbered(0, 1))
	_ = b.Close()
	await(func() bool { m := numbered(1, 1); return !a.Send(&m) })
	if err := c.SendMessageBatch(batched(numbered(2, 1))); err == nil {
		t.Error("dragonboat did not find out")
	}
	if a.direct.get(2) != nil {
		t.Error("a broken connection is kept in mind")
	}
}

// TestRelink: messages wait for the next connection that dragonboat makes, and the one before does not come back.
func TestRelink(t *testing.T) {
	a, b := open(t, plain()), open(t, plain())
	old := connect(t, a, b)
	sendBoth(t, a, old, numbered(0, 1))
	a.Relink(2)
	if m := numbered(1, 1); a.Send(&m) {
		t.Error("a message took the old connection")
	}
	fresh := connect(t, a, b)
	sendBoth(t, a, fresh, numbered(1, 1))
	if err := old.SendMessageBatch(batched(numbered(2, 1))); err != nil {
		t.Fatal(err)
	}
	old.Close()
	if a.direct.get(2) != fresh {
		t.Error("the old connection came back")
	}
	if m := numbered(3, 1); !a.Send(&m) {
		t.Error("the new connection is not used")
	}
}

// BenchmarkSend sends small messages to a listener that reads them all.
func BenchmarkSend(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		for buf := make([]byte, 1<<20); err == nil; {
			_, err = conn.Read(buf)
		}
	}()
	t := New(nil)
	c, err := t.GetConnection(b.Context(), l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	batch := batched(numbered(1, 100))
	b.Run("batch", func(b *testing.B) {
		for b.Loop() {
			if err := c.SendMessageBatch(batch); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("direct", func(b *testing.B) {
		for b.Loop() {
			t.Send(&batch.Requests[0])
		}
	})
}

package server

import (
	"crypto/tls"
	"encoding/binary"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/redoubt-db/redoubt/internal/aio"
	"github.com/redoubt-db/redoubt/test/wire"
)

// heldSyncer syncs, and does not say so before it is let.
type heldSyncer struct {
	*aio.Syncer
	shut atomic.Bool
}

func (s *heldSyncer) Ended(wait bool) (bool, error) {
	if s.shut.Load() && !wait {
		return false, nil
	}
	return s.Syncer.Ended(wait)
}

// let has the sync that is under way end.
func (s *heldSyncer) let(t *testing.T) {
	t.Helper()
	s.shut.Store(false)
	if _, err := unix.Write(s.Event(), binary.NativeEndian.AppendUint64(nil, 1)); err != nil {
		t.Fatal(err)
	}
}

// startHeld starts a node alone whose syncs end when they are let.
func startHeld(t *testing.T, options ...string) (*testNode, *heldSyncer) {
	t.Helper()
	n := startNode(t, options...)
	return n, holdSyncs(t, n)
}

func holdSyncs(t *testing.T, n *testNode) *heldSyncer {
	t.Helper()
	if n.syncer == nil {
		t.Skip("the kernel, or what confines this process, has no asynchronous IO")
	}
	waitFor(t, "the node to know that it is alone", n.replica.ReadsAtOnce)
	s := &heldSyncer{Syncer: n.syncer}
	// One request of the server's own is synced as ever, and does not stand in the way of what is to be held.
	if err := n.replica.SyncBeside(s, 2); err != nil {
		t.Fatal(err)
	}
	return s
}

// sendHeld sends a write whose sync is held, as there are two in its batch: an INCR is behind it.
func (c *wireClient) sendHeld(args ...string) {
	c.t.Helper()
	c.Append(args...)
	c.send("INCR", "behind")
}

// withheld counts the replies that wait.
func (n *testNode) withheld() (count int) {
	for _, l := range n.loops {
		counted := make(chan int)
		l.post(func() { counted <- len(l.held) })
		count += <-counted
	}
	return count
}

// TestRepliesAwaitTheDisk: what is not on the disk is applied, and nobody sees it: neither who wrote it, nor who reads it or hears of it.
func TestRepliesAwaitTheDisk(t *testing.T) {
	for _, threads := range []string{"1", "3"} {
		t.Run(threads+" loops", func(t *testing.T) {
			n, s := startHeld(t, "--io-threads", threads)
			writer, reader, ear, leaver := n.wire(t), n.wire(t), n.wire(t), n.wire(t)
			ear.send("SUBSCRIBE", "news")
			if r, err := ear.Read(); err != nil || len(r.Elems) != 3 {
				t.Fatal(r, err)
			}
			s.shut.Store(true)
			revision := n.revision()
			writer.send("MULTI")
			writer.want("+ OK")
			writer.send("SET", "k", "v")
			writer.want("+ QUEUED")
			writer.send("PUBLISH", "news", "k is there")
			writer.want("+ QUEUED")
			writer.sendHeld("EXEC")
			waitFor(t, "the write to be applied", func() bool { return n.revision() > revision })
			waitFor(t, "two replies to wait", func() bool { return n.withheld() == 2 })
			reader.send("GET", "k")
			waitFor(t, "the read to wait", func() bool { return n.withheld() == 3 })
			reader.send("EXISTS", "k", "gone")
			waitFor(t, "another read of that client to wait", func() bool { return n.withheld() == 4 })
			leaver.send("QUIT")
			waitFor(t, "one that leaves to wait", func() bool { return n.withheld() == 5 })
			s.let(t)
			reader.want("$ v")
			reader.want(": 1")
			if r, err := writer.Read(); err != nil || len(r.Elems) != 2 {
				t.Errorf("EXEC: %v, %v", r, err)
			}
			writer.want(": 1")
			if r, err := ear.Read(); err != nil || !strings.Contains(r.String(), "k is there") {
				t.Errorf("the subscriber: %v, %v", r, err)
			}
			leaver.want("+ OK")
			if r, err := leaver.Read(); err == nil {
				t.Errorf("behind QUIT came %v", r)
			}
			if n.withheld() != 0 {
				t.Errorf("%d replies still wait", n.withheld())
			}
		})
	}
}

// TestWritesAwaitTheDisk: writes of others come together while a sync is under way, and are one batch behind it.
func TestWritesAwaitTheDisk(t *testing.T) {
	n, s := startHeld(t)
	first := n.wire(t)
	s.shut.Store(true)
	first.sendHeld("INCR", "n")
	waitFor(t, "the reply to wait", func() bool { return n.withheld() == 1 })
	revision, batches := n.revision(), n.batcher.Counts().Batches
	others := make([]*wireClient, 20)
	for i := range others {
		others[i] = n.wire(t)
		others[i].send("INCR", "n")
	}
	waitFor(t, "twenty writes to wait", func() bool { requests, _ := n.batcher.Backlog(); return requests == len(others) })
	if n.revision() != revision {
		t.Error("something was applied beside a sync that came before it")
	}
	s.let(t)
	first.want(": 1")
	first.want(": 1")
	for _, c := range others {
		if r, err := c.Read(); err != nil || r.Kind != ':' {
			t.Fatal(r, err)
		}
	}
	first.send("GET", "n")
	first.want("$ 21")
	if got := n.batcher.Counts().Batches - batches; got > 3 { // with those of the server's own chores
		t.Errorf("%d batches of %d writes that waited together", got, len(others))
	}
}

// TestEndAwaitsTheDisk: a node that ends lets the replies leave that wait.
func TestEndAwaitsTheDisk(t *testing.T) {
	n, s := startHeld(t)
	c := n.wire(t)
	s.shut.Store(true)
	c.sendHeld("SET", "k", "v")
	waitFor(t, "the reply to wait", func() bool { return n.withheld() == 1 })
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	c.want("+ OK")
	c.want(": 1")
}

// TestFlushAwaitsTheDisk: the engine writes nothing that the log's disk may not have.
func TestFlushAwaitsTheDisk(t *testing.T) {
	n, s := startHeld(t)
	c := n.wire(t)
	s.shut.Store(true)
	c.sendHeld("SET", "k", "v")
	waitFor(t, "the reply to wait", func() bool { return n.withheld() == 1 })
	if err := n.machine.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, under := n.replica.Unsettled(); under {
		t.Error("the store was flushed beside a sync of its log")
	}
	s.let(t) // the event of that sync may have come when it was still held
	c.want("+ OK")
	c.want(": 1")
}

// TestStuckDisk: nobody waits for a disk that takes nothing longer than write-timeout; and when it does again, the node serves as if nothing had been.
func TestStuckDisk(t *testing.T) {
	n, s := startHeld(t, "--write-timeout", "200")
	writer, reader := n.wire(t), n.wire(t)
	s.shut.Store(true)
	writer.sendHeld("SET", "k", "v")
	waitFor(t, "the reply to wait", func() bool { return n.withheld() == 1 })
	reader.send("GET", "k")
	for _, c := range []*wireClient{writer, reader} {
		if r, err := c.Read(); err == nil {
			t.Errorf("a reply came, and its sync is under way: %v", r)
		}
	}
	s.let(t)
	late := n.wire(t)
	late.send("GET", "k")
	late.want("$ v")
}

// TestStreamsAwaitTheDisk: what is served by goroutines waits like what event loops serve.
func TestStreamsAwaitTheDisk(t *testing.T) {
	n := startSecure(t)
	s := holdSyncs(t, n.testNode)
	conn, err := tls.Dial("tcp", n.port, as(n.id, n.id.By.Pool))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &wireClient{t, wire.New(conn)}
	c.Deadline(time.Now().Add(groupPatience))
	s.shut.Store(true)
	c.sendHeld("SET", "k", "v")
	waitFor(t, "the reply to wait", func() bool { return n.withheld() == 1 })
	c.send("GET", "k")
	waitFor(t, "the read to wait", func() bool { return n.withheld() == 2 })
	s.let(t)
	c.want("+ OK")
	c.want(": 1")
	c.want("$ v")
}

package raftwire

import (
	"sync"
	"time"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

const (
	directMax  = readBuffer // bytes of a message's entries; larger ones are left to the goroutine that waits
	detourMax  = time.Second
	detourEach = 15 * time.Second // dragonboat closes a connection that it has not used for a minute
)

// direct sends messages on the goroutine that made them.
//
// dragonboat has a goroutine for each peer, which is woken for each message, and writes it. To wake it costs more than
// to write. So what can be written at once, without waiting, to a peer that dragonboat has connected to, is: see
// Transport.Send. Everything else (connecting, and finding out that it is no use; a peer that does not read;
// large messages) is left to dragonboat.
type direct struct {
	mu sync.Mutex
	to map[uint64]*messages // by replica; the newest that dragonboat has used
}

func (d *direct) get(replica uint64) *messages {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.to[replica]
}

func (d *direct) set(replica uint64, m *messages) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.to == nil {
		d.to = map[uint64]*messages{}
	}
	d.to[replica] = m
}

// forget takes no notice of what is not m, unless that is nil.
func (d *direct) forget(replica uint64, m *messages) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m == nil || d.to[replica] == m {
		delete(d.to, replica)
	}
}

// Send writes a message to the connection that dragonboat has to its receiver, and reports whether it did. It never waits.
// What it did not write must be given to dragonboat, or be lost. It is called by one goroutine.
func (t *Transport) Send(m *pb.Message) bool {
	if m.Type == pb.InstallSnapshot { // dragonboat makes a stream of chunks of it
		return false
	}
	c := t.direct.get(m.To)
	return c != nil && c.try(m)
}

// Relink has messages to a node take the way through dragonboat, which may be to a new connection.
func (t *Transport) Relink(replica uint64) { t.direct.forget(replica, nil) }

// messages is what dragonboat sends messages by, and Transport.Send beside it.
type messages struct {
	outgoing
	direct *direct
	now    now
	peer   uint64          // 0 until dragonboat has used it
	like   pb.MessageBatch // what all batches have in common

	mu     sync.Mutex // guards what follows, and what is above while busy is false
	busy   bool       // dragonboat's goroutine writes
	rest   []byte     // of the message that was written last; has to be next
	used   time.Time  // by dragonboat, last
	detour detour
	broken bool
}

var _ raftio.IConnection = (*messages)(nil)

// detour keeps messages in order: while one is on its way through dragonboat, others follow it.
type detour struct {
	last  mark
	since time.Time // zero: none
}

// mark tells a message from those around it.
type mark struct {
	kind                                 pb.MessageType
	term, index, commit, hint, more, len uint64
}

func markOf(m *pb.Message) mark {
	return mark{m.Type, m.Term, m.LogIndex, m.Commit, m.Hint, m.HintHigh, uint64(len(m.Entries))}
}

// SendMessageBatch returns when the kernel has the batch.
func (m *messages) SendMessageBatch(batch pb.MessageBatch) error {
	m.mu.Lock()
	m.busy = true
	m.mu.Unlock()
	err := m.sendBatch(&batch)
	m.mu.Lock()
	m.busy = false
	m.used = time.Now()
	if n := len(batch.Requests); n > 0 && m.detour.last == markOf(&batch.Requests[n-1]) {
		m.detour = detour{}
	}
	m.mu.Unlock()
	if err != nil {
		m.direct.forget(m.peer, m)
	} else if m.peer == 0 && len(batch.Requests) > 0 && m.now.possible() {
		m.peer, m.like = batch.Requests[0].To, batch
		m.like.Requests = make([]pb.Message, 1)
		m.direct.set(m.peer, m)
	}
	return err
}

func (m *messages) sendBatch(batch *pb.MessageBatch) error {
	if len(m.rest) > 0 {
		if err := m.writeRest(); err != nil {
			return err
		}
	}
	err := m.send(methodMessages, batch, batch.SizeUpperLimit())
	if err == nil {
		// A deadline that has passed would keep Send from writing.
		m.deadline = time.Time{}
		err = m.conn.SetWriteDeadline(m.deadline)
	}
	return err
}

// Close closes the connection.
func (m *messages) Close() {
	m.direct.forget(m.peer, m)
	m.close()
}

// try writes msg now, or leaves it to dragonboat and remembers that.
func (m *messages) try(msg *pb.Message) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := time.Now()
	onWay := !m.detour.since.IsZero() && at.Sub(m.detour.since) < detourMax
	if onWay || m.busy || m.broken || len(m.rest) > 0 || at.Sub(m.used) > detourEach || !suits(msg) {
		m.detour = detour{markOf(msg), at}
		return false
	}
	m.detour = detour{}
	m.like.Requests[0] = *msg
	frame, err := m.frame(methodMessages, &m.like, m.like.SizeUpperLimit())
	m.like.Requests[0].Entries = nil
	if err == nil {
		frame, err = m.onWire(frame)
	}
	if err != nil {
		m.broken = true
		return false
	}
	n, err := m.now.write(frame)
	switch {
	case err != nil:
		m.broken = true // dragonboat will find out
		return false
	case n < len(frame):
		m.rest = append(m.rest[:0], frame[n:]...)
	}
	return true
}

// suits tells a message that is not worth a goroutine.
func suits(msg *pb.Message) bool {
	size := 0
	for i := range msg.Entries {
		size += len(msg.Entries[i].Cmd)
	}
	return size <= directMax
}

// onWire encrypts a frame if the connection is encrypted.
func (m *messages) onWire(frame []byte) ([]byte, error) {
	if s, ok := m.conn.(*secured); ok {
		return s.seal(frame)
	}
	return frame, nil
}

// writeRest waits until the message that was begun is written.
func (m *messages) writeRest() error {
	err := m.now.conn.SetWriteDeadline(time.Now().Add(writeMax))
	if err == nil {
		_, err = m.now.conn.Write(m.rest)
	}
	m.rest = m.rest[:0]
	return err
}

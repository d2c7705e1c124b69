package server

import (
	"fmt"
	"math/bits"
	"sync"
	"unsafe"

	"github.com/redoubt-db/redoubt/conf"
	"github.com/redoubt-db/redoubt/resp"
)

// This file knows what memory each client takes, and closes the largest while all together take more than
// maxmemory-clients. A session is measured on its loop when it was fed and when its replies were written. That is a few
// additions of what the session knows anyway; more happens only where the sum differs from the last one.

const (
	// sessionBytes is about what an idle session takes: itself, its socket's, its places in lists.
	sessionBytes = 2 << 10
	// subscriptionBytes is about what one takes beside its name, in the session, its loop and the hub.
	subscriptionBytes = 160
	// clientsMemoryMin is what a smaller maxmemory-clients is read as, as nobody could talk to the node otherwise.
	clientsMemoryMin = 128 << 10
)

// Clients are classed by the power of two that is above their memory, as in Redis.
const (
	clientClassFirst = 15 // below 32 KiB
	clientClassLast  = 33 // from 4 GiB on
	clientClasses    = clientClassLast - clientClassFirst + 1
)

func clientClass(bytes int64) int {
	return min(max(bits.Len64(uint64(bytes)), clientClassFirst), clientClassLast) - clientClassFirst
}

// clientMemory is what all clients take.
type clientMemory struct {
	mu      sync.Mutex // innermost
	limit   int64      // 0 is none
	total   int64
	over    bool // nobody is left to close
	classes [clientClasses]clientLine
}

// clientLine is clients that may be closed, in the order in which they came to be of its class.
type clientLine struct {
	first, last *session
	clients     int
	bytes       int64
}

// footprint is what clientMemory knows of one session. It belongs to clientMemory.mu, but for told.
type footprint struct {
	told       int64 // what the loop said last; the loop's own
	bytes      int64
	class      int
	listed     bool // in the line of its class
	gone       bool // is not counted any more
	prev, next *session
}

// memory is what the session takes. What it wrote that waits for its batch belongs to the batch.
func (s *session) memory() int64 {
	n := sessionBytes + cap(s.in) + cap(s.out) + s.unsent.buffered + s.reader.Room()
	if s.multi != nil {
		n += s.multi.memory()
	}
	n += s.executing + s.late.bytes + s.watchedBytes + cap(s.watched)*int(unsafe.Sizeof(watch{}))
	return int64(n + s.subs.bytes)
}

// memory of queued commands: their bytes, and the slices that hold them.
func (m *multi) memory() int {
	return m.bytes + m.args*int(unsafe.Sizeof([]byte{})) + cap(m.ops)*int(unsafe.Sizeof(queued{}))
}

// measure tells what the session takes, if that has changed. It may close s; others are closed when their loops come to it.
func (s *session) measure() {
	if n := s.memory(); n != s.footprint.told && !s.closed {
		s.footprint.told = n
		s.srv.evictClients(s.srv.clientMemory.note(s, n), s)
	}
}

// eviction is whom to close, largest first; they are not counted any more. It is exhausted if the others, of whom none may
// be closed, still take too much, which is told once.
type eviction struct {
	victims   []*session
	exhausted bool
}

// note takes a new measure of s.
func (c *clientMemory) note(s *session, bytes int64) (e eviction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := &s.footprint
	if f.gone {
		return e
	}
	grows := bytes > f.bytes
	c.total += bytes - f.bytes
	c.unlist(s, clientClass(bytes))
	f.bytes = bytes
	c.list(s)
	if grows {
		e = c.largest()
	}
	if !f.gone {
		s.info.memory.Store(bytes)
	}
	return e
}

// unlist takes s's bytes off the line of its class, and s too unless it is to stay in the class.
func (c *clientMemory) unlist(s *session, class int) {
	f := &s.footprint
	if !f.listed {
		return
	}
	line := &c.classes[f.class]
	line.bytes -= f.bytes
	if class == f.class {
		return
	}
	line.clients--
	if f.prev != nil {
		f.prev.footprint.next = f.next
	} else {
		line.first = f.next
	}
	if f.next != nil {
		f.next.footprint.prev = f.prev
	} else {
		line.last = f.prev
	}
	f.prev, f.next, f.listed = nil, nil, false
}

// list puts s into the line of its class, unless it may not be closed, or counts its bytes there if it is in it.
func (c *clientMemory) list(s *session) {
	f := &s.footprint
	if s.info.flags.Load()&flagNoEvict != 0 {
		return
	}
	if class := clientClass(f.bytes); !f.listed {
		f.class, f.listed = class, true
		line := &c.classes[class]
		if f.prev = line.last; f.prev != nil {
			f.prev.footprint.next = s
		} else {
			line.first = s
		}
		line.last = s
		line.clients++
	}
	c.classes[f.class].bytes += f.bytes
}

// remove forgets a session that has ended.
func (c *clientMemory) remove(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(s)
}

const noClass = -1

func (c *clientMemory) drop(s *session) {
	if f := &s.footprint; !f.gone {
		c.unlist(s, noClass)
		c.total -= f.bytes
		f.gone = true
	}
}

// largest takes out whom to close until the others are below the limit: from the class of the largest down.
func (c *clientMemory) largest() (e eviction) {
	if c.limit == 0 || c.total < c.limit {
		c.over = false
		return e
	}
	for class := clientClasses - 1; class >= 0; class-- {
		for line := &c.classes[class]; line.first != nil && c.total >= c.limit; {
			e.victims = append(e.victims, line.first)
			c.drop(line.first)
		}
	}
	was := c.over
	c.over = c.total >= c.limit
	e.exhausted = c.over && !was
	return e
}

// setLimit takes a new limit; 0 is none.
func (c *clientMemory) setLimit(limit int64) eviction {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = limit
	return c.largest()
}

// spare is CLIENT NO-EVICT.
func (c *clientMemory) spare(s *session, on bool) (e eviction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.footprint.gone {
		return e
	}
	c.unlist(s, noClass)
	s.setFlag(flagNoEvict, on)
	c.list(s)
	return c.largest()
}

// bytes is what all clients take.
func (c *clientMemory) bytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// text is DEBUG CLIENT-EVICTION.
func (c *clientMemory) text() (b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for class := range c.classes {
		line := &c.classes[class]
		from, to := int64(1)<<(class+clientClassFirst-1), int64(1)<<(class+clientClassFirst)-1
		switch class {
		case 0:
			from = 0
			fallthrough
		default:
			b = fmt.Appendf(b, "bucket %10d - %10d:", from, to)
		case clientClasses - 1:
			b = fmt.Appendf(b, "bucket %10d+            :", from)
		}
		b = fmt.Appendf(b, " tot-mem: %10d, clients: %d\n", line.bytes, line.clients)
	}
	return b
}

// evictClients closes sessions: self, whose loop this runs on, at once. Nothing more that they send is run.
func (srv *Server) evictClients(e eviction, self *session) {
	for _, s := range e.victims {
		srv.log.Info("Evicting client", "client", string((*session)(nil).appendInfo(nil, s, nil)))
		srv.stats.evictedClients.Add(1)
		srv.clients.remove(s)
		s.setFlag(flagKilled, true)
		if s == self {
			s.close()
		} else {
			s.loop.post(s.close)
		}
	}
	if e.exhausted {
		srv.log.Warn("Over client maxmemory after evicting all evictable clients")
	}
}

// clientsMemory is maxmemory-clients in bytes; 0 is no limit.
func clientsMemory(view *conf.View) int64 {
	limit := view.BytesOf("maxmemory-clients", view.Bytes("maxmemory"))
	if limit == 0 {
		return 0
	}
	return max(limit, clientsMemoryMin)
}

// debugClientEviction shows how many clients of which size may be closed.
func debugClientEviction(s *session, _ [][]byte) resp.Value {
	return resp.Verbatim(string(s.srv.clientMemory.text()))
}

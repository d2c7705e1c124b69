package server

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

func monitorCommands() []sessionCommand {
	return []sessionCommand{costing("", node("MONITOR", "", "Listens for all requests received by the server in real-time.", "1.0.0", command.Exactly(1), operatorFlags|anytimeFlags, 0, monitor))}
}

// monitors are the sessions that see every command of this node. Without any, a command pays for one look at
// count.
type monitors struct {
	count atomic.Int32
	mu    sync.Mutex
	all   []*session
}

// add starts showing commands to s; again is no error.
func (m *monitors) add(s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.all {
		if other == s {
			return
		}
	}
	m.all = append(m.all, s)
	m.count.Store(int32(len(m.all)))
}

// remove ends it, if there is anything to end.
func (m *monitors) remove(s *session) {
	if m.count.Load() == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, other := range m.all {
		if other == s {
			m.all = append(append([]*session(nil), m.all[:i]...), m.all[i+1:]...)
			m.count.Store(int32(len(m.all)))
			return
		}
	}
}

// list is not changed afterwards by add and remove: these work behind its end, or on a copy.
func (m *monitors) list() []*session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[:len(m.all):len(m.all)]
}

func monitor(s *session, _ [][]byte) resp.Value {
	if s.exec != nil {
		return resp.Error("ERR MONITOR isn't allowed for DENY BLOCKING client")
	}
	s.setFlag(flagMonitor, true)
	s.srv.monitors.add(s)
	return resp.OK()
}

// endMonitor is what RESET and the end of the connection do.
func (s *session) endMonitor() {
	s.setFlag(flagMonitor, false)
	s.srv.monitors.remove(s)
}

// show tells monitors of a command that is about to run. What a transaction runs is shown before its EXEC.
func (srv *Server) show(s *session, e *entry, args [][]byte) {
	if srv.monitors.count.Load() == 0 || e.Flags&command.Admin != 0 {
		return
	}
	if e.name == "exec" && s.multi != nil && !s.multi.dirty {
		for _, q := range s.multi.ops {
			srv.show(s, q.entry, q.args)
		}
	}
	line := monitorLine(time.Now(), s.db, s.info.remote, redact(srv.conf, e, args))
	for _, m := range srv.monitors.list() {
		if m == s && e.name == "reset" { // it ends its own monitoring
			continue
		}
		if m.loop == s.loop {
			m.push(resp.Simple(line))
			continue
		}
		m.loop.post(func() {
			if !m.closed {
				m.push(resp.Simple(line))
			}
		})
	}
}

func monitorLine(now time.Time, db uint32, from string, args [][]byte) string {
	b := fmt.Appendf(nil, "%d.%06d [%d %s]", now.Unix(), now.Nanosecond()/1000, db, from)
	for _, a := range args {
		b = appendQuoted(append(b, ' '), a)
	}
	return string(b)
}

// appendQuoted writes a in double quotes with Redis' escapes.
func appendQuoted(dst, a []byte) []byte {
	const escaped, letters = "\\\"\n\r\t\a\b", "\\\"nrtab"
	dst = append(dst, '"')
next:
	for _, c := range a {
		for i := range len(escaped) {
			if c == escaped[i] {
				dst = append(dst, '\\', letters[i])
				continue next
			}
		}
		if c < ' ' || c > '~' {
			dst = fmt.Appendf(dst, "\\x%02x", c)
			continue
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

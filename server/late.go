package server

import "github.com/redoubt-db/redoubt/resp"

// lateCommand is the command that a session waits for, to be accounted for when it is answered.
type lateCommand struct {
	entry *entry
	args  [][]byte
	start int64 // monotonic nanoseconds
}

func (s *session) accountLate(v resp.Value) {
	if c := s.late; c.entry != nil {
		s.srv.account(s, c.entry, c.args, s.srv.mono()-c.start, v.IsError())
	}
	s.late = lateCommand{}
}

// later runs work off the loop and answers with its result.
func (s *session) later(work func() resp.Value) resp.Value {
	s.wait()
	s.srv.pool.run(func() { s.answer(work()) })
	return resp.None
}

// answer ends wait from any goroutine.
func (s *session) answer(v resp.Value) {
	s.loop.post(func() {
		s.finish(v)
		s.loop.touch(s)
	})
}

package server

import "github.com/redoubt-db/redoubt/resp"

// lateCommand is the command that a session waits for, to be accounted for when it is answered.
type lateCommand struct {
	entry *entry
	args  [][]byte
	start int64 // monotonic nanoseconds
	bytes int   // about what args take
}

func newLate(e *entry, args [][]byte, start int64) lateCommand {
	return lateCommand{e, args, start, argumentBytes(args)}
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
	s.srv.pool.run(func() {
		v, broken := s.guardedElsewhere(work)
		s.answer(v)
		if broken {
			s.loop.post(s.endBehindReplies)
		}
	})
	return resp.None
}

// answer ends wait from any goroutine.
func (s *session) answer(v resp.Value) {
	s.loop.post(func() {
		s.finish(v)
		s.loop.touch(s)
	})
}

// accountMulti notes the commands of the oldest transaction under way, each at its share of the batch's time
// per request. None of them ran if there is no reply, or if it is null since a watched key had changed.
func (s *session) accountMulti(reply []byte) {
	if len(s.executed) == 0 {
		return
	}
	ops, bytes := s.executed[0].ops, s.executed[0].bytes
	s.executing -= bytes
	if s.executed = s.executed[1:]; len(s.executed) == 0 {
		s.executed = nil
	}
	if len(reply) < 2 || reply[0] != '*' || reply[1] == '-' {
		return
	}
	for _, q := range ops {
		if !q.entry.IsSession() {
			s.srv.account(s, q.entry, q.args, s.srv.applyTime.Load()/int64(len(ops)), false)
		}
	}
}

package server

import (
	"runtime/debug"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

var errInternal = resp.Error("ERR internal")

// guarded runs the code of a session command. A bug in one must not end the process, and with it everybody else's
// connections: its panic becomes an error, and this connection ends, as nobody knows what state the command left it in. A broken
// invariant of the store stops the node nevertheless, and what the disk answers is an error like any.
func (s *session) guarded(e *entry, args [][]byte) (v resp.Value) {
	defer func() {
		if reason := recover(); reason != nil {
			if v = s.srv.survive(e.name, reason); !fromDisk(reason) {
				s.waiting = false
				s.endBehindReplies()
			}
		}
	}()
	return e.run(s, args)
}

func (s *session) endBehindReplies() {
	s.closing = true
	s.loop.touch(s)
}

// guardedElsewhere is guarded for what a session command does later, under the store's lock or on a goroutine of the pool:
// the session has to be ended by its loop.
func (s *session) guardedElsewhere(run func() resp.Value) (v resp.Value, broken bool) {
	defer func() {
		if reason := recover(); reason != nil {
			v, broken = s.srv.survive(s.lastCommand(), reason), !fromDisk(reason)
		}
	}()
	return run(), false
}

// survive is the reply to a command that panicked. It panics on if that was not the command's own fault.
func (srv *Server) survive(name string, reason any) resp.Value {
	if disk, ok := reason.(*keyspace.DiskError); ok {
		return command.ErrorReply(disk.Err)
	}
	if sm.Invariant(reason) {
		panic(reason)
	}
	srv.panicked(name, reason, debug.Stack())
	return errInternal
}

func fromDisk(reason any) bool {
	_, ok := reason.(*keyspace.DiskError)
	return ok
}

// panicked logs the bug.
func (srv *Server) panicked(command string, reason any, stack []byte) {
	srv.log.Error("a command panicked; please report this with its stack", "command", command, "reason", reason, "stack", string(stack))
}

// lastCommand is the command that the session ran last, by name.
func (s *session) lastCommand() string {
	if e := s.info.command.Load(); e != nil {
		return e.name
	}
	return ""
}

package server

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/resp"
)

// backupCommands are what `redoubt backup` asks of a node.
func backupCommands() []sessionCommand {
	one := func(name, syntax, summary, cost string, arity command.Arity, f run) sessionCommand {
		return grouped("redoubt", costing(cost, node(name, syntax, summary, "redoubt", arity, operatorFlags|command.NoMulti, acl.Dangerous, f)))
	}
	return []sessionCommand{grouped("redoubt", node("BACKUP", "", "A container for commands that copy all data.", "redoubt", command.AtLeast(2), 0, 0, nil,
		one("START", "[revision]", "Pins all data as of a revision, by default the current one, and tells what it is.", "O(N) with N keys and elements", command.Between(2, 3), backupStart),
		one("READ", "id", "Returns the next piece of a backup, and null behind the last.", "O(1)", command.Exactly(3), backupRead),
		one("STOP", "id", "Ends a backup before it is read to its end.", "O(1)", command.Exactly(3), backupStop),
		helpOf("redoubt", "BACKUP", acl.Slow,
			"START [<revision>]", "    Pin all data as of a revision. Use redoubt backup, which writes and checks a file.",
			"READ <id>", "    Return the next piece.",
			"STOP <id>", "    End a backup."),
	))}
}

// backupStart has every write in it that was acknowledged before, unless the connection reads stale.
func backupStart(s *session, args [][]byte) resp.Value {
	rev := uint64(0)
	if len(args) == 3 {
		var ok bool
		if rev, ok = parseUint(args[2]); !ok || rev == 0 {
			return errNotInteger
		}
	}
	srv, stale := s.srv, s.stale
	return s.later(func() resp.Value {
		if !stale && srv.awaitReadIndex() != nil {
			return noQuorum
		}
		id, b, err := srv.startBackup(rev)
		if err != nil {
			return backupFault(err)
		}
		text, number := resp.BulkString, func(n uint64) resp.Value { return resp.BulkString(strconv.FormatUint(n, 10)) }
		return resp.Map(
			text("id"), number(id), text("cluster"), text(formatID(srv.replica.Cluster())), text("node"), text(formatID(srv.replica.ID())),
			text("revision"), number(b.rev), text("compacted"), number(b.facts.Compacted), text("applied"), number(b.facts.Applied),
			text("logtime"), number(uint64(srv.machine.LogTime())), text("content"), text(fmt.Sprintf("%016x", b.content)),
		)
	})
}

// awaitReadIndex returns when this node has applied all that was committed when it was called. It blocks.
func (srv *Server) awaitReadIndex() error {
	done := make(chan error, 1)
	srv.replica.ReadIndex(func(err error) { done <- err })
	return <-done
}

func backupFault(err error) resp.Value {
	switch {
	case errors.Is(err, mvcc.ErrCompacted):
		return command.ErrorReply(mvcc.ErrCompacted)
	case errors.Is(err, mvcc.ErrFuture):
		return command.ErrorReply(mvcc.ErrFuture)
	}
	return resp.Error("ERR " + oneLine(err.Error()))
}

func backupRead(s *session, args [][]byte) resp.Value {
	id, ok := parseUint(args[2])
	if !ok {
		return errNotInteger
	}
	return s.later(func() resp.Value {
		piece, err := s.srv.backups.read(id)
		switch {
		case err != nil:
			return backupFault(err)
		case len(piece) == 0:
			return resp.Null()
		}
		return resp.Bulk(piece)
	})
}

func backupStop(s *session, args [][]byte) resp.Value {
	id, ok := parseUint(args[2])
	if !ok {
		return errNotInteger
	}
	if !s.srv.backups.drop(id) {
		return resp.Error("ERR " + errNoBackup.Error())
	}
	return resp.OK()
}

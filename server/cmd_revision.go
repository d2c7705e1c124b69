package server

import (
	"fmt"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// redisVersion is the version of Redis whose surface this is, which client libraries look at.
const redisVersion = "7.0.15"

// revisionCommands are etcd's questions in Redis' words. REVISION KEY is declared with the commands on keys.
func revisionCommands() []sessionCommand {
	revision := spec("REVISION", "", "Returns the current main revision.", "redoubt", "redoubt", command.AtLeast(1), command.Fast, acl.Keyspace)
	at := spec("AT", "revision command [arg ...]", "Runs a read command as of a revision.", "redoubt", "redoubt", command.AtLeast(3), command.ReadFlag, acl.Keyspace)
	at.Complexity = "That of the command, with values read from disk."
	info := spec("INFO", "", "Returns the current, compacted and oldest readable revision, the applied index and the state hash.", "redoubt", "redoubt", command.Exactly(2), 0, acl.Keyspace)
	return []sessionCommand{
		{Spec: revision, run: currentRevision, sub: []sessionCommand{
			{Spec: info, run: revisionInfo},
			{Spec: command.RevisionKey()},
		}},
		{Spec: at, run: readAt},
	}
}

func currentRevision(s *session, args [][]byte) resp.Value {
	if len(args) > 1 {
		return unknownSubcommand("revision", args[1])
	}
	s.readThen(func(view *keyspace.View) resp.Value { return resp.Int(int64(view.Revision())) })
	return resp.None
}

func revisionInfo(s *session, _ [][]byte) resp.Value {
	srv := s.srv
	s.readThen(func(view *keyspace.View) resp.Value {
		store := srv.machine.Space().Store
		return resp.Map(
			resp.BulkString("current"), resp.Int(int64(view.Revision())),
			resp.BulkString("compacted"), resp.Int(int64(store.Compacted())),
			resp.BulkString("oldest"), resp.Int(int64(store.History().Oldest)),
			resp.BulkString("applied-index"), resp.Int(int64(store.Applied())),
			resp.BulkString("hash"), resp.BulkString(fmt.Sprintf("%016x", store.ChainHash())),
		)
	})
	return resp.None
}

// readAt runs a read command on the state as of a revision. The linearizable read in front of it makes every
// revision that any client has seen readable here.
func readAt(s *session, args [][]byte) resp.Value {
	rev, ok := parseUint(args[1])
	if !ok {
		return errNotInteger
	}
	e, fault := s.srv.lookup(args[2:])
	if e == nil {
		return fault
	}
	if e = e.form(args[2:]); e.Read == nil || e.Write != nil {
		return resp.Error("ERR AT takes a read command on keys")
	}
	s.readLong(s.ownRead(readOp{db: s.db, proto: s.proto, entry: e, args: args[2:], rev: rev, past: true}))
	return resp.None
}

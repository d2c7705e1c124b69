package server

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

func introspection() []sessionCommand {
	return []sessionCommand{node("COMMAND", "", "Returns detailed information about all commands.", "2.8.13", command.AtLeast(1), anytimeFlags, acl.Connection, nil,
		node("COUNT", "", "Returns a count of commands.", "2.8.13", command.Exactly(2), anytimeFlags, acl.Connection, commandCount),
	)}
}

func commandCount(s *session, _ [][]byte) resp.Value { return resp.Int(int64(len(s.srv.entries))) }

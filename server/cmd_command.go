package server

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

// introspection is COMMAND. What it tells follows from the table of commands alone: see command.InfoAll.
func introspection() []sessionCommand {
	const unordered = "nondeterministic_output_order"
	one := func(complexity, name, syntax, summary, since string, arity command.Arity, f run) sessionCommand {
		return costing(complexity, node(name, syntax, summary, since, arity, anytimeFlags, acl.Connection, f))
	}
	const all = "O(N) where N is the total number of Redis commands"
	const some = "O(N) where N is the number of commands to look up"
	const args = "O(N) where N is the number of arguments to the command"
	return []sessionCommand{hinted(unordered, costing(all,
		node("COMMAND", "", "Returns detailed information about all commands.", "2.8.13", command.AtLeast(1), anytimeFlags, acl.Connection, commandAll,
			one("O(1)", "COUNT", "", "Returns a count of commands.", "2.8.13", command.Exactly(2), commandCount),
			hinted(unordered, one(some, "DOCS", "[command-name [command-name ...]]", "Returns documentary information about one, multiple or all commands.", "7.0.0", command.AtLeast(2), commandDocs)),
			one(args, "GETKEYS", "command [arg [arg ...]]", "Extracts the key names from an arbitrary command.", "2.8.13", command.AtLeast(4), commandGetKeys),
			one(args, "GETKEYSANDFLAGS", "command [arg [arg ...]]", "Extracts the key names and access flags for an arbitrary command.", "7.0.0", command.AtLeast(4), commandGetKeysAndFlags),
			helpOf("5.0.0", "COMMAND", acl.Connection,
				"(no subcommand)",
				"    Return details about all Redis commands.",
				"COUNT",
				"    Return the total number of commands in this Redis server.",
				"LIST",
				"    Return a list of all commands in this Redis server.",
				"INFO [<command-name> ...]",
				"    Return details about multiple Redis commands.",
				"    If no command names are given, documentation details for all",
				"    commands are returned.",
				"DOCS [<command-name> ...]",
				"    Return documentation details about multiple Redis commands.",
				"    If no command names are given, documentation details for all",
				"    commands are returned.",
				"GETKEYS <full-command>",
				"    Return the keys from a full Redis command.",
				"GETKEYSANDFLAGS <full-command>",
				"    Return the keys and the access flags from a full Redis command."),
			hinted(unordered, one(some, "INFO", "[command-name [command-name ...]]", "Returns information about one, multiple or all commands.", "2.8.13", command.AtLeast(2), commandInfo)),
			hinted(unordered, one(all, "LIST", "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]", "Returns a list of command names.", "7.0.0", command.AtLeast(2), commandList)),
		)))}
}

func commandAll(s *session, args [][]byte) resp.Value {
	if len(args) > 1 {
		return unknownSubcommand("command", args[1])
	}
	return command.InfoAll(s.srv.public)
}

func commandCount(s *session, _ [][]byte) resp.Value { return command.Count(s.srv.public) }

func commandInfo(s *session, args [][]byte) resp.Value {
	if len(args) == 2 {
		return command.InfoAll(s.srv.public)
	}
	return command.InfoOf(s.srv.public, args[2:])
}

func commandDocs(s *session, args [][]byte) resp.Value {
	if len(args) == 2 {
		return command.DocsAll(s.srv.public)
	}
	return command.DocsOf(s.srv.public, args[2:])
}

func commandList(s *session, args [][]byte) resp.Value {
	return command.ListAll(s.srv.public, args[2:])
}

func commandGetKeys(s *session, args [][]byte) resp.Value {
	return command.GetKeys(s.srv.public, args[2:])
}

func commandGetKeysAndFlags(s *session, args [][]byte) resp.Value {
	return command.GetKeysAndFlags(s.srv.public, args[2:])
}

// publicTable is the table as clients see it: rename-command takes commands away or calls them otherwise,
// for this node's clients only, while the log keeps the true names.
func (srv *Server) publicTable() *command.Table {
	if len(srv.conf.Renames()) == 0 {
		return srv.table
	}
	called := make(map[*command.Spec]string, len(srv.entries))
	for name, e := range srv.entries {
		called[e.Spec] = name
	}
	var specs []command.Spec
	for _, spec := range srv.table.List() {
		if name, ok := called[spec]; ok {
			own := *spec
			own.Name = name
			specs = append(specs, own)
		}
	}
	return command.NewTable(specs)
}

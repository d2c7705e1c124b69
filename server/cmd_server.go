package server

import (
	"slices"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

// Flags that many commands for operators share.
const (
	operatorFlags = command.Admin | command.NoScript
	anytimeFlags  = command.Loading | command.Stale
)

// serverCommands are about the node as a whole, topic by topic.
func serverCommands() []sessionCommand {
	return slices.Concat(configCommands(), infoCommands(), introspection(), slowlogCommands(), latencyCommands(),
		memoryCommands(), debugCommands(), persistenceCommands(), replicationCommands(), syncCommands(), raftCommands(), backupCommands(), clusterCommands(), monitorCommands(), miscellany())
}

// node declares a command about the node.
func node(name, syntax, summary, since string, arity command.Arity, flags command.Flags, c acl.Category, f run, sub ...sessionCommand) sessionCommand {
	cmd := sessionCommand{Spec: spec(name, syntax, summary, since, "server", arity, flags, c), run: f, sub: sub}
	if len(sub) > 0 && f == nil {
		cmd.Complexity = "Depends on subcommand."
	}
	return cmd
}

// grouped puts a declaration under another heading of the documentation.
func grouped(group string, c sessionCommand) sessionCommand {
	c.Group = group
	return c
}

// helpOf declares a HELP subcommand.
func helpOf(since, container string, c acl.Category, lines ...string) sessionCommand {
	return node("HELP", "", "Returns helpful text about the different subcommands.", since, command.Exactly(2), anytimeFlags, c,
		func(*session, [][]byte) resp.Value { return helpText(container, lines...) })
}

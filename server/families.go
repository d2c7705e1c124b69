package server

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
)

const transactionACL = acl.Transaction

// sessionFamilies are the commands this package runs.
func sessionFamilies() [][]sessionCommand {
	return [][]sessionCommand{connectionCommands(), transactions(), revisionCommands(), clientCommands(), pubsubCommands(), serverCommands()}
}

// spec shortens declarations of session commands.
func spec(name, syntax, summary, since, group string, arity command.Arity, flags command.Flags, c acl.Category) command.Spec {
	return command.Spec{Name: name, Syntax: syntax, Summary: summary, Since: since, Group: group, Complexity: "O(1)", Arity: arity, Flags: flags, ACL: c}
}

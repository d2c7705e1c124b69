package differential

import (
	"slices"
	"strings"
)

// command is a line of a table.
type command struct {
	line  string // name and arguments in the notation of grammar_test.go
	law   law    // how replies are compared; 0 is that they are equal
	often int    // how often beside the others of its family; 0 is 4
	plain bool   // never spoiled
	alone bool   // not inside MULTI: a command of the connection
	// free names a row of known_test.go: not between WATCH and EXEC, since here it may be no change where Redis sees one.
	free string

	name   string // "OBJECT ENCODING", from line
	syntax node
}

// family is a table of commands that share data.
type family struct {
	name     string
	commands []command
}

// families are all tables. Transactions are made of the commands of the others.
func families() []family {
	all := []family{
		{"strings", stringCommands}, {"bitmaps", bitmapCommands}, {"generic", genericCommands}, {"expire", expireCommands},
		{"hashes", hashCommands}, {"lists", listCommands}, {"sets", setCommands}, {"zsets", zsetCommands}, {"sort", sortCommands},
		{"geo", geoCommands}, {"hll", hllCommands}, {"transactions", transactionCommands},
		{"session", sessionCommands}, {"pubsub", pubsubCommands},
	}
	for i := range all {
		table := make([]command, len(all[i].commands))
		for j, c := range all[i].commands {
			words := strings.Fields(c.line)
			c.name = words[0]
			if container(words[0]) && len(words) > 1 && words[1] != "(" {
				c.name += " " + words[1]
			}
			if c.often == 0 {
				c.often = 4
			}
			c.syntax = parse(c.line)
			table[j] = c
		}
		all[i].commands = table
	}
	return all
}

func container(name string) bool {
	return slices.Contains([]string{"OBJECT", "MEMORY", "CLIENT", "CONFIG", "COMMAND", "SLOWLOG", "LATENCY", "PUBSUB"}, name)
}

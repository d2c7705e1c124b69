package server

import (
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// slowlogGetDefault is how many entries SLOWLOG GET shows when it is not told.
const slowlogGetDefault = 10

func slowlogCommands() []sessionCommand {
	const flags = command.Admin | anytimeFlags
	everyNode := func(policy string, c sessionCommand) sessionCommand {
		c = hinted("request_policy:all_nodes", c)
		if policy != "" {
			c = hinted(policy, c)
		}
		return c
	}
	const varies = "nondeterministic_output"
	return []sessionCommand{node("SLOWLOG", "", "A container for slow log commands.", "2.2.12", command.AtLeast(2), 0, 0, nil,
		hinted(varies, everyNode("", costing("O(N) where N is the number of entries returned",
			node("GET", "[count]", "Returns the slow log's entries.", "2.2.12", command.AtLeast(2), flags, 0, slowlogGet)))),
		helpOf("6.2.0", "SLOWLOG", 0,
			"GET [<count>]",
			"    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
			"    Entries are made of:",
			"    id, timestamp, time in microseconds, arguments array, client IP and port,",
			"    client name",
			"LEN",
			"    Return the length of the slowlog.",
			"RESET",
			"    Reset the slowlog."),
		hinted(varies, everyNode("response_policy:agg_sum", node("LEN", "", "Returns the number of entries in the slow log.", "2.2.12", command.Exactly(2), flags, 0, slowlogLen))),
		everyNode("response_policy:all_succeeded", costing("O(N) where N is the number of entries in the slowlog",
			node("RESET", "", "Clears all entries from the slow log.", "2.2.12", command.Exactly(2), flags, 0, slowlogReset))),
	)}
}

func slowlogGet(s *session, args [][]byte) resp.Value {
	count := slowlogGetDefault
	switch len(args) {
	case 2:
	case 3:
		n, ok := keyspace.ParseInt(args[2])
		if !ok || n < -1 {
			return resp.Error("ERR count should be greater than or equal to -1")
		}
		if count = int(n); n == -1 {
			count = s.srv.slow.len()
		}
	default:
		return wrongSubcommand("SLOWLOG", args[1])
	}
	entries := s.srv.slow.newest(count)
	list := make([]resp.Value, len(entries))
	for i, e := range entries {
		argv := make([]resp.Value, len(e.args))
		for j, a := range e.args {
			argv[j] = resp.Bulk(a)
		}
		list[i] = resp.Array(resp.Int(e.id), resp.Int(e.at.Unix()), resp.Int(e.nanos/1000), resp.Array(argv...),
			resp.BulkString(e.client), resp.BulkString(e.name))
	}
	return resp.Array(list...)
}

func slowlogLen(s *session, _ [][]byte) resp.Value { return resp.Int(int64(s.srv.slow.len())) }

func slowlogReset(s *session, _ [][]byte) resp.Value {
	s.srv.slow.reset()
	return resp.OK()
}

package server

import (
	"strconv"
	"time"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// miscellany is what belongs nowhere else.
func miscellany() []sessionCommand {
	lolwut := node("LOLWUT", "[VERSION version]", "Displays the version.", "5.0.0", command.AtLeast(1), command.Fast|command.ReadFlag, 0, lolwut)
	scripting := func(c sessionCommand) sessionCommand { return grouped("scripting", c) }
	flush := func(policy, summary, since, complexity string, flags command.Flags) sessionCommand {
		return hinted("response_policy:all_succeeded", hinted("request_policy:"+policy, costing(complexity,
			scripting(node("FLUSH", "[ASYNC | SYNC]", summary, since, command.AtLeast(2), flags, acl.Scripting, flushNothing)))))
	}
	return []sessionCommand{
		hinted("nondeterministic_output", node("TIME", "", "Returns the server time.", "2.6.0", command.Exactly(1), anytimeFlags|command.Fast, 0, serverTime)),
		lolwut,
		scripting(node("FUNCTION", "", "A container for function commands.", "7.0.0", command.AtLeast(2), 0, 0, nil,
			flush("all_shards", "Deletes all libraries and functions.", "7.0.0", "O(N) where N is the number of functions deleted", command.NoScript|command.WriteFlag))),
		scripting(node("SCRIPT", "", "A container for Lua scripts management commands.", "2.6.0", command.AtLeast(2), 0, 0, nil,
			flush("all_nodes", "Removes all server-side Lua scripts from the script cache.", "2.6.0", "O(N) with N being the number of scripts in cache", command.NoScript))),
	}
}

// serverTime is log time as this node estimates it, by which keys expire: seconds and microseconds.
func serverTime(s *session, _ [][]byte) resp.Value {
	micros := s.srv.clock.nanos() / int64(time.Microsecond)
	return resp.Array(
		resp.BulkString(strconv.FormatInt(micros/1e6, 10)),
		resp.BulkString(strconv.FormatInt(micros%1e6, 10)),
	)
}

func lolwut(s *session, args [][]byte) resp.Value {
	if len(args) >= 3 && is(args[1], "VERSION") {
		if _, ok := keyspace.ParseInt(args[2]); !ok {
			return errNotInteger
		}
	}
	return resp.Verbatim("Redoubt ver. " + s.srv.version + ", Redis ver. " + redisVersion + "\n")
}

// flushNothing is true: there are no scripts and no functions to be removed.
func flushNothing(_ *session, args [][]byte) resp.Value {
	switch {
	case len(args) == 2, len(args) == 3 && (is(args[2], "SYNC") || is(args[2], "ASYNC")):
		return resp.OK()
	case is(args[0], "SCRIPT"):
		return resp.Error("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
	case len(args) > 3:
		return wrongSubcommand("FUNCTION", args[1])
	}
	return resp.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
}

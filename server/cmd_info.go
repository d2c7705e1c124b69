package server

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

func infoCommands() []sessionCommand {
	info := node("INFO", "[section [section ...]]", "Returns information and statistics about the server.", "1.0.0", command.AtLeast(1), anytimeFlags, acl.Dangerous, info)
	info.Tips = []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"}
	return []sessionCommand{info}
}

func info(s *session, _ [][]byte) resp.Value {
	return resp.Verbatim("# Server\r\nredis_version:" + redisVersion + "\r\n")
}

package server

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

// pubsubCommands are those of the listeners, and PUBSUB; PUBLISH is command's, since it travels in the log.
func pubsubCommands() []sessionCommand {
	const flags = command.PubSub | command.Loading | command.Stale
	one := func(name, syntax, summary, since, complexity string, arity command.Arity, flags command.Flags, f run) sessionCommand {
		return costing(complexity, sessionCommand{Spec: spec(name, syntax, summary, since, "pubsub", arity, flags, acl.PubSub), run: f})
	}
	sharded := func(c sessionCommand) sessionCommand {
		c.Keys = command.KeysFromTo(1, -1, 1).As("not_key")
		return c
	}
	help := grouped("pubsub", helpOf("6.2.0", "PUBSUB", 0,
		"CHANNELS [<pattern>]",
		"    Return the currently active channels matching a <pattern> (default: '*').",
		"NUMPAT",
		"    Return number of subscriptions to patterns.",
		"NUMSUB [<channel> ...]",
		"    Return the number of subscribers for the specified channels, excluding",
		"    pattern subscriptions(default: no channels).",
		"SHARDCHANNELS [<pattern>]",
		"    Return the currently active shard level channels matching a <pattern> (default: '*').",
		"SHARDNUMSUB [<shardchannel> ...]",
		"    Return the number of subscribers for the specified shard level channel(s)"))
	container := spec("PUBSUB", "", "A container for Pub/Sub commands.", "2.8.0", "pubsub", command.AtLeast(2), 0, 0)
	container.Complexity = "Depends on subcommand."
	container.Differs = "It tells of the node that is asked."
	return []sessionCommand{
		one("SUBSCRIBE", "channel [channel ...]", "Listens for messages published to channels.", "2.0.0",
			"O(N) where N is the number of channels to subscribe to.", command.AtLeast(2), flags|command.NoScript, subscriber(byChannel, "subscribe")),
		one("UNSUBSCRIBE", "[channel [channel ...]]", "Stops listening to messages posted to channels.", "2.0.0",
			"O(N) where N is the number of clients already subscribed to a channel.", command.AtLeast(1), flags|command.NoScript, unsubscriber(byChannel, "unsubscribe")),
		one("PSUBSCRIBE", "pattern [pattern ...]", "Listens for messages published to channels that match one or more patterns.", "2.0.0",
			"O(N) where N is the number of patterns the client is already subscribed to.", command.AtLeast(2), flags|command.NoScript, subscriber(byPattern, "psubscribe")),
		one("PUNSUBSCRIBE", "[pattern [pattern ...]]", "Stops listening to messages published to channels that match one or more patterns.", "2.0.0",
			"O(N+M) where N is the number of patterns the client is already subscribed and M is the number of total patterns subscribed in the system (by any client).",
			command.AtLeast(1), flags|command.NoScript, unsubscriber(byPattern, "punsubscribe")),
		sharded(one("SSUBSCRIBE", "shardchannel [shardchannel ...]", "Listens for messages published to shard channels.", "7.0.0",
			"O(N) where N is the number of shard channels to subscribe to.", command.AtLeast(2), flags|command.NoScript, subscriber(byShard, "ssubscribe"))),
		sharded(one("SUNSUBSCRIBE", "[shardchannel [shardchannel ...]]", "Stops listening to messages posted to shard channels.", "7.0.0",
			"O(N) where N is the number of clients already subscribed to a shard channel.", command.AtLeast(1), flags|command.NoScript, unsubscriber(byShard, "sunsubscribe"))),
		{Spec: container, sub: []sessionCommand{
			one("CHANNELS", "[pattern]", "Returns the active channels.", "2.8.0",
				"O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)",
				command.AtLeast(2), flags, channelsOf(byChannel)),
			help,
			one("NUMPAT", "", "Returns a count of unique pattern subscriptions.", "2.8.0", "O(1)", command.Exactly(2), flags, countPatterns),
			one("NUMSUB", "[channel [channel ...]]", "Returns a count of subscribers to channels.", "2.8.0",
				"O(N) for the NUMSUB subcommand, where N is the number of requested channels", command.AtLeast(2), flags, countSubscribers(byChannel)),
			one("SHARDCHANNELS", "[pattern]", "Returns the active shard channels.", "7.0.0",
				"O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).",
				command.AtLeast(2), flags, channelsOf(byShard)),
			one("SHARDNUMSUB", "[shardchannel [shardchannel ...]]", "Returns the count of subscribers of shard channels.", "7.0.0",
				"O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels", command.AtLeast(2), flags, countSubscribers(byShard)),
		}},
	}
}

// subscriber is SUBSCRIBE and its kin.
func subscriber(kind hearing, word string) run {
	return func(s *session, args [][]byte) resp.Value {
		if s.exec != nil && kind == byShard {
			return resp.Error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
		}
		var pushes []byte
		for _, name := range args[1:] {
			n := s.subscribe(kind, string(name))
			pushes = resp.Push(resp.BulkString(word), resp.Bulk(name), resp.Int(int64(n))).Append(pushes, s.proto)
		}
		return s.confirm(pushes)
	}
}

// unsubscriber is UNSUBSCRIBE and its kin. Who listens to nothing is told so.
func unsubscriber(kind hearing, word string) run {
	return func(s *session, args [][]byte) resp.Value {
		var pushes []byte
		push := func(name resp.Value, n int) {
			pushes = resp.Push(resp.BulkString(word), name, resp.Int(int64(n))).Append(pushes, s.proto)
		}
		for _, name := range args[1:] {
			push(resp.Bulk(name), s.unsubscribe(kind, string(name)))
		}
		if len(args) == 1 {
			for _, name := range s.subscriptionsOf(kind) {
				push(resp.BulkString(name), s.unsubscribe(kind, name))
			}
		}
		if len(pushes) == 0 {
			push(resp.Null(), s.subscribedTo(kind))
		}
		return s.confirm(pushes)
	}
}

func channelsOf(kind hearing) run {
	return func(s *session, args [][]byte) resp.Value {
		pattern := []byte("*")
		switch len(args) {
		case 2:
		case 3:
			pattern = args[2]
		default:
			return wrongSubcommand("PUBSUB", args[1])
		}
		var list []resp.Value
		for _, name := range s.srv.hub.names(kind, pattern) {
			list = append(list, resp.BulkString(name))
		}
		return resp.Array(list...)
	}
}

func countSubscribers(kind hearing) run {
	return func(s *session, args [][]byte) resp.Value {
		list := make([]resp.Value, 0, 2*(len(args)-2))
		for _, name := range args[2:] {
			list = append(list, resp.Bulk(name), resp.Int(s.srv.hub.count(kind, name)))
		}
		return resp.Array(list...)
	}
}

func countPatterns(s *session, _ [][]byte) resp.Value {
	return resp.Int(int64(s.srv.hub.len(byPattern)))
}

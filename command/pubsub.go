package command

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/resp"
)

// Publishing are the commands that send messages. They travel in the log with the writes of their connection, and so
// come behind them everywhere, but they leave nothing behind: no row and no revision. Who listens is the server's to
// know.
func Publishing() []Spec {
	const flags = PubSub | Loading | Stale | Fast | MayReplicate
	return []Spec{
		{Name: "PUBLISH", Syntax: "channel message", Summary: "Post a message to a channel", Since: "2.0.0", Group: "pubsub",
			Complexity: "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).",
			Arity:      Exactly(3), Flags: flags, ACL: acl.PubSub, Write: publish,
			Differs: "Subscribers of all nodes get the message; the reply counts those of the node that was asked."},
		{Name: "SPUBLISH", Syntax: "shardchannel message", Summary: "Post a message to a shard channel", Since: "7.0.0", Group: "pubsub",
			Complexity: "O(N) where N is the number of clients subscribed to the receiving shard channel.",
			Arity:      Exactly(3), Keys: KeyAt(1).As("not_key"), Flags: flags, ACL: acl.PubSub, Write: publishSharded,
			Differs: "There is one shard, of all nodes; the reply counts the subscribers of the node that was asked."},
	}
}

func publish(c *WriteCall) (resp.Value, error)        { return c.publish(false) }
func publishSharded(c *WriteCall) (resp.Value, error) { return c.publish(true) }

func (c *WriteCall) publish(sharded bool) (resp.Value, error) {
	c.Tx.Publish(c.At(1), c.At(2), sharded)
	if c.Audience == nil {
		return resp.Int(0), nil
	}
	return resp.Int(c.Audience(c.At(1), sharded)), nil
}

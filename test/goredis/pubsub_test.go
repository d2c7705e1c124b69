package goredis

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// hear fails unless the next message is as expected.
func hear(t *testing.T, p *redis.PubSub, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := p.ReceiveMessage(ctx)
	if err != nil {
		t.Fatalf("instead of %q: %v", want, err)
	}
	if got := m.Channel + " " + m.Payload; got != want {
		t.Fatalf("heard %q, want %q", got, want)
	}
}

// TestPubSub subscribes by all three ways, in both protocols, and follows the events of keys.
func TestPubSub(t *testing.T) {
	s := start(t)
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", protocol), func(t *testing.T) {
			ctx := t.Context()
			c := redis.NewClient(&redis.Options{Addr: s.addr(), Protocol: protocol})
			defer c.Close()
			p := c.Subscribe(ctx, "news")
			defer p.Close()
			shard := c.SSubscribe(ctx, "news")
			defer shard.Close()
			for _, one := range []*redis.PubSub{p, shard} {
				if _, err := one.Receive(ctx); err != nil { // the confirmation
					t.Fatal(err)
				}
			}
			check(t, c.Publish(ctx, "news", "one"), int64(1))
			check(t, c.SPublish(ctx, "news", "two"), int64(1))
			hear(t, p, "news one")
			hear(t, shard, "news two")
			check(t, c.ConfigSet(ctx, "notify-keyspace-events", "K$g"), "OK")
			if err := p.PSubscribe(ctx, "__keyspace@0__:*"); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Receive(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := c.TxPipelined(ctx, func(tx redis.Pipeliner) error {
				tx.Set(ctx, "k", 1, time.Minute)
				tx.Incr(ctx, "k")
				tx.Del(ctx, "k")
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			for _, event := range []string{"set", "expire", "incrby", "del"} {
				hear(t, p, "__keyspace@0__:k "+event)
			}
		})
	}
}

// TestPubSubReconnects has a subscriber whose connection is cut, and whose server is killed, hear again without doing
// anything: the library subscribes anew.
func TestPubSubReconnects(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	c := redis.NewClient(&redis.Options{Addr: s.addr()})
	defer c.Close()
	p := c.Subscribe(ctx, "news")
	defer p.Close()
	heard := p.Channel()
	until := func(what string) {
		t.Helper()
		end := time.After(30 * time.Second)
		for {
			c.Publish(ctx, "news", what) // whatever the answer: the server may be on its way
			select {
			case m := <-heard:
				if m.Payload == what {
					return
				}
			case <-time.After(50 * time.Millisecond):
			case <-end:
				t.Fatalf("never heard %q", what)
			}
		}
	}
	until("first")
	check(t, c.ClientKillByFilter(ctx, "TYPE", "pubsub"), int64(1))
	until("after the cut")
	s.kill()
	s.run(t)
	until("after the crash")
}

package goredis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestSession runs what applications do, in both protocols.
func TestSession(t *testing.T) {
	s := start(t)
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", protocol), func(t *testing.T) {
			c := redis.NewClient(&redis.Options{Addr: s.addr(), Protocol: protocol, PoolSize: 20})
			defer c.Close()
			if err := c.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			for _, x := range []struct {
				name string
				run  func(*testing.T, context.Context, *redis.Client)
			}{
				{"strings", stringsAndErrors}, {"pipeline", pipeline}, {"transaction", transaction},
				{"watch", watch}, {"contention", contention}, {"ttl", ttl}, {"scan", scan}, {"databases", databases}, {"info", info},
			} {
				t.Run(x.name, func(t *testing.T) { x.run(t, t.Context(), c) })
			}
		})
	}
}

// check compares a reply with what it must be.
func check[T comparable](t *testing.T, cmd interface {
	Result() (T, error)
	String() string
}, want T) {
	t.Helper()
	if got, err := cmd.Result(); err != nil || got != want {
		t.Errorf("%s: %v, %v, want %v", cmd.String(), got, err, want)
	}
}

func stringsAndErrors(t *testing.T, ctx context.Context, c *redis.Client) {
	check(t, c.Set(ctx, "s", "one\r\ntwo\x00", 0), "OK")
	check(t, c.Get(ctx, "s"), "one\r\ntwo\x00")
	check(t, c.Append(ctx, "s", "!"), int64(10))
	check(t, c.GetRange(ctx, "s", 0, 2), "one")
	check(t, c.IncrByFloat(ctx, "f", 1.5), 1.5)
	check(t, c.IncrBy(ctx, "n", 41), int64(41))
	check(t, c.Incr(ctx, "n"), int64(42))
	check(t, c.SetNX(ctx, "n", "x", 0), false)
	check(t, c.MSet(ctx, "a", 1, "b", 2), "OK")
	if got, err := c.MGet(ctx, "a", "none", "b").Result(); err != nil || fmt.Sprint(got) != "[1 <nil> 2]" {
		t.Errorf("MGET = %v, %v, want [1 <nil> 2]", got, err)
	}
	if _, err := c.Get(ctx, "none").Result(); !errors.Is(err, redis.Nil) {
		t.Errorf("GET none: %v, want redis.Nil", err)
	}
	if err := c.Incr(ctx, "s").Err(); err == nil || err.Error() != "ERR value is not an integer or out of range" {
		t.Errorf("INCR of text: %v", err)
	}
	check(t, c.SetBit(ctx, "bits", 7, 1), int64(0))
	check(t, c.BitCount(ctx, "bits", nil), int64(1))
	check(t, c.Del(ctx, "a", "b", "none"), int64(2))
	check(t, c.Exists(ctx, "a", "s", "s"), int64(2))
	check(t, c.Type(ctx, "s"), "string")
	check(t, c.Rename(ctx, "s", "t"), "OK")
	large := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	check(t, c.Set(ctx, "large", large, 0), "OK")
	if got, err := c.Get(ctx, "large").Result(); err != nil || got != large {
		t.Errorf("GET large: %d bytes, %v, want %d", len(got), err, len(large))
	}
}

func pipeline(t *testing.T, ctx context.Context, c *redis.Client) {
	const n = 2000
	cmds, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range n {
			p.Incr(ctx, "p")
			p.Set(ctx, "p:"+strconv.Itoa(i), i, 0)
			p.Get(ctx, "p:"+strconv.Itoa(i))
		}
		p.Get(ctx, "p:none")
		return nil
	})
	if !errors.Is(err, redis.Nil) {
		t.Fatalf("pipeline: %v, want redis.Nil for its last GET", err)
	}
	for i := range n {
		check(t, cmds[3*i].(*redis.IntCmd), int64(i+1))
		check(t, cmds[3*i+2].(*redis.StringCmd), strconv.Itoa(i))
	}
}

func transaction(t *testing.T, ctx context.Context, c *redis.Client) {
	var n *redis.IntCmd
	var v *redis.StringCmd
	_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		n = p.Incr(ctx, "tx")
		p.Set(ctx, "tx:v", "in", time.Hour)
		v = p.Get(ctx, "tx:v")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, n, int64(1))
	check(t, v, "in")
	// An error in one command leaves the others applied.
	_, err = c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Incr(ctx, "tx:v")
		n = p.Incr(ctx, "tx")
		return nil
	})
	if err == nil {
		t.Error("INCR of text in a transaction: no error")
	}
	check(t, n, int64(2))
}

func watch(t *testing.T, ctx context.Context, c *redis.Client) {
	check(t, c.Set(ctx, "w", "1", 0), "OK")
	err := c.Watch(ctx, func(tx *redis.Tx) error {
		check(t, c.Set(ctx, "w", "2", 0), "OK") // from another connection
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, "w", "3", 0)
			return nil
		})
		return err
	}, "w")
	if !errors.Is(err, redis.TxFailedErr) {
		t.Errorf("EXEC after a change: %v, want %v", err, redis.TxFailedErr)
	}
	check(t, c.Get(ctx, "w"), "2")
}

// contention increments one key by WATCH, GET and SET from many connections at once: none may be lost.
func contention(t *testing.T, ctx context.Context, c *redis.Client) {
	const clients, each = 10, 20
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for done := 0; done < each; {
				err := c.Watch(ctx, func(tx *redis.Tx) error {
					n, err := tx.Get(ctx, "contended").Int()
					if err != nil && !errors.Is(err, redis.Nil) {
						return err
					}
					_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
						p.Set(ctx, "contended", n+1, 0)
						return nil
					})
					return err
				}, "contended")
				switch {
				case err == nil:
					done++
				case !errors.Is(err, redis.TxFailedErr):
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	check(t, c.Get(ctx, "contended"), strconv.Itoa(clients*each))
}

func ttl(t *testing.T, ctx context.Context, c *redis.Client) {
	check(t, c.Set(ctx, "long", "v", time.Hour), "OK")
	if d, err := c.TTL(ctx, "long").Result(); err != nil || d <= 59*time.Minute || d > time.Hour {
		t.Errorf("TTL = %v, %v, want an hour", d, err)
	}
	check(t, c.Persist(ctx, "long"), true)
	check(t, c.TTL(ctx, "long"), time.Duration(-1))
	check(t, c.TTL(ctx, "none"), time.Duration(-2))
	check(t, c.Set(ctx, "short", "v", 0), "OK")
	check(t, c.PExpire(ctx, "short", 50*time.Millisecond), true)
	deadline := time.Now().Add(5 * time.Second)
	for c.Exists(ctx, "short").Val() == 1 {
		if time.Now().After(deadline) {
			t.Fatal("a key with a TTL of 50 ms is there after 5 s")
		}
	}
	check(t, c.GetEx(ctx, "long", time.Minute), "v")
	check(t, c.ExpireNX(ctx, "long", time.Hour), false)
	check(t, c.ExpireGT(ctx, "long", time.Hour), true)
}

func scan(t *testing.T, ctx context.Context, c *redis.Client) {
	want := map[string]bool{}
	for i := range 300 {
		key := "scan:" + strconv.Itoa(i)
		want[key] = true
		check(t, c.Set(ctx, key, i, 0), "OK")
	}
	it := c.Scan(ctx, 0, "scan:*", 50).Iterator()
	for it.Next(ctx) {
		delete(want, it.Val())
	}
	if err := it.Err(); err != nil || len(want) != 0 {
		t.Errorf("SCAN: %v; %d keys never seen", err, len(want))
	}
}

func databases(t *testing.T, ctx context.Context, c *redis.Client) {
	o := *c.Options()
	o.DB = 5
	other := redis.NewClient(&o)
	defer other.Close()
	check(t, other.Set(ctx, "only5", "v", 0), "OK")
	check(t, c.Exists(ctx, "only5"), int64(0))
	check(t, other.DBSize(ctx), int64(1))
	check(t, other.FlushDB(ctx), "OK")
	check(t, other.DBSize(ctx), int64(0))
}

func info(t *testing.T, ctx context.Context, c *redis.Client) {
	if text, err := c.Info(ctx, "server").Result(); err != nil || !strings.Contains(text, "redis_version:") {
		t.Errorf("INFO server = %q, %v", text, err)
	}
	if cmds, err := c.Command(ctx).Result(); err != nil || cmds["get"] == nil || !cmds["get"].ReadOnly || cmds["set"].FirstKeyPos != 1 {
		t.Errorf("COMMAND: %d commands, %v", len(cmds), err)
	}
	check(t, c.Echo(ctx, "hello"), "hello")
	if id, err := c.ClientID(ctx).Result(); err != nil || id <= 0 {
		t.Errorf("CLIENT ID = %d, %v", id, err)
	}
	if d, err := c.ConfigGet(ctx, "maxmemory").Result(); err != nil || d["maxmemory"] == "" {
		t.Errorf("CONFIG GET maxmemory = %v, %v", d, err)
	}
}

// TestReconnect kills the server under one client that goes on with the same object.
func TestReconnect(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	c := redis.NewClient(&redis.Options{Addr: s.addr(), MaxRetries: 10, MaxRetryBackoff: 200 * time.Millisecond})
	defer c.Close()
	check(t, c.Set(ctx, "kept", "v", 0), "OK")
	check(t, c.Set(ctx, "leased", "v", time.Hour), "OK")
	check(t, c.IncrBy(ctx, "count", 7), int64(7))
	for range 3 {
		s.kill()
		s.run(t)
		check(t, c.Get(ctx, "kept"), "v")
		check(t, c.Get(ctx, "count"), "7")
		if d, err := c.TTL(ctx, "leased").Result(); err != nil || d <= 0 || d > time.Hour {
			t.Errorf("TTL after the restart = %v, %v", d, err)
		}
	}
	check(t, c.Incr(ctx, "count"), int64(8))
}

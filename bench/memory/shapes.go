package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/redoubt-db/redoubt/bench/load"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	fields     = 10 // of each of many hashes
	fieldBytes = 16 // of a value of a field, and of an item of a list
)

// shape is what millions of something are: keys with a value, or elements of one collection.
type shape struct {
	name string
	text string
	// command is the i-th that loads it; none is load.Fill's.
	command func(dst []string, i int) []string
	count   []string // tells how many there are
	bar     bool     // one of those that have a ratio to Redis to reach
}

// shapes are all of them. Members are names of 16 bytes, so that only the structure around them differs.
var shapes = []shape{
	{name: "keys", text: "keys of 16 bytes"},
	{name: "hashes", text: "hashes of 10 fields of 7 bytes with values of 16",
		command: func(dst []string, i int) []string {
			dst = append(dst, "HSET", load.Name(i))
			for f := range fields {
				dst = append(dst, "field:"+strconv.Itoa(f), load.Value(uint64(i*fields+f), fieldBytes))
			}
			return dst
		},
		count: []string{"DBSIZE"}, bar: true},
	{name: "hash", text: "fields of one hash, 16 bytes with values of 16",
		command: func(dst []string, i int) []string {
			return append(dst, "HSET", "big", load.Name(i), load.Value(uint64(i), fieldBytes))
		},
		count: []string{"HLEN", "big"}, bar: true},
	{name: "zset", text: "members of one sorted set, 16 bytes each",
		command: func(dst []string, i int) []string {
			return append(dst, "ZADD", "big", strconv.Itoa(i*7919%1_000_003), load.Name(i))
		},
		count: []string{"ZCARD", "big"}, bar: true},
	{name: "list", text: "items of one list, 16 bytes each",
		command: func(dst []string, i int) []string {
			return append(dst, "RPUSH", "big", load.Value(uint64(i), fieldBytes))
		},
		count: []string{"LLEN", "big"}, bar: true},
	{name: "ints", text: "integers of one set",
		command: func(dst []string, i int) []string { return append(dst, "SADD", "big", strconv.Itoa(i*31)) },
		count:   []string{"SCARD", "big"}, bar: true},
	{name: "set", text: "members of one set, 16 bytes each",
		command: func(dst []string, i int) []string { return append(dst, "SADD", "big", load.Name(i)) },
		count:   []string{"SCARD", "big"}},
}

func shapeNames() (names []string) {
	for _, s := range shapes {
		names = append(names, s.name)
	}
	return names
}

func shapeOf(name string) (shape, error) {
	for _, s := range shapes {
		if s.name == name {
			return s, nil
		}
	}
	return shape{}, fmt.Errorf("no shape is called %q; there are %q", name, shapeNames())
}

// says describes what is loaded.
func (s shape) says(o options) string {
	if s.command == nil {
		return fmt.Sprintf("%s, values of %d bytes, ttl %s", s.text, o.valueBytes, o.ttl)
	}
	return s.text
}

func (s shape) load(o options, addr string) (time.Duration, error) {
	to := load.Options{Addr: addr, Keys: o.keys, ValueBytes: o.valueBytes, TTL: o.ttl, Connections: 8, Pipeline: o.pipeline}
	if s.command == nil {
		return load.Fill(to)
	}
	return load.Each(to, o.keys, s.command)
}

// check holds a server that has started again to what was loaded.
func (s shape) check(o options, c *wire.Conn) error {
	count := s.count
	if s.command == nil {
		count = []string{"DBSIZE"}
		want := load.Value(uint64(o.keys-1)<<20, o.valueBytes)
		if v, err := c.Do("GET", load.Name(o.keys-1)); err != nil || v.Text != want {
			return fmt.Errorf("GET %s = %s, %v, want %q", load.Name(o.keys-1), v, err, want)
		}
	}
	if n, err := c.Do(count...); err != nil || n.Int != int64(o.keys) {
		return fmt.Errorf("%s = %s, %v, want %d", count[0], n, err, o.keys)
	}
	return nil
}

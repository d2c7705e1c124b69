package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/bench/load"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	askMax = time.Minute

	hotTrial  = 500 // requests of the run that sizes the others, where a reply is long
	listItems = 1000
	hotFields = 1000
	hotItems  = 10_000
	hotRanks  = 1_000_000
)

// test is one thing to measure.
type test struct {
	name      string
	group     string
	command   []string // for redis-benchmark to send; none is its own test of the name
	random    int      // of __rand_int__, if more than there are keys
	needs     []string // commands that the server must know
	pipelines []int
	trial     int
	goals     map[int]float64 // ratios to reach, by pipeline

	// before makes what a run of so many requests finds: redis-benchmark pops from whatever is there, and nothing costs less than a
	// pop from nothing.
	before func(addr string, requests int) error
	once   func(addr string) error // what all runs read
}

// tests are all of them. The pushes and pops are redis-benchmark's own, and so are the ranges, whose list it would push again for every run.
func tests() []test {
	set := map[int]float64{1: 1.0, 16: 1.2, 64: 1.2}
	get := map[int]float64{1: 1.0, 16: 1.1, 64: 1.2}
	write := map[int]float64{1: 1.0, 16: 1.0}
	lrange := map[int]float64{1: 0.8, 16: 0.8}
	hot := map[int]float64{1: 0.5}
	all := []test{
		{name: "SET", group: "strings", goals: set},
		{name: "GET", group: "strings", goals: get},
		{name: "MSET", group: "writes", goals: write},
		{name: "LPUSH", group: "writes", goals: write, before: without("mylist")},
		{name: "RPUSH", group: "writes", goals: write, before: without("mylist")},
		{name: "LPOP", group: "writes", goals: write, needs: []string{"RPUSH"}, before: filled("mylist", "RPUSH")},
		{name: "RPOP", group: "writes", goals: write, needs: []string{"RPUSH"}, before: filled("mylist", "RPUSH")},
		{name: "SADD", group: "writes", goals: write, before: without("myset")},
		{name: "SPOP", group: "writes", goals: write, needs: []string{"SADD"}, before: filled("myset", "SADD")},
		{name: "HSET", group: "writes", goals: write, before: without("myhash")},
		{name: "ZADD", group: "writes", goals: write, before: without("myzset")},
		{name: "ZPOPMIN", group: "writes", goals: write, needs: []string{"ZADD"}, before: filled("myzset", "ZADD")},
		{name: "LRANGE_100", group: "lrange", goals: lrange, command: []string{"LRANGE", "bench:list", "0", "99"}, once: list},
		{name: "LRANGE_600", group: "lrange", goals: lrange, command: []string{"LRANGE", "bench:list", "0", "599"}, once: list},
		{name: "HGETALL_1000", group: "hot", goals: hot, command: []string{"HGETALL", "bench:hash"}, trial: hotTrial,
			once: collection(hotFields, "HSET", "bench:hash", false, true)},
		{name: "ZRANGE_10000", group: "hot", goals: hot, command: []string{"ZRANGE", "bench:zset", "0", "-1"}, trial: hotTrial,
			once: collection(hotItems, "ZADD", "bench:zset", true, false)},
		{name: "SMEMBERS_10000", group: "hot", goals: hot, command: []string{"SMEMBERS", "bench:set"}, trial: hotTrial,
			once: collection(hotItems, "SADD", "bench:set", false, false)},
		{name: "ZRANK_1000000", group: "hot", goals: hot, command: []string{"ZRANK", "bench:ranks", "key:__rand_int__"}, random: hotRanks,
			once: collection(hotRanks, "ZADD", "bench:ranks", true, false)},
	}
	for i := range all {
		t := &all[i]
		for p := range t.goals {
			t.pipelines = append(t.pipelines, p)
		}
		if t.trial == 0 {
			t.trial = trialSize
		}
		own, _, _ := strings.Cut(t.name, "_")
		t.needs = append(t.needs, own)
		if own == "ZRANGE" || own == "ZRANK" {
			t.needs = append(t.needs, "ZADD")
		}
	}
	return all
}

// names are what -tests may say.
func names() []string {
	out := []string{"all"}
	for _, t := range tests() {
		if !slices.Contains(out, t.group) {
			out = append(out, t.group)
		}
	}
	for _, t := range tests() {
		out = append(out, t.name)
	}
	return out
}

func choose(list string) (chosen []test, err error) {
	for word := range strings.SplitSeq(list, ",") {
		before := len(chosen)
		for _, t := range tests() {
			if word == "all" || word == t.group || strings.EqualFold(word, t.name) {
				chosen = append(chosen, t)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("nothing is called %q; there are %s", word, strings.Join(names(), " "))
		}
	}
	return chosen, nil
}

// prepare makes what all runs of the tests read, if the server can.
func prepare(addr string, of []test) error {
	for _, t := range of {
		if t.once == nil {
			continue
		}
		if ok, err := knows(addr, t.needs...); err != nil {
			return err
		} else if !ok {
			continue
		}
		if err := t.once(addr); err != nil {
			return fmt.Errorf("what %s reads: %w", t.name, err)
		}
	}
	return nil
}

// knows says whether the server has all the commands.
func knows(addr string, commands ...string) (bool, error) {
	c, err := wire.Dial(addr, askMax)
	if err != nil {
		return false, err
	}
	defer c.Close()
	r, err := c.Do(append([]string{"COMMAND", "INFO"}, commands...)...)
	if err != nil {
		return false, err
	}
	for _, e := range r.Elems {
		if e.Nil || len(e.Elems) == 0 {
			return false, nil
		}
	}
	return true, nil
}

func remove(addr string, names ...string) error {
	c, err := wire.Dial(addr, askMax)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Do(append([]string{"DEL"}, names...)...)
	return err
}

func without(key string) func(string, int) error {
	return func(addr string, _ int) error { return remove(addr, key) }
}

// filled makes a collection of as many elements as the run has requests: less would end the run on an empty one.
func filled(key, command string) func(string, int) error {
	return func(addr string, requests int) error {
		if err := remove(addr, key); err != nil {
			return err
		}
		return collection(requests, command, key, command == "ZADD", false)(addr)
	}
}

// list is the one that the ranges read.
func list(addr string) error {
	return errors.Join(remove(addr, "bench:list"), collection(listItems, "RPUSH", "bench:list", false, false)(addr))
}

// collection adds elements "key:000000000017" to a key, with scores or values where the command wants them.
func collection(n int, command, key string, scores, values bool) func(string) error {
	const at = 100 // elements of one command
	return func(addr string) error {
		_, err := load.Each(load.Options{Addr: addr, Connections: 4, Pipeline: 16}, (n+at-1)/at, func(dst []string, i int) []string {
			dst = append(dst, command, key)
			for e := i * at; e < min((i+1)*at, n); e++ {
				if scores {
					dst = append(dst, strconv.Itoa(e*7919%n))
				}
				name := load.Name(e)
				if command == "RPUSH" {
					name = load.Value(uint64(e), valueBytes)
				}
				dst = append(dst, name)
				if values {
					dst = append(dst, load.Value(uint64(e), valueBytes))
				}
			}
			return dst
		})
		return err
	}
}

package chaos

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	objectKeys  = 2               // of each type
	objectEpoch = 3 * time.Second // after which other keys are used, so that each history is short
	objectPause = 4 * time.Millisecond
	checkMax    = 30 * time.Second // for one key
)

// Objects are strings, hashes, sets, sorted sets and lists that all clients write and read, for porcupine: each key is
// linearizable as what Redis says it is.
func objects() workload {
	return workload{name: "objects", each: 4, run: handle, check: checkObjects}
}

func handle(tr *trial, h *history, c *client) {
	kinds := []string{"string", "hash", "set", "zset", "list"}
	for n := c.id; tr.running(); n++ {
		kind := kinds[n%len(kinds)]
		key := tr.key(kind, int(tr.now()/objectEpoch), c.rng.IntN(objectKeys))
		args := c.request(kind, key, fmt.Sprintf("%d.%d", c.id, n))
		tr.ask(h, c, args[0], args)
		tr.wait(objectPause)
	}
}

// request is some command on a key, with a value that is nobody else's.
func (c *client) request(kind, key, value string) []string {
	some := string(rune('a' + c.rng.IntN(6)))
	small := strconv.Itoa(1 + c.rng.IntN(9))
	pick := func(lines ...string) []string {
		args := strings.Fields(lines[c.rng.IntN(len(lines))])
		return slices.Insert(args, 1, key)
	}
	switch kind {
	case "string":
		return pick("GET", "GET", "SET "+value, "GETSET "+value, "GETDEL")
	case "hash":
		return pick("HSET "+some+" "+small, "HDEL "+some, "HGET "+some, "HGETALL", "HINCRBY "+some+" "+small)
	case "set":
		return pick("SADD "+some, "SADD "+some, "SREM "+some, "SISMEMBER "+some, "SMEMBERS", "SPOP", "SCARD")
	case "zset":
		return pick("ZADD "+small+" "+some, "ZINCRBY "+small+" "+some, "ZREM "+some, "ZSCORE "+some, "ZRANGE 0 -1 WITHSCORES", "ZPOPMIN")
	}
	return pick("RPUSH "+value, "LPUSH "+value, "RPOP", "LPOP", "LRANGE 0 -1", "LLEN")
}

// objectModel steps the dumb Redis. An answer that is not known leaves every state that the request can lead to.
func objectModel() porcupine.Model {
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{""} },
		Step: func(state, input, output any) (next []any) {
			o := input.(op)
			options := map[string]string{}
			if o.args[0] == "SPOP" {
				options = pops(state.(string))
			} else {
				reply, behind := step(state.(string), o.args)
				options[reply] = behind
			}
			if o.ok() {
				behind, fits := options[output.(string)]
				if !fits {
					return nil
				}
				return []any{behind}
			}
			for _, reply := range slices.Sorted(maps.Keys(options)) {
				next = append(next, options[reply])
			}
			return next
		},
		Hash: func(state any) uint64 {
			h := fnv.New64a()
			h.Write([]byte(state.(string)))
			return h.Sum64()
		},
	}
	return model.ToModel()
}

func reads(name string) bool {
	return slices.Contains([]string{"GET", "HGET", "HGETALL", "SISMEMBER", "SMEMBERS", "SCARD", "ZSCORE", "ZRANGE", "LRANGE", "LLEN"}, name)
}

func checkObjects(ops []op) (wrong []string) {
	groups := byArg(ops, 1)
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		switch porcupine.CheckOperationsTimeout(objectModel(), operations(groups[key]), checkMax) {
		case porcupine.Illegal:
			var lines strings.Builder
			for _, o := range groups[key] {
				fmt.Fprintln(&lines, o)
			}
			wrong = append(wrong, key+" is not linearizable:\n"+lines.String())
		case porcupine.Unknown:
			wrong = append(wrong, undecided+key)
		}
	}
	return wrong
}

// undecided begins what is no violation: porcupine found no answer in time.
const undecided = "not decided: "

// operations are what porcupine has to put in order. What was refused, and reads that were not answered, have no place.
// Clients whose request was never answered get another number for what they ask next: porcupine's clients ask one thing
// at a time.
func operations(ops []op) (list []porcupine.Operation) {
	next := 1 << 20
	for _, o := range ops {
		if o.result == refused || o.result == unknown && reads(o.args[0]) {
			continue
		}
		p := porcupine.Operation{ClientId: o.client, Input: o, Output: "", Call: int64(o.begin), Return: int64(o.end)}
		if o.ok() {
			p.Output = canonical(o.args, o.reply)
		} else {
			p.Return, p.ClientId = math.MaxInt64, next
			next++
		}
		list = append(list, p)
	}
	return list
}

package chaos

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redoubt-db/redoubt/test/wire"
)

// The model is a dumb Redis of one key, for porcupine: its state is text, "" for no key.
//
//	string   the value
//	list     its elements, in order            a,b,c
//	set      its members, in alphabetical order    a,b,c
//	hash     its fields, likewise              a=1,b=2
//	zset     its members, likewise             a=1,b=2

// step returns what a command is answered in a state, as canonical shows it, and the state behind it.
func step(state string, args []string) (reply, next string) {
	switch args[0] {
	case "SET":
		return "OK", args[2]
	case "GET":
		return bulk(state, state != ""), state
	case "GETSET":
		return bulk(state, state != ""), args[2]
	case "GETDEL":
		return bulk(state, state != ""), ""
	case "RPUSH", "LPUSH", "RPOP", "LPOP", "LRANGE", "LLEN":
		return stepList(items(state), args)
	case "SADD", "SREM", "SISMEMBER", "SMEMBERS", "SCARD":
		return stepSet(items(state), args)
	case "HSET", "HGET", "HDEL", "HGETALL", "HINCRBY":
		return stepHash(pairs(state), args)
	case "ZADD", "ZINCRBY", "ZREM", "ZSCORE", "ZRANGE", "ZPOPMIN":
		return stepSorted(pairs(state), args)
	}
	panic("no model of " + args[0])
}

func stepList(list, args []string) (string, string) {
	at := 0
	switch args[0] {
	case "RPUSH":
		list = append(list, args[2])
		return number(len(list)), join(list)
	case "LPUSH":
		list = slices.Insert(list, 0, args[2])
		return number(len(list)), join(list)
	case "LRANGE":
		return bulks(list), join(list)
	case "LLEN":
		return number(len(list)), join(list)
	case "RPOP":
		at = len(list) - 1
	}
	if len(list) == 0 {
		return bulk("", false), ""
	}
	return bulk(list[at], true), join(slices.Delete(slices.Clone(list), at, at+1))
}

func stepSet(list, args []string) (string, string) {
	switch args[0] {
	case "SMEMBERS":
		return bulks(list), join(list)
	case "SCARD":
		return number(len(list)), join(list)
	}
	at, there := slices.BinarySearch(list, args[2])
	switch {
	case args[0] == "SADD" && !there:
		return number(1), join(slices.Insert(list, at, args[2]))
	case args[0] == "SREM" && there:
		return number(1), join(slices.Delete(list, at, at+1))
	case args[0] == "SISMEMBER" && there:
		return number(1), join(list)
	}
	return number(0), join(list)
}

func stepHash(hash map[string]string, args []string) (string, string) {
	if args[0] == "HGETALL" {
		var list []string
		for _, field := range slices.Sorted(maps.Keys(hash)) {
			list = append(list, field, hash[field])
		}
		return bulks(list), unpair(hash)
	}
	old, there := hash[args[2]]
	switch args[0] {
	case "HSET":
		hash[args[2]] = args[3]
		return number(one(!there)), unpair(hash)
	case "HDEL":
		delete(hash, args[2])
		return number(one(there)), unpair(hash)
	case "HINCRBY":
		hash[args[2]] = add(old, args[3])
		return "(integer) " + hash[args[2]], unpair(hash)
	}
	return bulk(old, there), unpair(hash)
}

func stepSorted(scores map[string]string, args []string) (string, string) {
	byScore := slices.SortedFunc(maps.Keys(scores), func(a, b string) int {
		x, _ := strconv.Atoi(scores[a])
		y, _ := strconv.Atoi(scores[b])
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
	})
	var list []string
	for _, member := range byScore {
		list = append(list, member, scores[member])
	}
	switch args[0] {
	case "ZRANGE":
		return bulks(list), unpair(scores)
	case "ZPOPMIN":
		if len(list) > 0 {
			delete(scores, byScore[0])
		}
		return bulks(list[:min(2, len(list))]), unpair(scores)
	}
	member := args[len(args)-1]
	old, there := scores[member]
	switch args[0] {
	case "ZADD":
		scores[member] = args[2]
		return number(one(!there)), unpair(scores)
	case "ZINCRBY":
		scores[member] = add(old, args[2])
		return bulk(scores[member], true), unpair(scores)
	case "ZREM":
		delete(scores, member)
		return number(one(there)), unpair(scores)
	}
	return bulk(old, there), unpair(scores)
}

// pops are the states that SPOP may leave, by the member that it answers.
func pops(state string) map[string]string {
	list := items(state)
	if len(list) == 0 {
		return map[string]string{bulk("", false): ""}
	}
	next := map[string]string{}
	for i, member := range list {
		next[bulk(member, true)] = join(slices.Delete(slices.Clone(list), i, i+1))
	}
	return next
}

// canonical is a reply as the model says it: what comes in no order is in alphabetical order.
func canonical(args []string, r wire.Reply) string {
	list := make([]string, len(r.Elems))
	for i, e := range r.Elems {
		list[i] = e.Text
	}
	switch {
	case args[0] == "SMEMBERS":
		slices.Sort(list)
	case args[0] == "HGETALL":
		hash := map[string]string{}
		for i := 0; i+1 < len(list); i += 2 {
			hash[list[i]] = list[i+1]
		}
		if 2*len(hash) != len(list) {
			return r.String()
		}
		text, _ := stepHash(hash, args)
		return text
	case r.Kind != '*':
		return r.String()
	}
	return bulks(list)
}

func items(state string) []string {
	if state == "" {
		return nil
	}
	return strings.Split(state, ",")
}

func join(list []string) string { return strings.Join(list, ",") }

func pairs(state string) map[string]string {
	m := map[string]string{}
	for _, item := range items(state) {
		name, value, _ := strings.Cut(item, "=")
		m[name] = value
	}
	return m
}

func unpair(m map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, name+"="+m[name])
	}
	return join(list)
}

func add(a, b string) string {
	x, _ := strconv.Atoi(a) // 0 for what is not there
	y, _ := strconv.Atoi(b)
	return strconv.Itoa(x + y)
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func number(n int) string { return "(integer) " + strconv.Itoa(n) }

func bulk(text string, there bool) string {
	if !there {
		return "(nil)"
	}
	return strconv.Quote(text)
}

func bulks(list []string) string { return fmt.Sprintf("%q", list) }

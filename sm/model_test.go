package sm

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
)

// world is the dumb model that judges: databases are maps, the past is copies of them.
type world struct {
	now   int64
	rev   uint64
	dbs   dbs
	past  []dbs // by revision
	moved bool  // the present request changed something
}

type dbs [worldDatabases]map[string]thing

type thing struct {
	value string
	due   int64 // deadline, 0 for never
}

const worldDatabases = 3

// request is one command or, with several ops, a MULTI block, with its log time.
type request struct {
	now   int64
	ops   []op
	multi bool
}

type op struct {
	db   uint32
	args []string
}

func newWorld() *world {
	w := &world{}
	for i := range w.dbs {
		w.dbs[i] = map[string]thing{}
	}
	w.past = []dbs{w.dbs.copy()}
	return w
}

func (d dbs) copy() dbs {
	for i := range d {
		d[i] = maps.Clone(d[i])
	}
	return d
}

// run returns the replies of the request's ops and the revision it took, 0 for none.
func (w *world) run(r request) (replies []string, rev uint64) {
	w.now, w.moved = r.now, false
	for _, o := range r.ops {
		saved, moved := w.dbs.copy(), w.moved
		reply := w.op(o)
		if reply[0] == '-' {
			w.dbs, w.moved = saved, moved
		}
		replies = append(replies, reply)
	}
	if w.moved {
		w.rev++
		w.past = append(w.past, w.dbs.copy())
		rev = w.rev
	}
	return replies, rev
}

// look finds a live key; one past its deadline is ended.
func (w *world) look(db uint32, key string) (thing, bool) {
	t, ok := w.dbs[db][key]
	if ok && t.due != 0 && t.due <= w.now {
		w.drop(db, key)
		return thing{}, false
	}
	return t, ok
}

func (w *world) drop(db uint32, key string) {
	delete(w.dbs[db], key)
	w.moved = true
}

func (w *world) put(db uint32, key string, t thing) {
	w.dbs[db][key] = t
	w.moved = true
}

func (w *world) op(o op) string {
	key := o.args[min(1, len(o.args)-1)]
	switch o.args[0] {
	case "SET":
		t := thing{value: o.args[2]}
		if len(o.args) > 3 {
			t.due = w.now + number(o.args[4])
		}
		w.put(o.db, key, t)
		return "+OK|"
	case "DEL":
		if _, ok := w.look(o.db, key); !ok {
			return ":0|"
		}
		w.drop(o.db, key)
		return ":1|"
	case " EXPIRE":
		w.look(o.db, key)
		return "+OK|"
	case "FLUSHDB":
		if len(w.dbs[o.db]) > 0 {
			w.dbs[o.db], w.moved = map[string]thing{}, true
		}
		return "+OK|"
	case "SWAPDB":
		a, b := number(o.args[1]), number(o.args[2])
		if a != b {
			w.dbs[a], w.dbs[b], w.moved = w.dbs[b], w.dbs[a], true
		}
		return "+OK|"
	}
	return w.edit(o, key)
}

// edit is the commands that need the key's present value.
func (w *world) edit(o op, key string) string {
	t, ok := w.look(o.db, key)
	switch o.args[0] {
	case "INCR":
		n := int64(1)
		if ok {
			have, err := strconv.ParseInt(t.value, 10, 64)
			if err != nil || strconv.FormatInt(have, 10) != t.value {
				return "-ERR value is not an integer or out of range|"
			}
			n += have
		}
		t.value = strconv.FormatInt(n, 10)
		w.put(o.db, key, t)
		return fmt.Sprintf(":%d|", n)
	case "APPEND":
		t.value += o.args[2]
		w.put(o.db, key, t)
		return fmt.Sprintf(":%d|", len(t.value))
	case "PEXPIRE":
		if !ok {
			return ":0|"
		}
		if t.due = w.now + number(o.args[2]); t.due <= w.now {
			w.drop(o.db, key)
		} else {
			w.put(o.db, key, t)
		}
		return ":1|"
	case "PERSIST":
		if !ok || t.due == 0 {
			return ":0|"
		}
		t.due = 0
		w.put(o.db, key, t)
		return ":1|"
	case "RENAME":
		if !ok {
			return "-ERR no such key|"
		}
		if dest := o.args[2]; dest != key {
			w.drop(o.db, key)
			w.put(o.db, dest, t)
		}
		return "+OK|"
	}
	panic("the model does not know " + o.args[0])
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// randomLog is requests that the model knows.
func randomLog(rng *rand.Rand, n int) (log []request) {
	now := int64(1000)
	for range n {
		if rng.IntN(4) == 0 {
			now += rng.Int64N(400)
		}
		r := request{now: now, ops: []op{randomOp(rng)}}
		if rng.IntN(5) == 0 {
			r.multi = true
			for range rng.IntN(4) {
				r.ops = append(r.ops, randomOp(rng))
			}
			r.ops = slices.DeleteFunc(r.ops, func(o op) bool { return o.args[0][0] == ' ' })
		}
		log = append(log, r)
	}
	return log
}

func randomOp(rng *rand.Rand) op {
	key := func() string { return "key:" + strconv.Itoa(rng.IntN(12)) }
	num := func(n int) string { return strconv.Itoa(rng.IntN(n)) }
	value := func() string {
		if rng.IntN(3) == 0 {
			return string(slices.Repeat([]byte(num(10)), rng.IntN(600)))
		}
		return num(100)
	}
	o := op{db: uint32(rng.IntN(worldDatabases))}
	switch n := rng.IntN(40); {
	case n < 10:
		o.args = []string{"SET", key(), value()}
	case n < 14:
		o.args = []string{"SET", key(), value(), "PX", strconv.Itoa(1 + rng.IntN(2000))}
	case n < 19:
		o.args = []string{"DEL", key()}
	case n < 24:
		o.args = []string{"INCR", key()}
	case n < 27:
		o.args = []string{"APPEND", key(), value()}
	case n < 30:
		o.args = []string{"PEXPIRE", key(), strconv.Itoa(rng.IntN(1000) - 50)}
	case n < 32:
		o.args = []string{"PERSIST", key()}
	case n < 36:
		o.args = []string{"RENAME", key(), key()}
	case n < 38:
		o.args = []string{" EXPIRE", key()}
	case n < 39:
		o.args = []string{"FLUSHDB"}
	default:
		o.args = []string{"SWAPDB", num(worldDatabases), num(worldDatabases)}
	}
	return o
}

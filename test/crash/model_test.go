package crash

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/redoubt-db/redoubt/test/wire"
)

// sharedKey is the counter that every connection increments.
const sharedKey = "crash:shared"

// expiryMillis is the TTL of the keys that have one. No round lasts so long that it could pass.
const expiryMillis = 24 * 3600 * 1000

// step is one request: a command, or a MULTI block as the unit that it is.
type step struct {
	cmds   [][]string
	atomic bool // MULTI ... EXEC around cmds
}

// replies is the number of replies that the server sends for the step.
func (s step) replies() int {
	if s.atomic {
		return len(s.cmds) + 2
	}
	return len(s.cmds)
}

func (s step) shared() bool { return s.cmds[0][0] == "INCR" && s.cmds[0][1] == sharedKey }

// model is what a connection's keys must hold. It is as dumb as it can be.
type model map[string]string

// apply executes one command and returns its reply as wire prints it; "" where the model cannot know it.
func (m model) apply(cmd []string) string {
	switch cmd[0] {
	case "SET":
		m[cmd[1]] = cmd[2]
		return "OK"
	case "GET":
		if v, ok := m[cmd[1]]; ok {
			return strconv.Quote(v)
		}
		return "(nil)"
	case "DEL":
		_, ok := m[cmd[1]]
		delete(m, cmd[1])
		if ok {
			return "(integer) 1"
		}
		return "(integer) 0"
	case "APPEND":
		m[cmd[1]] += cmd[2]
		return fmt.Sprintf("(integer) %d", len(m[cmd[1]]))
	case "INCR":
		if cmd[1] == sharedKey {
			return ""
		}
		n, _ := strconv.Atoi(m[cmd[1]])
		m[cmd[1]] = strconv.Itoa(n + 1)
		return fmt.Sprintf("(integer) %d", n+1)
	case "REVISION":
		return ""
	}
	panic("crash: the model does not know " + cmd[0])
}

// run executes a step.
func (m model) run(s step) {
	for _, cmd := range s.cmds {
		m.apply(cmd)
	}
}

// journal is what one connection asked for and what it was told, through all rounds.
type journal struct {
	id       int
	number   int             // of the last step made
	acked    model           // after everything acknowledged, and after what recovery proved
	pending  []step          // sent, not acknowledged, in order
	touched  map[string]bool // keys written since the last recovery
	sharedOK int             // INCRs of the shared counter acknowledged since the last recovery
	revision bool            // the server knows REVISION
}

func newJournal(id int, revision bool) *journal {
	return &journal{id: id, acked: model{}, touched: map[string]bool{}, revision: revision}
}

// next makes the next step: numbered keys first of all, then everything that could go wrong in another way.
func (j *journal) next() step {
	j.number++
	n := strconv.Itoa(j.number)
	key := func(kind string) string { return fmt.Sprintf("%s:%d", kind, j.id) }
	numbered := key("n") + ":" + n
	one := func(args ...string) step { return step{cmds: [][]string{args}} }
	switch j.number % 16 {
	case 1, 5:
		return one("INCR", key("count"))
	case 2, 8:
		return one("INCR", sharedKey)
	case 3:
		return one("SET", key("same"), n)
	case 4:
		return one("GET", key("same"))
	case 6:
		return step{atomic: true, cmds: [][]string{{"INCR", key("left")}, {"INCR", key("right")}, {"SET", key("pair"), n}}}
	case 7:
		return one("SET", key("ttl")+":"+strconv.Itoa(j.number%120), n, "PX", strconv.Itoa(expiryMillis))
	case 9:
		if j.number%64 == 9 {
			return one("DEL", key("n")+":"+strconv.Itoa(j.number-9))
		}
	case 10:
		if j.number%1600 == 10 { // so that it never grows long
			return one("SET", key("text"), "")
		}
		return one("APPEND", key("text"), n+" ")
	case 11:
		if j.revision {
			return one("REVISION")
		}
	}
	return one("SET", numbered, n)
}

// send queues a step on the connection.
func (j *journal) send(c *wire.Conn, s step) {
	if s.atomic {
		c.Append("MULTI")
	}
	for _, cmd := range s.cmds {
		c.Append(cmd...)
	}
	if s.atomic {
		c.Append("EXEC")
	}
	j.sent(s)
}

// sent notes a step as pending.
func (j *journal) sent(s step) {
	for _, cmd := range s.cmds {
		if cmd[0] != "GET" && cmd[0] != "REVISION" && cmd[1] != sharedKey {
			j.touched[cmd[1]] = true
		}
	}
	j.pending = append(j.pending, s)
}

// acknowledge takes the replies of the oldest pending step and returns what is wrong with them.
func (j *journal) acknowledge(replies []wire.Reply) error {
	s := j.pending[0]
	j.pending = j.pending[1:]
	if s.atomic {
		replies = replies[len(replies)-1].Elems
		if len(replies) != len(s.cmds) {
			return fmt.Errorf("EXEC of %v answered %v", s.cmds, replies)
		}
	}
	for i, cmd := range s.cmds {
		want := j.acked.apply(cmd)
		if got := replies[i].String(); want != "" && got != want {
			return fmt.Errorf("%v = %s, want %s", cmd, got, want)
		}
		if err := replies[i].Err(); err != nil {
			return fmt.Errorf("%v: %w", cmd, err)
		}
	}
	if s.shared() {
		j.sharedOK++
	}
	return nil
}

// recovered finds the prefixes of the pending steps that explain what the server holds. It goes on from there, and returns the least
// and the most INCRs of the shared counter that the connection can have made since the last recovery. The error
// says what no prefix explains.
func (j *journal) recovered(held func(key string) (string, bool)) (least, most int, err error) {
	try, shared := maps.Clone(j.acked), j.sharedOK
	var found model
	for i := 0; ; i++ {
		if len(j.differences(try, held)) == 0 {
			if found == nil {
				found, least = maps.Clone(try), shared
			}
			most = shared
		}
		if i == len(j.pending) {
			break
		}
		try.run(j.pending[i])
		if j.pending[i].shared() {
			shared++
		}
	}
	if found == nil {
		return 0, 0, fmt.Errorf("connection %d: no prefix of the %d unacknowledged steps explains %v", j.id, len(j.pending), j.differences(j.acked, held))
	}
	j.acked, j.pending, j.sharedOK = found, nil, 0
	clear(j.touched)
	return least, most, nil
}

// differences compares the touched keys with what the server holds, at most ten of them.
func (j *journal) differences(want model, held func(string) (string, bool)) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(j.touched)) {
		got, there := held(key)
		value, wanted := want[key]
		if there != wanted || got != value {
			out = append(out, fmt.Sprintf("%s: have %q (%t), acknowledged %q (%t)", key, got, there, value, wanted))
			if len(out) == 10 {
				break
			}
		}
	}
	return out
}

package chaos

import (
	"fmt"
	"strconv"
	"time"

	"github.com/redoubt-db/redoubt/test/cluster"
)

const (
	expiryMin   = 300 * time.Millisecond
	expiryStep  = 250 * time.Millisecond
	expirySteps = 8
	expiryPoll  = 40 * time.Millisecond
	earlyMax    = 100 * time.Millisecond
	lateMax     = 15 * time.Second // after what log time may lose while nobody leads, or all are down
)

// Expiry sets keys with a time to live and asks all nodes for them: none is gone early, and none comes back.
func expiry() workload {
	return workload{name: "expiry", each: 2, run: expire, check: checkExpiry}
}

// readers are clients of all nodes that ask in the name of one.
func (tr *trial) readers(c *client) []*client {
	var list []*client
	for _, n := range tr.voters() {
		list = append(list, &client{id: c.id, node: n})
	}
	return list
}

func closeAll(list []*client) {
	for _, c := range list {
		c.close()
	}
}

func expire(tr *trial, h *history, c *client) {
	others := tr.readers(c)
	defer closeAll(others)
	for n := 0; tr.running(); n++ {
		key, ttl := tr.key("ttl", c.id, n), fmt.Sprint((expiryMin + time.Duration(n%expirySteps)*expiryStep).Milliseconds())
		var o op
		if n%3 == 0 {
			o = tr.ask(h, c, "SET", []string{"SET", key, "v"})
			if o.ok() {
				o = tr.ask(h, c, "PEXPIRE", []string{"PEXPIRE", key, ttl})
			}
		} else {
			o = tr.ask(h, c, "SET PX", []string{"SET", key, "v", "PX", ttl})
		}
		if !o.ok() {
			tr.wait(expiryPoll)
			continue
		}
		for gone, asked := 0, c.id; gone < 4 && tr.running(); asked++ {
			if o := tr.ask(h, others[asked%len(others)], "GET", []string{"GET", key}); o.ok() && o.reply.Nil {
				gone++
			} else {
				tr.wait(expiryPoll)
			}
		}
	}
}

func checkExpiry(ops []op) (wrong []string) {
	for _, list := range byArg(ops, 1) {
		wrong = append(wrong, checkDeadline(list)...)
	}
	return wrong
}

// checkDeadline judges the history of one key, in order.
func checkDeadline(ops []op) (wrong []string) {
	var set, gone *op
	var ttl time.Duration
	for i, o := range ops {
		switch {
		case o.args[0] != "GET":
			if o.result == unknown {
				return nil // it may come whenever it likes
			}
			if len(o.args) > 3 || o.args[0] == "PEXPIRE" {
				ms, _ := strconv.Atoi(o.args[len(o.args)-1])
				set, ttl = &ops[i], time.Duration(ms)*time.Millisecond
			}
		case !o.ok() || set == nil:
		case o.reply.Nil:
			if o.end < set.begin+ttl-earlyMax {
				wrong = append(wrong, fmt.Sprintf("gone %s early:\n%s\n%s", set.begin+ttl-o.end, set, o))
			}
			gone = &ops[i]
		case gone != nil:
			wrong = append(wrong, fmt.Sprintf("it came back:\n%s\n%s\n%s", set, gone, o))
		case o.begin > set.end+ttl+lateMax:
			wrong = append(wrong, fmt.Sprintf("still there %s late:\n%s\n%s", o.begin-set.end-ttl, set, o))
		}
	}
	return wrong
}

// voters are the nodes that are there all the time, but for faults.
func (tr *trial) voters() []*cluster.Node { return tr.rig.Nodes[:voters] }

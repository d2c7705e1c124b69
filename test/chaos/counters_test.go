package chaos

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

const (
	counterKeys  = 4
	counterPause = 2 * time.Millisecond
)

// Counters go up by INCR, or by SET IFREV of what was read: each that was answered has a number of its own, later ones
// have higher ones, and the end is what was answered and at most what is unknown. Stale reads see the past of it in
// order.
func counters() workload {
	return workload{name: "counters", each: 3, run: count, final: countLast, check: checkCounters}
}

const (
	kindIncr  = "INCR"
	kindIfRev = "SET IFREV"
	kindGet   = "GET"
	kindStale = "GET stale"
)

func count(tr *trial, h *history, c *client) {
	if c.id%3 == 0 {
		c.first = []string{"READONLY"}
	}
	for n := c.id; tr.running(); n++ {
		key := tr.key("counter", n%counterKeys)
		switch {
		case c.first != nil:
			tr.ask(h, c, kindStale, []string{"GET", key})
			tr.wait(2 * counterPause)
		case n%7 == 0:
			tr.ask(h, c, kindGet, []string{"GET", key})
		case c.id%3 == 1 && n%2 == 0:
			tr.compareAndSet(h, c, tr.key("ifrev", n%counterKeys))
		default:
			tr.ask(h, c, kindIncr, []string{"INCR", key})
		}
		tr.wait(counterPause)
	}
}

// compareAndSet reads revision and value and sets the next one, if nobody came between.
func (tr *trial) compareAndSet(h *history, c *client, key string) {
	r, result := c.do([]string{"REVISION", "KEY", key})
	if result != done {
		tr.wait(20 * time.Millisecond)
		return
	}
	rev := int64(0)
	for i := 0; i+1 < len(r.Elems); i += 2 {
		if r.Elems[i].Text == "mod_revision" {
			rev = r.Elems[i+1].Int
		}
	}
	if o := tr.ask(h, c, kindGet, []string{"GET", key}); o.ok() {
		n, _ := strconv.ParseInt(o.reply.Text, 10, 64)
		tr.ask(h, c, kindIfRev, []string{"SET", key, strconv.FormatInt(n+1, 10), "IFREV", strconv.FormatInt(rev, 10)})
	}
}

func countLast(tr *trial, h *history, c *client) {
	for k := range counterKeys {
		tr.insist(h, c, calm+" GET", []string{"GET", tr.key("counter", k)})
		tr.insist(h, c, calm+" GET", []string{"GET", tr.key("ifrev", k)})
	}
}

// counted is a value that was reached, or seen, by an operation.
type counted struct {
	value int64
	op
}

// counter is the history of one key.
type counter struct {
	acked, reads, stale []counted
	maybe               int // INCRs of unknown outcome
	begins              []time.Duration
	last                *counted
}

func checkCounters(ops []op) (wrong []string) {
	for key, list := range byArg(ops, 1) {
		for _, text := range readCounter(list).check() {
			wrong = append(wrong, key+": "+text)
		}
	}
	return wrong
}

func readCounter(ops []op) (k counter) {
	for _, o := range ops {
		value := o.reply.Int
		if o.kind == kindIfRev {
			value, _ = strconv.ParseInt(o.args[2], 10, 64)
		} else if o.args[0] == "GET" {
			value, _ = strconv.ParseInt(o.reply.Text, 10, 64)
		}
		x := counted{value, o}
		switch {
		case o.kind == kindIncr || o.kind == kindIfRev:
			if o.result == unknown {
				k.maybe++
			}
			if o.result == unknown || o.ok() && !o.reply.Nil {
				k.begins = append(k.begins, o.begin)
			}
			if o.ok() && !o.reply.Nil { // nil: another one came between
				k.acked = append(k.acked, x)
			}
		case !o.ok():
		case o.kind == kindGet:
			k.reads = append(k.reads, x)
		case o.kind == kindStale:
			k.stale = append(k.stale, x)
		default:
			k.last = &x
		}
	}
	slices.SortStableFunc(k.acked, func(a, b counted) int { return int(a.value - b.value) })
	slices.Sort(k.begins)
	return k
}

func (k counter) check() (wrong []string) {
	say := func(format string, more ...any) { wrong = append(wrong, fmt.Sprintf(format, more...)) }
	var begun counted // the one that began last of all with lower numbers
	for i, x := range k.acked {
		if i > 0 && k.acked[i-1].value == x.value {
			say("two clients were told %d:\n%s\n%s", x.value, k.acked[i-1].op, x.op)
		}
		if x.end < begun.begin {
			say("%d was answered before the lower %d was asked for:\n%s\n%s", x.value, begun.value, x.op, begun.op)
		}
		if x.begin > begun.begin {
			begun = x
		}
	}
	for _, x := range slices.Concat(k.acked, k.reads, k.stale) {
		if most := begunBefore(k.begins, x.end); x.value > int64(most) {
			say("it was %d when only %d were asked for: %s", x.value, most, x.op)
		}
	}
	k.checkReads(say)
	k.checkStale(say)
	if low, high := int64(len(k.acked)), int64(len(k.acked)+k.maybe); k.last != nil && (k.last.value < low || k.last.value > high) {
		say("it is %d in the end; %d were answered and %d are unknown", k.last.value, low, high-low)
	}
	return wrong
}

func begunBefore(begins []time.Duration, t time.Duration) int {
	n, _ := slices.BinarySearch(begins, t+1)
	return n
}

// checkReads compares linearizable reads with what had been answered before they were sent.
func (k counter) checkReads(say func(string, ...any)) {
	byEnd := slices.SortedFunc(slices.Values(k.acked), func(a, b counted) int { return int(a.end - b.end) })
	reads := slices.Clone(k.reads)
	slices.SortFunc(reads, func(a, b counted) int { return int(a.begin - b.begin) })
	var most counted
	for _, x := range reads {
		for len(byEnd) > 0 && byEnd[0].end < x.begin {
			if byEnd[0].value > most.value {
				most = byEnd[0]
			}
			byEnd = byEnd[1:]
		}
		if x.value < most.value {
			say("%d was read after %d had been answered:\n%s\n%s", x.value, most.value, most.op, x.op)
		}
	}
}

// checkStale holds that what one connection reads does not go back.
func (k counter) checkStale(say func(string, ...any)) {
	type connection struct{ client, conn int }
	latest := map[connection]counted{}
	for _, x := range k.stale {
		id := connection{x.client, x.conn}
		if old := latest[id]; x.value < old.value {
			say("stale reads of a connection went back from %d to %d:\n%s\n%s", old.value, x.value, old.op, x.op)
		}
		latest[id] = x
	}
}

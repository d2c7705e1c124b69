package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	queuePause = 4 * time.Millisecond
)

// Queues are lists that elements are pushed to on one node, each once, and popped from on another, also by clients that
// are blocked. Each element is popped by one client, or is there in the end. The first list is a queue, in order; the
// other two are heaps, and elements are moved between them.
func queues() workload {
	return workload{name: "queues", each: 3, run: pushAndPop, final: queuesLast, check: checkQueues}
}

const kindLeft = calm + " LRANGE"

func pushAndPop(tr *trial, h *history, c *client) {
	fifo, a, b := tr.key("fifo", 0), tr.key("heap", 0), tr.key("heap", 1)
	for n := 0; tr.running(); n++ {
		element := fmt.Sprintf("%d.%d", c.id, n)
		var args []string
		switch c.rng.IntN(14) {
		case 0, 1:
			args = []string{"RPUSH", fifo, element}
		case 2:
			args = []string{"LPOP", fifo}
		case 3:
			args = []string{"BLPOP", fifo, "0.4"}
		case 4, 5, 6:
			args = []string{"RPUSH", a, element}
		case 7:
			args = []string{"LPUSH", b, element}
		case 8:
			args = []string{"LMOVE", a, b, "LEFT", "RIGHT"}
		case 9:
			args = []string{"BLMOVE", b, a, "RIGHT", "LEFT", "0.3"}
		case 10:
			args = []string{"RPOP", a}
		case 11:
			args = []string{"LPOP", b}
		default:
			args = []string{"BLPOP", b, a, "0.4"}
		}
		tr.ask(h, c, args[0], args)
		tr.wait(queuePause)
	}
}

func queuesLast(tr *trial, h *history, c *client) {
	for _, key := range []string{tr.key("fifo", 0), tr.key("heap", 0), tr.key("heap", 1)} {
		tr.insist(h, c, kindLeft, []string{"LRANGE", key, "0", "-1"})
	}
}

// element is what became of one.
type element struct {
	push  *op
	takes []op // pops, or the look at the end that still found it
	moves []op
}

// flow is the history of lists that have to do with each other.
type flow struct {
	elements map[string]*element
	maybe    int // pops of unknown outcome: each may have taken one element
	looked   bool
}

func (f *flow) at(name string) *element {
	if f.elements[name] == nil {
		f.elements[name] = &element{}
	}
	return f.elements[name]
}

func (f *flow) add(o op) {
	name := o.reply.Text
	switch o.args[0] {
	case "RPUSH", "LPUSH":
		f.at(o.args[2]).push = &o
	case "LMOVE", "BLMOVE":
		if o.ok() && !o.reply.Nil {
			e := f.at(name)
			e.moves = append(e.moves, o)
		}
	case "LRANGE":
		f.looked = f.looked || o.ok()
		for _, x := range o.reply.Elems {
			e := f.at(x.Text)
			e.takes = append(e.takes, o)
		}
	default:
		if o.result == unknown {
			f.maybe++
		}
		if !o.ok() || o.reply.Nil {
			return
		}
		if len(o.reply.Elems) == 2 { // of BLPOP
			name = o.reply.Elems[1].Text
		}
		e := f.at(name)
		e.takes = append(e.takes, o)
	}
}

func checkQueues(ops []op) (wrong []string) {
	heaps, fifo := flow{elements: map[string]*element{}}, flow{elements: map[string]*element{}}
	for _, o := range ops {
		switch {
		case len(o.args) < 2:
		case strings.Contains(o.args[1], "fifo"):
			fifo.add(o)
		default:
			heaps.add(o)
		}
	}
	return slices.Concat(heaps.check(), fifo.check(), fifo.checkOrder())
}

func (f *flow) check() (wrong []string) {
	say := func(format string, more ...any) { wrong = append(wrong, fmt.Sprintf(format, more...)) }
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(f.elements)) {
		e := f.elements[name]
		switch {
		case e.push == nil || e.push.result == refused && len(e.takes)+len(e.moves) > 0:
			say("%s was never pushed: %v %v", name, e.takes, e.moves)
			continue
		case len(e.takes) > 1:
			say("%s was there %d times:\n%s", name, len(e.takes), lines(e.takes))
		case len(e.takes) == 0 && e.push.ok():
			missing = append(missing, e.push.String())
		}
		for _, o := range slices.Concat(e.takes, e.moves) {
			if o.end < e.push.begin {
				say("%s was there before it was pushed:\n%s\n%s", name, o, e.push)
			}
		}
		for _, o := range e.moves {
			if len(e.takes) > 0 && e.takes[0].end < o.begin {
				say("%s was there after it was popped:\n%s\n%s", name, e.takes[0], o)
			}
		}
	}
	if f.looked && len(missing) > f.maybe {
		say("%d elements are gone, and at most %d can have been popped unseen:\n%s", len(missing), f.maybe, strings.Join(missing, "\n"))
	}
	return wrong
}

// checkOrder holds that what one client pushed comes in order, of a list that is pushed to on one side and popped from
// on the other: no element was had before an earlier one was asked for.
func (f *flow) checkOrder() (wrong []string) {
	type pushed struct {
		n    int
		push op
		take *op
	}
	byClient := map[int][]pushed{}
	for name, e := range f.elements {
		if e.push == nil || !e.push.ok() {
			continue
		}
		_, number, _ := strings.Cut(name, ".")
		n, _ := strconv.Atoi(number)
		p := pushed{n: n, push: *e.push}
		if len(e.takes) == 1 {
			p.take = &e.takes[0]
		}
		byClient[e.push.client] = append(byClient[e.push.client], p)
	}
	for _, list := range byClient {
		slices.SortFunc(list, func(a, b pushed) int { return a.n - b.n })
		var last *pushed // of the earlier ones that whose taking began last
		for i, p := range list {
			if p.take == nil {
				continue
			}
			if last != nil && p.take.end < last.take.begin {
				wrong = append(wrong, fmt.Sprintf("an element overtook an earlier one:\n%s\n%s\n%s\n%s", last.push, p.push, last.take, p.take))
			}
			if last == nil || p.take.begin > last.take.begin {
				last = &list[i]
			}
		}
	}
	return wrong
}

func lines(ops []op) string {
	var list []string
	for _, o := range ops {
		list = append(list, o.String())
	}
	return strings.Join(list, "\n")
}

package chaos

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

// op is one request, and what its client knows of it.
type op struct {
	kind       string // what it is counted as: the command's name, mostly
	client     int
	conn       int // which one of the client's connections
	args       []string
	reply      wire.Reply
	result     outcome
	begin, end time.Duration
}

// calm is the kind of a mark in a history: from here on nothing is disturbed any more.
const calm = "calm"

func (o op) ok() bool { return o.result == done }

// text is the reply as redis-cli shows it.
func (o op) text() string {
	if o.result != done {
		return o.result.String()
	}
	return o.reply.String()
}

func (o op) String() string {
	return fmt.Sprintf("%12.6f %12.6f client %d.%d: %s %v = %s", o.begin.Seconds(), o.end.Seconds(), o.client, o.conn, o.kind, o.args, o.text())
}

// history is what the clients of one workload were told in one round.
type history struct {
	mu  sync.Mutex
	ops []op
}

func (h *history) add(o op) {
	h.mu.Lock()
	h.ops = append(h.ops, o)
	h.mu.Unlock()
}

// ask sends commands in one go, takes down the last one's reply, and paces a client that was refused.
func (tr *trial) ask(h *history, c *client, kind string, commands ...[]string) op {
	o := op{kind: kind, client: c.id, args: commands[0], begin: tr.now()}
	for _, more := range commands[1:] {
		o.args = append(append(slices.Clip(o.args), ";"), more...)
	}
	o.reply, o.result = c.do(commands...)
	o.conn, o.end = c.conns, tr.now()
	h.add(o)
	if o.result != done {
		tr.wait(20 * time.Millisecond)
	}
	return o
}

// insist asks until there is an answer, as the last questions of a round need one.
func (tr *trial) insist(h *history, c *client, kind string, command []string) op {
	end := time.Now().Add(startMax)
	for {
		o := tr.ask(h, c, kind, command)
		if o.ok() {
			return o
		}
		if time.Now().After(end) {
			tr.Errorf("%v has had no answer for %s: %s", command, startMax, o.reply)
			return o
		}
		<-time.After(100 * time.Millisecond)
	}
}

// byArg groups operations by one of their arguments, in the order of their beginning.
func byArg(ops []op, i int) map[string][]op {
	groups := map[string][]op{}
	for _, o := range ops {
		if len(o.args) > i {
			groups[o.args[i]] = append(groups[o.args[i]], o)
		}
	}
	for _, list := range groups {
		sortOps(list)
	}
	return groups
}

func sortOps(ops []op) {
	slices.SortStableFunc(ops, func(a, b op) int { return cmp.Compare(a.begin, b.begin) })
}

// calmSince is when nothing was disturbed any more, or never.
func calmSince(ops []op) (time.Duration, bool) {
	for _, o := range ops {
		if o.kind == calm {
			return o.begin, true
		}
	}
	return 0, false
}

// keep writes the history to a file of the folder.
func (h *history) keep(dir, name string) error {
	f, err := os.Create(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".history"))
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	sortOps(h.ops)
	for _, o := range h.ops {
		fmt.Fprintln(w, o)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// tally counts what happened, by name.
type tally map[string]int

func (t tally) String() string {
	var list []string
	for name, n := range t {
		list = append(list, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func (t tally) total() (sum int) {
	for _, n := range t {
		sum += n
	}
	return sum
}

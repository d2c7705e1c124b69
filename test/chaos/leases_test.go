package chaos

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	leaseMin   = 800 * time.Millisecond
	leaseStep  = 200 * time.Millisecond
	leaseSteps = 5
	leasePoll  = 60 * time.Millisecond
	leaseLate  = 45 * time.Second // after which a lease that nobody keeps alive has ended on a group that works; new leaders extend it
)

// Leases are kept alive for a while and then revoked or left alone, while all nodes are asked for the two keys of each:
// they are both there or both gone, are there while the lease is kept alive, and then vanish.
func leases() workload {
	return workload{name: "leases", each: 1, run: holdLeases, final: leasesLast, check: checkLeases}
}

func holdLeases(tr *trial, h *history, c *client) {
	others := tr.readers(c)
	defer closeAll(others)
	for n := 0; tr.running(); n++ {
		id := strconv.Itoa((tr.round*1000+c.id)*100000 + n + 1)
		ttl := leaseMin + time.Duration(n%leaseSteps)*leaseStep
		a, b := tr.key("lease:"+id, 0), tr.key("lease:"+id, 1)
		for _, command := range [][]string{{"LEASE", "GRANT", fmt.Sprint(ttl.Milliseconds()), "ID", id}, {"MSET", a, "1", b, "1"}, {"LEASE", "ATTACH", id, a, b}} {
			kind := command[0]
			if kind == "LEASE" {
				kind += " " + command[1]
			}
			if o := tr.ask(h, c, kind, command); !o.ok() {
				break
			}
		}
		hold := &holding{tr, h, others, []string{"MGET", a, b}, c.id}
		for range 1 + c.rng.IntN(8) {
			hold.look(ttl / 3)
			tr.ask(h, c, "LEASE KEEPALIVE", []string{"LEASE", "KEEPALIVE", id})
		}
		if c.rng.IntN(3) == 0 {
			tr.ask(h, c, "LEASE REVOKE", []string{"LEASE", "REVOKE", id})
		}
		hold.look(ttl + ttl/2)
	}
}

// holding is a lease with the readers of its keys.
type holding struct {
	tr      *trial
	h       *history
	others  []*client
	command []string
	asked   int
}

// look asks one node after the other for some time.
func (l *holding) look(d time.Duration) {
	for end := l.tr.now() + d; l.tr.now() < end && l.tr.running(); l.asked++ {
		l.tr.ask(l.h, l.others[l.asked%len(l.others)], "MGET", l.command)
		l.tr.wait(leasePoll)
	}
}

// leasesLast looks at all keys until they are gone, or have been there for too long.
func leasesLast(tr *trial, h *history, c *client) {
	end := tr.now() + leaseLate + 2*(leaseMin+leaseSteps*leaseStep)
	for _, o := range h.ops { // nobody adds to it any more, but for this function
		if o.kind != "LEASE ATTACH" || !o.ok() {
			continue
		}
		for present(tr.insist(h, c, "MGET", append([]string{"MGET"}, o.args[3:]...))) > 0 && tr.now() < end {
			<-time.After(leasePoll)
		}
	}
}

// leaseOf is the lease that a request is about.
func leaseOf(o op) string {
	switch {
	case o.args[0] == "LEASE" && o.args[1] == "GRANT":
		return o.args[4]
	case o.args[0] == "LEASE":
		return o.args[2]
	}
	_, id, _ := strings.Cut(o.args[1], "lease:")
	id, _, _ = strings.Cut(id, ":")
	return id
}

func checkLeases(ops []op) (wrong []string) {
	quiet, ended := calmSince(ops)
	byLease := map[string][]op{}
	for _, o := range ops {
		if len(o.args) > 1 {
			byLease[leaseOf(o)] = append(byLease[leaseOf(o)], o)
		}
	}
	for _, list := range byLease {
		sortOps(list)
		if l, ok := readLease(list); ok {
			wrong = append(wrong, l.check(quiet, ended)...)
		}
	}
	return wrong
}

// leaseHistory is one lease: what gave it time, what ended it, and what was seen of its keys.
type leaseHistory struct {
	ttl    time.Duration
	given  []op // GRANT and KEEPALIVE, those of unknown outcome too
	revoke *op
	seen   []op // MGETs behind ATTACH, and KEEPALIVEs that found nothing
}

// readLease is not ok when the keys were not attached, as far as is known.
func readLease(ops []op) (l leaseHistory, ok bool) {
	for i, o := range ops {
		switch o.args[0] + " " + o.args[1] {
		case "LEASE GRANT":
			ms, _ := strconv.Atoi(o.args[2])
			l.ttl = time.Duration(ms) * time.Millisecond
			l.given = append(l.given, o)
		case "LEASE ATTACH":
			ok = ok || o.ok() && o.reply.Int == 2
		case "LEASE KEEPALIVE":
			if noLease(o) {
				l.seen = append(l.seen, o)
			} else if o.result != refused {
				l.given = append(l.given, o)
			}
		case "LEASE REVOKE":
			if o.result != refused {
				l.revoke = &ops[i]
			}
		default:
			if o.args[0] == "MGET" && o.ok() && ok {
				l.seen = append(l.seen, o)
			}
		}
	}
	return l, ok && l.given[0].ok()
}

func noLease(o op) bool { return strings.HasPrefix(o.reply.Text, "NOLEASE") }

// present is how many of the keys were seen.
func present(o op) (n int) {
	for _, e := range o.reply.Elems {
		n += one(!e.Nil)
	}
	return n
}

func (l leaseHistory) check(quiet time.Duration, ended bool) (wrong []string) {
	say := func(format string, more ...any) { wrong = append(wrong, fmt.Sprintf(format, more...)) }
	var gone *op
	for i, o := range l.seen {
		sure, perhaps := l.extended(o)
		deadline := sure.begin + l.ttl
		switch n := present(o); {
		case n == 1:
			say("one key of two is gone: %s", o)
		case n == 2 && gone != nil:
			say("the keys came back:\n%s\n%s", gone, o)
		case n == 2 && l.revoke != nil && l.revoke.ok() && o.begin > l.revoke.end:
			say("the keys are there after the lease was revoked:\n%s\n%s", l.revoke, o)
		case n == 2 && ended && o.begin > max(perhaps, quiet)+l.ttl+leaseLate:
			say("the keys are there though nobody keeps the lease of %s alive:\n%s\n%s", l.ttl, sure, o)
		case n == 0 && o.end < deadline-earlyMax && (l.revoke == nil || l.revoke.begin > o.end):
			say("the keys of a lease of %s are gone %s early:\n%s\n%s", l.ttl, deadline-o.end, sure, o)
		}
		if present(o) == 0 {
			gone = &l.seen[i]
		}
	}
	return wrong
}

// extended is the last request that surely gave the lease time before o was sent, and when any may have done so last.
func (l leaseHistory) extended(o op) (sure op, perhaps time.Duration) {
	sure = l.given[0]
	for _, g := range l.given {
		if g.ok() && g.end <= o.begin && g.begin > sure.begin {
			sure = g
		}
		if g.begin < o.end {
			perhaps = max(perhaps, g.end)
		}
	}
	return sure, perhaps
}

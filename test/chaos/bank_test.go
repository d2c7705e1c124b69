package chaos

import (
	"fmt"
	"strconv"
	"time"
)

const (
	accounts  = 6
	fortune   = 100 // of each account at first
	bankPause = 5 * time.Millisecond
)

// The bank moves money with WATCH and MULTI and looks at all accounts at once: their sum never changes.
func bank() workload {
	return workload{name: "bank", each: 2, open: openBank, run: transfer, final: auditLast, check: checkBank}
}

func openBank(tr *trial, h *history, c *client) {
	command := []string{"MSET"}
	for i := range accounts {
		command = append(command, tr.key("account", i), strconv.Itoa(fortune))
	}
	tr.insist(h, c, "MSET", command)
}

func transfer(tr *trial, h *history, c *client) {
	for n := c.id; tr.running(); n++ {
		if n%4 == 0 {
			tr.audit(h, c)
		} else {
			from := n % accounts
			tr.move(h, c, tr.key("account", from), tr.key("account", (from+1+c.id%(accounts-1))%accounts))
		}
		tr.wait(bankPause)
	}
}

func (tr *trial) move(h *history, c *client, a, b string) {
	r, result := c.do([]string{"WATCH", a, b}, []string{"MGET", a, b})
	if result != done || len(r.Elems) != 2 {
		tr.wait(20 * time.Millisecond)
		return
	}
	x, _ := strconv.Atoi(r.Elems[0].Text)
	y, _ := strconv.Atoi(r.Elems[1].Text)
	tr.ask(h, c, "WATCH MULTI", []string{"MULTI"}, []string{"SET", a, strconv.Itoa(x - 1)}, []string{"SET", b, strconv.Itoa(y + 1)}, []string{"EXEC"})
}

const kindAudit = "MGET of all"

// audit asks for all accounts, with a transaction or with one command.
func (tr *trial) audit(h *history, c *client) {
	if c.rng.IntN(2) == 0 {
		tr.ask(h, c, kindAudit, tr.allAccounts())
		return
	}
	commands := [][]string{{"UNWATCH"}, {"MULTI"}}
	for _, key := range tr.allAccounts()[1:] {
		commands = append(commands, []string{"GET", key})
	}
	tr.ask(h, c, kindAudit, append(commands, []string{"EXEC"})...)
}

func (tr *trial) allAccounts() []string {
	command := []string{"MGET"}
	for i := range accounts {
		command = append(command, tr.key("account", i))
	}
	return command
}

func auditLast(tr *trial, h *history, c *client) { tr.insist(h, c, kindAudit, tr.allAccounts()) }

func checkBank(ops []op) (wrong []string) {
	for _, o := range ops {
		if o.kind != kindAudit || !o.ok() {
			continue
		}
		sum := 0
		for _, e := range o.reply.Elems {
			n, _ := strconv.Atoi(e.Text)
			sum += n
		}
		if len(o.reply.Elems) != accounts || sum != accounts*fortune {
			wrong = append(wrong, fmt.Sprintf("the accounts sum up to %d, want %d: %s", sum, accounts*fortune, o))
		}
	}
	return wrong
}

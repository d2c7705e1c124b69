package chaos

import (
	"fmt"
	"strconv"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	accounts  = 6
	fortune   = 100 // of each account at first
	bankPause = 5 * time.Millisecond
)

func account(i int) string { return "account:" + strconv.Itoa(i) }

func (tr *trial) openBank() error {
	for i := range accounts {
		if _, err := tr.rig.Nodes[0].Do("SET", account(i), strconv.Itoa(fortune)); err != nil {
			return err
		}
	}
	return nil
}

// transfer moves money with WATCH and MULTI, and looks at all accounts at once: their sum never changes.
func (tr *trial) transfer(c *client, i int) {
	for n := i; tr.running(); n++ {
		if n%4 == 0 {
			tr.audit(c)
		} else {
			from := n % accounts
			tr.finished(tr.move(c, from, (from+1+i%(accounts-1))%accounts))
		}
		tr.wait(bankPause)
	}
}

func (tr *trial) move(c *client, from, to int) outcome {
	a, b := account(from), account(to)
	r, result := c.do([]string{"WATCH", a, b}, []string{"MGET", a, b})
	if result != done || len(r.Elems) != 2 {
		return refused
	}
	x, _ := strconv.Atoi(r.Elems[0].Text)
	y, _ := strconv.Atoi(r.Elems[1].Text)
	_, result = c.do([]string{"MULTI"}, []string{"SET", a, strconv.Itoa(x - 1)}, []string{"SET", b, strconv.Itoa(y + 1)}, []string{"EXEC"})
	return result
}

func (tr *trial) audit(c *client) {
	commands := [][]string{{"MULTI"}}
	for i := range accounts {
		commands = append(commands, []string{"GET", account(i)})
	}
	r, result := c.do(append(commands, []string{"EXEC"})...)
	if result == done && !r.Nil { // nil: a WATCH was left by a move that came to nothing
		tr.judge(r)
	}
	tr.finished(result)
}

func (tr *trial) judge(r wire.Reply) {
	sum := 0
	for _, e := range r.Elems {
		n, _ := strconv.Atoi(e.Text)
		sum += n
	}
	if len(r.Elems) != accounts || sum != accounts*fortune {
		tr.Errorf("the accounts sum up to %d, want %d: %s", sum, accounts*fortune, fmt.Sprint(r))
	}
}

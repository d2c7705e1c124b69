package differential

// What expires while it is looked at: a deadline of a few milliseconds, and then the wait for both servers to have passed it.

import (
	"fmt"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	momentMax  = 1000 // milliseconds; a deadline that is further away is not waited for
	lapseMax   = time.Minute
	guardedFor = "60" // milliseconds for a key that is watched: long enough for WATCH to see it
)

// lapse runs a command that gives args[1] a deadline soon, and waits until it has passed.
func (p *pair) lapse(c call) (want, got wire.Reply, wrong string, err error) {
	replies, err := p.both(c.args)
	if err != nil {
		return want, got, "", err
	}
	want, got = replies[0][0], replies[1][0]
	if !equal.same(want, got) {
		return want, got, "replies differ", nil
	}
	wrong, err = p.passed(c.args[1])
	return want, got, wrong, err
}

// passed waits until the key is beyond its deadline on both sides, if that is near.
func (p *pair) passed(key string) (wrong string, err error) {
	pause := time.NewTicker(time.Millisecond)
	defer pause.Stop()
	for until := time.Now().Add(lapseMax); ; {
		left, err := p.both([]string{"PTTL", key}, []string{"EXISTS", key})
		if err != nil {
			return "", err
		}
		near := func(r wire.Reply) bool { return r.Int >= 0 && r.Int <= momentMax }
		if !near(left[0][0]) && !near(left[1][0]) && left[0][0].Int != -1 && left[0][0].Int == left[1][0].Int && left[0][1].Int == left[1][1].Int {
			return "", nil // gone, from both
		}
		if left[0][0].Int == -1 && left[1][0].Int == -1 || left[0][0].Int > momentMax && left[1][0].Int > momentMax {
			return "", nil // it has no such deadline: the command failed
		}
		if time.Now().After(until) {
			return fmt.Sprintf("%s: PTTL and EXISTS are %s there and %s here", quoted(key), left[0], left[1]), nil
		}
		<-pause.C
	}
}

// guarded watches a key, lets its deadline pass, and looks whether the transaction runs.
func (p *pair) guarded(c call) (want, got wire.Reply, wrong string, err error) {
	key := c.args[1]
	replies, err := p.both([]string{"PEXPIRE", key, guardedFor}, []string{"WATCH", key}, []string{"PTTL", key})
	if err != nil {
		return want, got, "", err
	}
	if !equal.same(replies[0][0], replies[1][0]) {
		return replies[0][0], replies[1][0], "replies differ", nil
	}
	late := replies[0][0].Int == 1 && (replies[0][2].Int <= 0 || replies[1][2].Int <= 0) // WATCH may have come behind the deadline
	if wrong, err = p.passed(key); wrong != "" || err != nil {
		return want, got, wrong, err
	}
	replies, err = p.both([]string{"MULTI"}, []string{"EXISTS", key}, []string{"EXEC"})
	if err != nil {
		return want, got, "", err
	}
	want, got = replies[0][2], replies[1][2]
	return want, got, differs(!late && !equal.same(want, got)), nil
}

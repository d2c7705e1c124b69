package chaos

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redoubt-db/redoubt/test/cluster"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	awayValue  = 1 << 20
	awayWrites = 90 // more than the log keeps for members that are away
	awayBeside = 3  // connections that write them
)

func memberFaults() []fault {
	return []fault{
		{"add or remove a member", nothing, (*lane).changeMembers},
		{"replace a member", nothing, (*lane).replace},
		{"a snapshot is needed", minutes, (*lane).away},
		{"the leader is cut off and told to remove the others", cuts, (*lane).mutiny},
	}
}

// changeMembers adds the fourth node, or removes it for ever.
func (l *lane) changeMembers() error {
	extra := l.rig.Nodes[voters]
	if extra.Srv != nil {
		return l.removeExtra()
	}
	return l.join(extra, l.any())
}

func (l *lane) removeExtra() error {
	if extra := l.rig.Nodes[voters]; extra.Srv != nil {
		return l.remove(extra, l.voters())
	}
	return nil
}

// join starts a node on an empty directory.
func (l *lane) join(n, by *cluster.Node) error {
	if err := errors.Join(os.RemoveAll(n.Dir), os.MkdirAll(n.Dir, 0o755)); err != nil {
		return err
	}
	return n.Start("--join", by.Addr())
}

// remove asks others to remove a node, and waits for its process to end.
func (l *lane) remove(n *cluster.Node, others []*cluster.Node) error {
	asked := 0
	err := l.until(startMax, func() error {
		by := others[asked%len(others)]
		asked++
		if by == n {
			by = others[asked%len(others)]
		}
		r, err := by.Do("RAFT", "REMOVE", n.Addr())
		if strings.Contains(r.Text, "no member") {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	select {
	case <-n.Srv.Done():
	case <-time.After(startMax):
		return fmt.Errorf("%s was removed and is still there\n%s", n.Name, n.Srv.Tail())
	}
	n.Srv = nil
	return nil
}

// replace removes a voter for ever, and lets a node with nothing take its place.
func (l *lane) replace() error {
	n := l.any()
	by := l.other(n)
	if err := l.rig.AwaitVoters(l.members()); err != nil { // as the others have to be enough
		return err
	}
	if err := l.remove(n, l.voters()); err != nil {
		return err
	}
	l.some(l.faultMax)
	if err := l.join(n, by); err != nil {
		return err
	}
	return l.rig.AwaitVoters(l.members())
}

// members is how many nodes there are.
func (l *lane) members() int {
	if l.rig.Nodes[voters].Srv != nil {
		return voters + 1
	}
	return voters
}

// away keeps a node away until the log does not reach back to it, and kills it while it is being caught up.
func (l *lane) away() error {
	n := l.any()
	by := l.other(n)
	n.Kill()
	applied := l.applied(by)
	err := l.until(2*startMax, func() error {
		if err := l.fill(by); err != nil {
			return err
		}
		for _, x := range l.voters() {
			if x != n {
				_, _ = x.Do("RAFT", "SNAPSHOT")
			}
		}
		info, err := by.Info()
		if first, _ := strconv.Atoi(info["log-first"]); err == nil && first <= applied {
			err = fmt.Errorf("the log begins with %d, and not behind %d", first, applied)
		}
		return err
	})
	if err != nil {
		return err
	}
	if l.rng.IntN(2) == 0 {
		if err := n.Launch(); err != nil {
			return err
		}
		l.some(l.faultMax)
		n.Kill()
	}
	return n.Start()
}

func (l *lane) applied(n *cluster.Node) int {
	info, _ := n.Info()
	i, _ := strconv.Atoi(info["applied"])
	return i
}

func (l *lane) fill(n *cluster.Node) error {
	value := strings.Repeat("x", awayValue)
	failed := make([]error, awayBeside)
	var all sync.WaitGroup
	for i := range failed {
		all.Go(func() {
			c, err := wire.Dial(n.Addr(), time.Second)
			if err != nil {
				failed[i] = err
				return
			}
			defer c.Close()
			for range awayWrites / awayBeside {
				c.Deadline(time.Now().Add(replyMax))
				if _, failed[i] = c.Do("SET", "away", value); failed[i] != nil {
					return
				}
			}
			_, failed[i] = c.Do("DEL", "away")
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

// mutiny cuts the leader off and tells it to remove the others, which it must not be able to do.
func (l *lane) mutiny() error {
	n := l.leader()
	defer l.net.heal()
	if err := l.cutOff(true, true, n); err != nil {
		return err
	}
	var all sync.WaitGroup
	for _, x := range l.voters() {
		if x != n {
			all.Go(func() {
				// A connection that is lost, to the other lane's doings, ends nothing: the node goes on trying, and would do it when it
				// is no longer cut off. So it is asked again until it says that it has given up.
				_ = l.until(startMax, func() error {
					r, err := n.Do("RAFT", "REMOVE", x.Addr(), "FORCE")
					switch {
					case err == nil:
						l.Errorf("%s is cut off, and removed %s: %s", n.Name, x.Name, r)
					case r.Kind != '-':
						return err
					}
					return nil
				})
			})
		}
	}
	all.Wait() // they give up
	return nil
}

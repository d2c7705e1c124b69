package chaos

import (
	"fmt"
	"time"
)

const (
	expiryMin   = 300 * time.Millisecond
	expiryStep  = 250 * time.Millisecond
	expirySteps = 8
	earlyMax    = 100 * time.Millisecond
	expiryPoll  = 40 * time.Millisecond
)

// expire sets keys with a time to live and asks other nodes for them: none is gone early, and none comes back.
func (tr *trial) expire(c *client, i int) {
	others := make([]*client, 0, voters)
	for _, n := range tr.rig.Nodes[:voters] {
		o := &client{node: n}
		others = append(others, o)
		defer o.close()
	}
	for n := 0; tr.running(); n++ {
		key, ttl := fmt.Sprintf("ttl:%d:%d", i, n), expiryMin+time.Duration(n%expirySteps)*expiryStep
		sent := tr.now()
		_, result := c.do([]string{"SET", key, "v", "PX", fmt.Sprint(ttl.Milliseconds())})
		tr.finished(result)
		if result != done {
			tr.wait(expiryPoll)
			continue
		}
		for gone, asked := 0, 0; gone < 4 && tr.running(); asked++ {
			o := others[asked%len(others)]
			r, result := o.do([]string{"GET", key})
			answered := tr.now()
			switch {
			case result != done:
			case r.Nil && answered < sent+ttl-earlyMax:
				tr.Errorf("%s with %s to live was gone on %s after %s", key, ttl, o.node.Name, answered-sent)
				return
			case r.Nil:
				gone++
				continue
			case gone > 0:
				tr.Errorf("%s with %s to live came back on %s after %s", key, ttl, o.node.Name, answered-sent)
				return
			}
			tr.wait(expiryPoll)
		}
	}
}

package chaos

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

const counterKeys = 4

// counterHistory is INCRs: each that was answered has a number of its own, later ones have higher ones, and the end
// is what was answered and at most what is unknown.
type counterHistory struct {
	mu      sync.Mutex
	counted [counterKeys][]counted
	unknown [counterKeys]int
}

type counted struct {
	value      int64
	begin, end time.Duration
}

func (tr *trial) count(c *client, i int) {
	h := &tr.counters
	for n := i; tr.running(); n++ {
		k := n % counterKeys
		begin := tr.now()
		r, result := c.do(words(fmt.Sprintf("INCR counter:%d", k)))
		end := tr.now()
		h.mu.Lock()
		switch result {
		case done:
			h.counted[k] = append(h.counted[k], counted{r.Int, begin, end})
		case unknown:
			h.unknown[k]++
		}
		h.mu.Unlock()
		tr.finished(result)
	}
}

func (tr *trial) checkCounters() {
	c := &client{node: tr.rig.Nodes[0]}
	defer c.close()
	for k, list := range tr.counters.counted {
		slices.SortFunc(list, func(a, b counted) int { return int(a.value - b.value) })
		var begun time.Duration // the latest begin of all with lower numbers
		for i, x := range list {
			if i > 0 && list[i-1].value == x.value {
				tr.Errorf("counter %d: two clients were told %d", k, x.value)
			}
			if x.end < begun {
				tr.Errorf("counter %d: %d was answered at %s, and a lower number only asked for at %s", k, x.value, x.end, begun)
			}
			begun = max(begun, x.begin)
		}
		r, _ := c.do(words(fmt.Sprintf("GET counter:%d", k)))
		final, _ := strconv.ParseInt(r.Text, 10, 64)
		low, high := int64(len(list)), int64(len(list)+tr.counters.unknown[k])
		if final < low || final > high {
			tr.Errorf("counter %d is %d; %d were answered and %d are unknown", k, final, low, high-low)
		}
	}
}

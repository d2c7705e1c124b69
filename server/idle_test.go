package server

import (
	"fmt"
	"testing"
)

// TestIdleWritesTakeNoBatch: what changes nothing is not in the log, on a node alone, and what does change something is, in order.
func TestIdleWritesTakeNoBatch(t *testing.T) {
	node := startNode(t)
	c := node.dial(t)
	c.want("GET none", "(nil)") // whose answer waits for the node to know that it is alone
	c.want("SADD s a b", "(integer) 2")
	c.want("SET lock me", "OK")
	before := node.machine.Stats().Batches
	for range 20 {
		c.want("SADD s b a", "(integer) 0")
		c.want("LPOP none", "(nil)")
		c.want("ZPOPMIN none", "(empty array)")
		c.want("DEL none nothing", "(integer) 0")
		c.want("SET lock you NX PX 30000", "(nil)")
	}
	if took := node.machine.Stats().Batches - before; took > 20 { // ticks and the like are batches too
		t.Errorf("100 commands that change nothing took %d batches", took)
	}
	c.want("CONFIG SET maxmemory 1", "OK") // what may not run does not, even if it would change nothing
	c.want("SADD s a", "(error) OOM command not allowed when used memory > 'maxmemory'.")
	c.want("CONFIG SET maxmemory 0", "OK")
	for i := range 100 { // however rarely it is looked at whether a write changes anything
		c.want(fmt.Sprintf("SADD s %d", i), "(integer) 1")
		c.want(fmt.Sprintf("SADD s %d", i), "(integer) 0")
	}
	c.want("SCARD s", "(integer) 102")
}

func TestIdleHope(t *testing.T) {
	var h idleHope
	tried := 0
	for range 10_000 {
		if h.tries() {
			tried++
			h.failed()
		}
	}
	if tried < 10_000/(idleSkipMost+2) || tried > 10_000/idleSkipMost+10 {
		t.Errorf("%d of 10,000 commands that all changed something were looked at", tried)
	}
	for !h.tries() {
	}
	h = idleHope{}
	for range 2 {
		if !h.tries() {
			t.Error("after one that changed nothing the next is not looked at")
		}
	}
}

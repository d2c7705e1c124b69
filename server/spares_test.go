package server

import (
	"fmt"
	"strings"
	"testing"
)

// TestLargeTurns has connections ask for more in one turn than is made at a time, small and large by turns: each gets its own
// replies, in order, whoever had the buffer before.
func TestLargeTurns(t *testing.T) {
	const conns, rounds, each = 4, 5, 120
	n := startNode(t)
	c := n.dial(t)
	for k := range conns {
		c.want(fmt.Sprintf("SET big:%d %s", k, strings.Repeat(string(rune('a'+k)), 6000)), "OK")
	}
	wires := make([]*wireClient, conns)
	for k := range wires {
		wires[k] = n.wire(t)
	}
	for range rounds {
		for k, w := range wires {
			for i := range each {
				w.Append("GET", fmt.Sprintf("big:%d", k))
				w.Append("ECHO", fmt.Sprintf("%d.%d", k, i))
			}
			w.send("PING")
		}
		for k, w := range wires {
			for i := range each {
				big, err := w.Read()
				if err != nil || big.Text != strings.Repeat(string(rune('a'+k)), 6000) {
					t.Fatalf("connection %d, reply %d: %d bytes, %v", k, i, len(big.Text), err)
				}
				if small, err := w.Read(); err != nil || small.Text != fmt.Sprintf("%d.%d", k, i) {
					t.Fatalf("connection %d, reply %d: %s, %v", k, i, small, err)
				}
			}
			if pong, err := w.Read(); err != nil || pong.Text != "PONG" {
				t.Fatalf("PING = %s, %v", pong, err)
			}
		}
	}
	kept := make(chan int)
	n.loops[0].post(func() {
		most := 0
		for _, b := range n.loops[0].spares.list {
			most = max(most, cap(b))
		}
		kept <- most
	})
	if most := <-kept; most <= bufferKeepMax || most > spareBytesMax {
		t.Errorf("the largest buffer kept has %d bytes", most)
	}
}

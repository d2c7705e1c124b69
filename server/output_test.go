package server

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestFirstBurst sends, as the first thing on a connection, a pipeline of GETs of large values: no more replies are made than the
// client takes, and it gets all of them in order, and behind them those of a pipeline of small ones with a large jump.
func TestFirstBurst(t *testing.T) {
	const large, gets = 3 << 20, 64
	n := startNode(t)
	c := n.dial(t)
	c.want("SETRANGE big "+strconv.Itoa(large-1)+" x", fmt.Sprintf("(integer) %d", large))
	c.want("SET small 1", "OK")
	for _, first := range []int{0, 4000} { // small ones open the window
		w := n.wire(t)
		w.send("CLIENT", "ID")
		r, err := w.Read()
		if err != nil {
			t.Fatal(err)
		}
		for range first {
			w.Append("GET", "small")
		}
		if first > 0 {
			w.send("PING")
			for range first + 1 {
				if _, err := w.Read(); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range gets {
			w.Append("GET", "big")
			w.Append("ECHO", fmt.Sprint(i))
		}
		w.send("STRLEN", "big")
		watchOutput(t, c, r.Int, large)
		for i := range gets {
			big, err := w.Read()
			if err != nil {
				t.Fatal(err)
			}
			if small, err := w.Read(); err != nil || len(big.Text) != large || small.Text != fmt.Sprint(i) {
				t.Fatalf("%d: %d bytes, then %s, %v", i, len(big.Text), small, err)
			}
		}
		if last, err := w.Read(); err != nil || last.Int != large {
			t.Fatalf("STRLEN = %s, %v", last, err)
		}
	}
}

// watchOutput holds a client that does not read to what may be made for it, until nothing more is.
func watchOutput(t *testing.T, c *testClient, id int64, large int) {
	t.Helper()
	pattern := regexp.MustCompile(` omem=(\d+) `)
	most, same := int64(0), 0
	for end := time.Now().Add(20 * time.Second); same < 100 && time.Now().Before(end); {
		list := c.do(fmt.Sprint("CLIENT LIST ID ", id))
		found := pattern.FindStringSubmatch(list)
		if found == nil {
			t.Fatalf("CLIENT LIST = %s", strings.TrimSpace(list))
		}
		bytes, _ := strconv.ParseInt(found[1], 10, 64)
		if bytes > most {
			most, same = bytes, 0
		} else if most > 0 {
			same++
		}
	}
	if most <= 0 || most > int64(aheadMax+large+unsentCheck) {
		t.Errorf("%d bytes were made for a client that reads nothing, want %d at most", most, aheadMax+large)
	}
	t.Logf("%d bytes", most)
}

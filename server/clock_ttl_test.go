package server

import (
	"fmt"
	"testing"
	"time"
)

// TestTimeToLiveIsNoMoreThanAskedFor: log time is wall time to less than a millisecond from the start on, so that a deadline that
// a client gives by the wall clock is no further away than the client meant.
func TestTimeToLiveIsNoMoreThanAskedFor(t *testing.T) {
	const life = 10_000
	for range 3 { // starts, as each is at another fraction of a millisecond
		c := startNode(t).dial(t)
		for range 50 {
			c.want(fmt.Sprintf("SET k v PXAT %d", time.Now().UnixMilli()+life), "OK")
			if got := c.do("PTTL k"); !within(got, life) {
				t.Fatalf("PTTL = %s, want %d at most", got, life)
			}
		}
	}
}

func within(reply string, most int64) bool {
	var n int64
	_, err := fmt.Sscanf(reply, "(integer) "+"%d", &n)
	return err == nil && n <= most && n > 0
}

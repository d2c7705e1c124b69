package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	compactMax  = 10 * time.Minute
	compactAsks = 200 * time.Millisecond
)

// compact has the server forget its past, which a load of a million elements fills with the times before each was there.
func compact(srv *process.Server) (time.Duration, error) {
	began := time.Now()
	c, err := wire.Dial(srv.Addr, compactMax)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	now, err := c.Do("REVISION")
	if err == nil {
		_, err = c.Do("COMPACT", fmt.Sprint(now.Int))
	}
	tick := time.NewTicker(compactAsks)
	defer tick.Stop()
	for err == nil {
		<-tick.C
		var info wire.Reply
		if info, err = c.Do("INFO", "everything"); err == nil && strings.Contains(info.Text, "revision_garbage:0\r\n") {
			break
		}
		if time.Since(began) > compactMax {
			return 0, fmt.Errorf("not compacted after %s", compactMax)
		}
	}
	return time.Since(began), err
}

// parts prints what the server says of its memory, and what of the resident memory it does not name. That is below nothing
// where memory that is named, such as a memtable, was not touched yet.
func parts(srv *process.Server) {
	c, err := wire.Dial(srv.Addr, time.Minute)
	if err != nil {
		return
	}
	defer c.Close()
	v, err := c.Do("MEMORY", "MALLOC-STATS")
	if err != nil {
		return
	}
	var named, resident int64
	for line := range strings.Lines(v.Text) {
		fmt.Printf("    %s\n", strings.TrimSpace(line))
		fmt.Sscanf(line, "named: %d", &named)
		fmt.Sscanf(line, "resident: %d", &resident)
	}
	if named > 0 && resident > 0 {
		fmt.Printf("    unnamed: %d MiB, %.1f %%\n", (resident-named)>>20, 100*float64(resident-named)/float64(resident))
	}
}

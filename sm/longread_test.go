package sm

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

// BenchmarkLongRead reads collections of a million elements, and tells for how long at most the applier waited for the
// lock meanwhile: with pauses, as the server's pool reads, and without.
func BenchmarkLongRead(b *testing.B) {
	const elements = 1_000_000
	r := newReplica(b)
	index, number := uint64(1), uint64(0)
	r.apply([]Entry{{index, AppendIncarnate(nil, testNode, 1)}})
	add := func(args ...string) {
		index, number = index+1, number+1
		h := Header{Node: testNode, Incarnation: 1, Number: number, Now: 1, Count: 1}
		r.apply([]Entry{{index, SealBatch(nil, h, AppendCommand(nil, 0, op{args: args}.bytes()))}})
	}
	for from := 0; from < elements; from += 1000 {
		list, set, hash, zset := []string{"RPUSH", "l"}, []string{"SADD", "s"}, []string{"HSET", "h"}, []string{"ZADD", "z"}
		for i := from; i < from+1000; i++ {
			name := fmt.Sprint("name:", i)
			list, set = append(list, name), append(set, name)
			hash, zset = append(hash, name, "value"), append(zset, fmt.Sprint(i%1000), name)
		}
		for _, args := range [][]string{list, set, hash, zset} {
			add(args...)
		}
	}
	before := r.m.Space().Store.Revision()
	for _, line := range []string{"LPOP l", "SREM s name:3", "HDEL h name:3", "ZREM z name:3"} {
		add(strings.Fields(line)...)
	}
	for _, line := range []string{"LRANGE l 0 -1", "SMEMBERS s", "HGETALL h", "ZRANGE z 0 -1 WITHSCORES", "SUNION s s", "SORT_RO s ALPHA",
		"SORT_RO l BY w_* ALPHA LIMIT 0 10", "ZUNION 2 z s"} {
		for _, mode := range []string{"whole", "pauses", "past"} {
			b.Run(fmt.Sprintf("%s/%s", strings.ReplaceAll(line, " ", "_"), mode), func(b *testing.B) {
				var done atomic.Bool
				var worst time.Duration
				ended := make(chan struct{})
				go func() { // as the applier does
					defer close(ended)
					store := r.m.Space().Store
					tick := time.NewTicker(200 * time.Microsecond)
					defer tick.Stop()
					for !done.Load() {
						<-tick.C
						began := time.Now()
						store.Lock()
						worst = max(worst, time.Since(began))
						store.Unlock()
					}
				}()
				for b.Loop() {
					r.longRead(b, mode, before, strings.Fields(line))
				}
				done.Store(true)
				<-ended
				b.ReportMetric(float64(worst.Microseconds())/1000, "ms-worst-wait")
			})
		}
	}
}

func (r *replicaRig) longRead(b *testing.B, mode string, before uint64, args []string) {
	r.m.RLock()
	defer r.m.RUnlock()
	view := r.m.View(0, 1, true)
	if mode == "past" {
		var err error
		if view, err = r.m.At(0, before); err != nil {
			b.Fatal(err)
		}
	}
	view.Pauses = mode != "whole"
	defer view.Release()
	var call command.ReadCall
	call.Reset(op{args: args}.bytes(), &view, resp.RESP2)
	spec, err := r.m.lookup(call.From(0))
	if err != nil {
		b.Fatal(err)
	}
	v := r.m.RunRead(&call, spec)
	if v.IsError() {
		b.Fatal(string(v.Text()))
	}
	view.Apart(func() { v.Append(nil, resp.RESP2) })
}

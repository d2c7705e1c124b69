package sm

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

// longReads are commands that walk over all there is.
var longReads = []string{"LRANGE l 0 -1", "SMEMBERS s", "HGETALL h", "ZRANGE z 0 -1 WITHSCORES", "SUNION s s", "SORT_RO s ALPHA",
	"SORT_RO l BY w_* ALPHA LIMIT 0 10", "ZUNION 2 z s", "DUMP h", "LPOS l nothing"}

// longReader is a replica with a collection of each type, and the revision before one element of each went.
func longReader(t testing.TB, elements int) (r *replicaRig, before uint64) {
	r = newReplica(t)
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
	before = r.m.Space().Store.Revision()
	for _, line := range []string{"LPOP l", "SREM s name:3", "HDEL h name:3", "ZREM z name:3"} {
		add(strings.Fields(line)...)
	}
	return r, before
}

// TestLongReadsPause: who waits for the lock gets it while a long read goes on.
func TestLongReadsPause(t *testing.T) {
	const elements, least, readsMax = 20_000, 5, 2000
	r, before := longReader(t, elements)
	for _, line := range longReads {
		for _, mode := range []string{"pauses", "past"} {
			var done atomic.Bool
			var ended sync.WaitGroup
			turns := 0
			ended.Go(func() {
				store := r.m.Space().Store
				for !done.Load() {
					store.Lock()
					turns++
					store.Unlock()
				}
			})
			during := 0
			for reads := 0; during < least && reads < readsMax; reads++ { // the writer may not be running just then
				during += r.longRead(t, mode, before, strings.Fields(line), &turns)
			}
			done.Store(true)
			ended.Wait()
			if during < least {
				t.Errorf("%s, %s: the applier had %d turns meanwhile, want %d", line, mode, during, least)
			}
		}
	}
}

// BenchmarkLongRead reads collections of a million elements, and tells for how long at most the applier waited for the
// lock meanwhile: with pauses, as the server's pool reads, and without.
func BenchmarkLongRead(b *testing.B) {
	r, before := longReader(b, 1_000_000)
	for _, line := range longReads {
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
					r.longRead(b, mode, before, strings.Fields(line), new(int))
				}
				done.Store(true)
				<-ended
				b.ReportMetric(float64(worst.Microseconds())/1000, "ms-worst-wait")
			})
		}
	}
}

// longRead runs a command, and returns how far turns, which the lock guards, came from its begin to its end.
func (r *replicaRig) longRead(b testing.TB, mode string, before uint64, args []string, turns *int) int {
	r.m.RLock()
	defer r.m.RUnlock()
	began := *turns
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
	during := *turns - began // encoding is apart anyway
	view.Apart(func() { v.Append(nil, resp.RESP2) })
	return during
}

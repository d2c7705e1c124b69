package sm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/command"
)

// BenchmarkBigKeys tells how long apply takes for what is done to keys of a million elements as a whole, and for the steps
// in which compaction frees them.
func BenchmarkBigKeys(b *testing.B) {
	r, _ := longReader(b, 1_000_000)
	index := r.m.index
	apply := func(line string) time.Duration {
		args := strings.Fields(line)
		if line[0] == ' ' {
			args[0] = " " + args[0]
		}
		index++
		h := Header{Node: testNode, Incarnation: 1, Number: r.m.Receipt(testNode).Number + 1, Now: int64(index), Count: 1}
		e := []Entry{{index, SealBatch(nil, h, AppendCommand(nil, 0, op{args: args}.bytes()))}}
		began := time.Now()
		r.apply(e)
		return time.Since(began)
	}
	for b.Loop() { // once: nothing is left then
		for _, line := range []string{"RENAME l x", "RENAME s y", "RENAME h v", "RENAME z w", "MOVE x 1", "SWAPDB 0 1", "SWAPDB 0 1", "PEXPIRE y 100000",
			"DEL y", "UNLINK v", "FLUSHALL"} {
			took := apply(line)
			b.Logf("%-12s %8d us", line, took.Microseconds())
		}
		apply(fmt.Sprint("COMPACT ", r.m.Space().Store.Revision()))
		apply("SET one more")
		apply(fmt.Sprint("COMPACT ", r.m.Space().Store.Revision()))
		for garbage := func() int { return r.m.Space().Store.Garbage() }; garbage() > 0; {
			for _, step := range []int{100, 500} {
				before := garbage()
				var took []time.Duration
				for len(took) < 2000 && garbage() > 0 {
					took = append(took, apply(fmt.Sprint(command.CompactStep, " ", step)))
				}
				if slices.Sort(took); len(took) > 0 {
					b.Logf("%5d steps of %3d: median %5d us, p99 %5d us, max %6d us; garbage %8d to %8d", len(took), step,
						took[len(took)/2].Microseconds(), took[len(took)*99/100].Microseconds(), took[len(took)-1].Microseconds(), before, garbage())
				}
			}
		}
	}
}

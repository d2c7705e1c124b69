package sm

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/mvcc"
)

func (r *rig) watch(key string) Guard {
	r.m.RLock()
	defer r.m.RUnlock()
	view := r.m.View(0, 0, true)
	return view.Guard([]byte(key))
}

// A guard is watched after the first lines and checked after the others. "wait" lets 1000 ms pass; "MULTI a; b"
// is one transaction.
func TestGuards(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		holds               bool
	}{
		{"nothing happens to a key", "PUT k 1", "PUT other 1", true},
		{"nor to an absent one", "", "PUT other 1", true},
		{"overwritten", "PUT k 1", "PUT k 1", false},
		{"deleted", "PUT k 1", "DROP k", false},
		{"deleted and made again", "PUT k 1", "DROP k/PUT k 1", false},
		{"created", "", "PUT k 1", false},
		{"created and deleted", "", "PUT k 1/DROP k", false},
		{"created and deleted at once", "", "MULTI PUT k 1;DROP k", false},
		{"deleted before, created and deleted", "PUT k 1/DROP k", "PUT k 1/DROP k", false},
		{"deleted before", "PUT k 1/DROP k", "PUT other 1", true},
		{"a change that fails", "PUT k 1", "FAIL k/BREAK k x", true},
		{"its deadline passes", "PUT k 1 500", "wait", false},
		{"its deadline passes, and it is removed", "PUT k 1 500", "wait/DROP k", false},
		{"its deadline is to come", "PUT k 1 1500", "wait", true},
		{"past its deadline", "PUT k 1 500/wait", "PUT other 1", true},
		{"past its deadline, then removed", "PUT k 1 500/wait", "DROP k", true},
		{"past its deadline, then made again", "PUT k 1 500/wait", "PUT k 1", false},
		{"past its deadline, then made and dropped", "PUT k 1 500/wait", "PUT k 1/DROP k", false},
		{"past its deadline, then made and past it again", "PUT k 1 500/wait", "PUT k 1 500/wait", false},
		{"flushed", "PUT k 1", "WIPE", false},
		{"flushed while absent", "PUT other 1", "WIPE", true},
		{"absent, created and flushed", "PUT other 1", "PUT k 1/WIPE", false},
		{"absent, flushed, created and flushed", "PUT other 1", "WIPE/PUT k 1/WIPE", false},
		{"past its deadline, then flushed", "PUT k 1 500/wait", "WIPE", true},
		{"swapped away", "PUT k 1", "CHANGE 0 1", false},
		{"swapped away and back", "PUT k 1", "CHANGE 0 1/CHANGE 0 1", false},
		{"swapped while absent", "PUT other 1", "CHANGE 0 1", true},
		{"swapped in", "CHANGE 0 1/PUT k 1/CHANGE 0 1", "CHANGE 0 1", false},
		{"other databases swapped", "PUT k 1", "CHANGE 1 2", true},
		{"compacted, not touched", "PUT k 1", "PUT other 1/FORGET 2", true},
		{"compacted, absent", "PUT a 1", "PUT other 1/FORGET 2", false},
		{"compacted, overwritten", "PUT k 1", "PUT k 2/PUT other 1/FORGET 3", false},
		{"compacted up to the view, absent", "PUT a 1/PUT b 1", "PUT other 1/FORGET 2", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, vfs.NewMem())
			r.steps(c.before)
			g := r.watch("k")
			r.steps(c.after)
			before := r.m.Space().Store.ChainHash()
			want := "*-1|"
			if c.holds {
				want = "*1|$-1|"
			}
			r.expect(r.multi([]Guard{g}, "SHOW nothing"), want)
			if r.m.Space().Store.ChainHash() != before {
				t.Error("judging the guard wrote something")
			}
			r.m.Close()
			r.open()
			r.expect(r.multi([]Guard{g}, "SHOW nothing"), want)
		})
	}
}

func (r *rig) steps(lines string) {
	r.t.Helper()
	for _, line := range strings.FieldsFunc(lines, func(c rune) bool { return c == '/' }) {
		if line == "wait" {
			r.now += 1000
			r.do("NOW")
		} else if ops, ok := strings.CutPrefix(line, "MULTI "); ok {
			r.multi(nil, strings.Split(ops, ";")...)
		} else if got := r.do(line); strings.HasPrefix(got, "-") && !strings.HasPrefix(line, "FAIL") && !strings.HasPrefix(line, "BREAK") {
			r.t.Fatalf("%s = %q", line, got)
		}
	}
}

// A guard does not see where one Apply ended and the next began.
func TestGuardInTheSameApply(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	r.steps("PUT other 1")
	g := r.watch("k")
	g.View = 2 // as of WIPE, which is yet to come: a view of a batch being applied
	var b batch
	b.command("WIPE").command("PUT x 1").command("WIPE")
	b.add(AppendMulti(b.body, []Guard{g}, []Op{{Args: words("SHOW k")}}), LocalOp{})
	r.expect(r.run(&b)[3], "*1|$-1|")
}

func TestExactGuards(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	r.steps("PUT a 1/PUT b 1 500/PUT c 1/DROP c")
	exact := func(key string, main uint64) []Guard {
		return []Guard{{Key: []byte(key), Rev: mvcc.Revision{Main: main, Sub: 9}, Exact: true}}
	}
	r.expect(r.multi(exact("a", 1), "SHOW a"), "*1|$1|1|")
	r.expect(r.multi(exact("a", 0), "SHOW a"), "*-1|")
	r.expect(r.multi(exact("a", 2), "SHOW a"), "*-1|")
	r.expect(r.multi(exact("b", 2), "SHOW a"), "*1|$1|1|")
	r.expect(r.multi(exact("c", 0), "SHOW a"), "*1|$1|1|")
	r.expect(r.multi(exact("c", 3), "SHOW a"), "*-1|")
	r.expect(r.multi(append(exact("a", 1), exact("c", 3)...), "SHOW a"), "*-1|")
	r.steps("wait")
	r.expect(r.multi(exact("b", 2), "SHOW a"), "*-1|")
	r.expect(r.multi(exact("b", 0), "COUNT b"), "*1|:1|")
}

package sm

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// golden is what goldenLog comes to at each semantics version, the first in front. A new version gets a line of its own; no other line changes with it.
var golden = []string{
	"revision 1140, log time 136423, chain 43d072563ecb3f96, content at 1140 d9d40b22a46bd5d",
}

// TestGolden: a log means the same to every version of the program. A member that restarts with a newer one applies again what it had
// not flushed, and the others, which have it from the older, must hold the same. So if this fails without the grammar having been changed, apply
// does something else than before: ask whether a new semantics version is in force (keyspace/semantics.go), and do that only from there on. Before the first
// release it may do to put the new hash here and a line into the changelog, that all members have to be stopped in order before one is started again.
func TestGolden(t *testing.T) {
	if len(golden) != int(NewestSemantics) {
		t.Fatalf("%d lines for %d semantics versions", len(golden), NewestSemantics)
	}
	for i, want := range golden {
		log := goldenLog(t)
		if i > 0 {
			log = append([]request{{now: log[0].now, ops: []op{{args: []string{semanticsCommand, fmt.Sprint(i + 1)}}}}}, log...)
		}
		r := newReplica(t)
		r.apply(batches(log, one))
		if got := r.summary(); got != want {
			t.Errorf("at semantics version %d the log comes to\n%s, and came to\n%s", i+1, got, want)
		}
	}
}

// goldenLog is commands of all types and leases of all kinds, some of which fall due.
func goldenLog(t *testing.T) []request {
	g := newGrammar(t, rand.New(rand.NewPCG(2026, 11)))
	var log []request
	for i := range 40 {
		log = append(log, g.log(50)...)
		id := fmt.Sprint(i%7 + 1)
		for _, line := range []string{
			"LEASE GRANT 700 ID " + id, "SET k1 v LEASE " + id, "LEASE ATTACH " + id + " h1", "LEASE KEEPALIVE " + fmt.Sprint(i%5+1), "LEASE TTL " + id + " KEYS",
			"GET k1", "LEASE DETACH h1", "SET k2 v NX LEASE " + fmt.Sprint(i%6+1), "LEASE REVOKE " + fmt.Sprint(i%9+1),
		} {
			log = append(log, request{now: g.now, ops: []op{{args: strings.Fields(line)}}})
			g.now += 97
		}
	}
	return log
}

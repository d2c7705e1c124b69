package differential

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/test/process"
	"github.com/redoubt-db/redoubt/test/wire"
)

// TestDifferencesAreDocumented: what the judge lets pass, users are told.
func TestDifferencesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences {
		if !strings.Contains(string(page), "\n| "+d.row+" |") {
			t.Errorf("docs/compatibility.md has no row %q, which is passed over because %s", d.row, d.why)
		}
	}
	for _, f := range families() {
		for _, c := range f.commands {
			if c.free != "" && !slices.ContainsFunc(differences, func(d difference) bool { return d.row == c.free }) {
				t.Errorf("%s is kept from transactions for %q, which is no row of differences", c.line, c.free)
			}
		}
	}
}

// groups are those of Redis' documentation whose commands this harness sends.
var groups = []string{"string", "bitmap", "generic", "hash", "list", "set", "sorted-set", "geo", "hyperloglog", "transactions",
	"connection", "server", "pubsub"}

// elsewhere are the commands of those groups that are not sent, and why.
var elsewhere = map[string]string{
	"migrate":        "needs a third server",
	"wait":           "answers for other nodes: docs/compatibility.md",
	"pfdebug":        "internal to Redis' own tests",
	"pfselftest":     "internal to Redis' own tests",
	"restore-asking": "for Redis Cluster",
	"watch":          "in whole transactions",
	"quit":           "ends the connection",
	"acl":            "comes with users", "module": "there are none",
	"save": "writes a file", "bgsave": "writes a file", "bgrewriteaof": "writes a file",
	"shutdown": "ends the server", "debug": "internal to Redis' own tests", "monitor": "shows what else the harness sends",
	"sync": "Redis' replication", "psync": "Redis' replication", "replconf": "Redis' replication", "replicaof": "Redis' replication",
	"slaveof": "Redis' replication", "failover": "Redis' replication",
}

// TestTablesAreComplete: every command of Redis in these groups is in a table or named with a reason.
func TestTablesAreComplete(t *testing.T) {
	s := startReal(t)
	sent := map[string]bool{"multi": true}
	for _, f := range families() {
		for _, c := range f.commands {
			sent[strings.ToLower(strings.Fields(c.name)[0])] = true
		}
	}
	r, err := s.control.Do("COMMAND", "DOCS")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(r.Elems); i += 2 {
		name, docs := r.Elems[i].Text, r.Elems[i+1].Elems
		for j := 0; j+1 < len(docs); j += 2 {
			if docs[j].Text == "group" && slices.Contains(groups, docs[j+1].Text) && !sent[name] && elsewhere[name] == "" {
				t.Errorf("%s of group %s is in no table", name, docs[j+1].Text)
			}
		}
	}
}

// startReal starts a redis-server.
func startReal(t *testing.T) *side {
	t.Helper()
	needRedis(t)
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	s := &side{name: "redis", command: redisCommand, port: port, dir: t.TempDir()}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.srv.Kill)
	return s
}

// TestScriptsFollowFromTheSeed: what a failure prints must make the same script again.
func TestScriptsFollowFromTheSeed(t *testing.T) {
	d := newDeck(families(), func(string) bool { return true })
	words := func(seed, epoch uint64) (out []string) {
		for _, s := range d.script(seed, epoch, 1000) {
			for _, c := range s {
				out = append(out, line(c.args))
			}
		}
		return out
	}
	if !reflect.DeepEqual(words(5, 3), words(5, 3)) || reflect.DeepEqual(words(5, 3), words(5, 4)) || reflect.DeepEqual(words(5, 3), words(6, 3)) {
		t.Error("scripts do not follow from seed and epoch")
	}
}

// TestNothingHarmful: no table makes a command that blocks, expires soon or fills the memory.
func TestNothingHarmful(t *testing.T) {
	d := newDeck(families(), func(string) bool { return true })
	seen := map[string]bool{}
	for _, s := range d.script(1, 0, 200_000) {
		in := false
		for _, c := range s {
			if c.on == 0 && !c.law().passes() && harmful(c.args, in) {
				t.Errorf("%s may block, expire or fill the memory", line(c.args))
			}
			in = in || strings.EqualFold(c.args[0], "MULTI") && len(c.args) == 1
			if c.spec != nil {
				seen[c.spec.line] = true
			}
		}
	}
	for _, f := range families() {
		for _, c := range f.commands {
			if !seen[c.line] {
				t.Errorf("200,000 commands, and none is %s", c.line)
			}
		}
	}
}

// TestShrinking: what is left is needed, all of it.
func TestShrinking(t *testing.T) {
	var items []int
	for i := range 1000 {
		items = append(items, i)
	}
	tries := 0
	got := without(items, func(s []int) bool {
		tries++
		return slices.Contains(s, 17) && slices.Contains(s, 500) && slices.Contains(s, 999)
	})
	if !slices.Equal(got, []int{17, 500, 999}) || tries > 500 {
		t.Errorf("left is %v after %d tries, want [17 500 999]", got, tries)
	}
}

func bulk(s string) wire.Reply { return wire.Reply{Kind: '$', Text: s} }

func array(elems ...wire.Reply) wire.Reply { return wire.Reply{Kind: '*', Elems: elems} }

func number(n int64) wire.Reply { return wire.Reply{Kind: ':', Int: n, Text: strconv.FormatInt(n, 10)} }

// TestLaws: each law lets pass what it is for, and nothing beside it.
func TestLaws(t *testing.T) {
	a, b, c := bulk("a"), bulk("b"), bulk("c")
	failed := wire.Reply{Kind: '-', Text: "ERR x"}
	for _, x := range []struct {
		law       law
		want, got wire.Reply
		same      bool
	}{
		{equal, array(a, b), array(a, b), true},
		{equal, array(a, b), array(b, a), false},
		{equal, bulk(""), wire.Reply{Kind: '$', Nil: true}, false},
		{equal, bulk("1"), wire.Reply{Kind: '+', Text: "1"}, false},
		{equal, bulk("HYLL\x01aaaXXXXXXXXrest"), bulk("HYLL\x01aaaYYYYYYYYrest"), true},
		{equal, bulk("HYLL\x01aaaXXXXXXXXrest"), bulk("HYLL\x01aaaXXXXXXXXREST"), false},
		{unordered, array(a, b), array(b, a), true},
		{unordered, array(a, a, b), array(a, b, b), false},
		{unordered, array(a), wire.Reply{Kind: '~', Elems: []wire.Reply{a}}, false},
		{unordered, failed, wire.Reply{Kind: '-', Text: "ERR y"}, false},
		{pairs, array(a, b, c, a), array(c, a, a, b), true},
		{pairs, array(a, b, c, a), array(a, a, c, b), false},
		{pairs, array(array(a, b), array(c, a)), array(array(c, a), array(a, b)), true},
		{near, number(100_000), number(100_900), true},
		{near, number(100_000), number(300_000), false},
		{near, number(-1), number(-2), false},
		{near, number(-1), number(1), false},
		{ties, array(array(a, bulk("1")), array(b, bulk("1")), array(c, bulk("2"))), array(array(b, bulk("1")), array(a, bulk("1")), array(c, bulk("2"))), true},
		{ties, array(array(a, bulk("1")), array(b, bulk("2")), array(c, bulk("3"))), array(array(b, bulk("1")), array(a, bulk("2")), array(c, bulk("3"))), false},
		{shape, array(a), array(b, c), true},
		{shape, array(a), failed, false},
	} {
		if got := x.law.same(x.want, x.got); got != x.same {
			t.Errorf("law %d: %s and %s: %t, want %t", x.law, x.want, x.got, got, x.same)
		}
	}
	for _, x := range []struct {
		there, chosen []string
		repeats, ok   bool
	}{
		{[]string{"a", "b"}, []string{"b"}, false, true},
		{[]string{"a", "b"}, []string{"c"}, false, false},
		{[]string{"a", "b"}, []string{"b", "b"}, false, false},
		{[]string{"a", "b"}, []string{"b", "b"}, true, true},
	} {
		if wrong := lawful(x.there, x.chosen, x.repeats); (wrong == "") != x.ok {
			t.Errorf("%q of %q: %q", x.chosen, x.there, wrong)
		}
	}
}

// TestGrammar shows what the notation makes.
func TestGrammar(t *testing.T) {
	d := newDeck([]family{{"x", []command{{line: "X", often: 1}}}}, func(string) bool { return true })
	if len(d.cards) != 1 {
		t.Errorf("%d cards, want 1", len(d.cards))
	}
	for line, want := range map[string][]string{
		"GET 17":               {"GET 17"},
		"X ( A | B )":          {"X A", "X B"},
		"X [ A ]":              {"X", "X A"},
		"X { A | B }":          {"X", "X A", "X B", "X A B", "X B A"},
		"X 'word ( 'a 1 | 2 )": {"X word a 1", "X word 2"},
	} {
		g := &generator{Rand: newRand(1)}
		n := parse(line)
		seen := map[string]int{}
		for range 5000 {
			seen[strings.ToUpper(strings.Join(g.emit(nil, &n), " "))]++
		}
		for _, w := range want {
			if seen[strings.ToUpper(w)] == 0 {
				t.Errorf("%s never made %q, but %q", line, w, slices.Sorted(maps.Keys(seen)))
			}
		}
	}
}

// TestPaste: a script in redis-cli's notation.
func TestPaste(t *testing.T) {
	got := paste(setting{proto: 3}, []step{{{args: []string{"SET", "a b", "\x00\"\\'"}}}, {{args: []string{"GET", ""}}}})
	if want := "HELLO 3\nFLUSHALL\nSET \"a b\" \"\\x00\\\"\\\\'\"\nGET \"\"\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

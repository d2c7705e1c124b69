package server

import (
	"strconv"
	"strings"
	"testing"
)

// readingForms are commands that may write, as they do not, with their replies on what formKeys makes.
var readingForms = []struct{ line, name, want string }{
	{"SORT l DESC", "sort", "1) \"3\"\n2) \"2\"\n3) \"1\""},
	{"GEORADIUS g 0 0 1 km WITHDIST", "georadius", "1) 1) \"here\"\n   2) \"0.0003\""},
	{"GEORADIUSBYMEMBER g here 1 m", "georadiusbymember", "1) \"here\""},
	{"BITFIELD s GET u8 0 OVERFLOW SAT GET i8 8", "bitfield", "1) (integer) 97\n2) (integer) 98"},
	{"GETEX s", "getex", `"abc"`},
	{"PFCOUNT hll", "pfcount", "(integer) 3"},
}

// storingForms are the same commands as they write.
var storingForms = []struct{ line, want string }{
	{"SORT l STORE to", "(integer) 3"},
	{"GEORADIUS g 0 0 1 km STOREDIST to", "(integer) 1"},
	{"GEORADIUSBYMEMBER g here 1 m STORE to", "(integer) 1"},
	{"BITFIELD s GET u8 0 SET u8 0 98", "1) (integer) 97\n2) (integer) 97"},
	{"GETEX s EX 100", `"bbc"`},
}

func formKeys(c *testClient) {
	c.want("RPUSH l 3 1 2", "(integer) 3")
	c.want("GEOADD g 0 0 here", "(integer) 1")
	c.want("SET s abc", "OK")
	c.want("PFADD hll a b c", "(integer) 1")
}

// position is where the log and the revisions are.
func (n *testNode) position() (applied, revision uint64) {
	n.machine.RLock()
	defer n.machine.RUnlock()
	store := n.machine.Space().Store
	return store.Applied(), store.Revision()
}

// TestReadingForms: a command that may write and does not is a linearizable read: no entry, no revision, a past, a count.
func TestReadingForms(t *testing.T) {
	n := startNode(t)
	c := n.dial(t)
	formKeys(c)
	then := c.do("REVISION")[len("(integer) "):]
	applied, revision := n.position()
	for _, f := range readingForms {
		before := c.field("stats", "keyspace_hits")
		c.want(f.line, f.want)
		if hits := c.field("stats", "keyspace_hits") - before; hits != 1 {
			t.Errorf("%s: %d hits, want 1", f.line, hits)
		}
		if got := c.do("INFO commandstats"); strings.Count(got, "cmdstat_"+f.name+":") != 1 || !strings.Contains(got, "cmdstat_"+f.name+":calls=1,") {
			t.Errorf("after %s: %s", f.line, got)
		}
	}
	if a, r := n.position(); a != applied || r != revision {
		t.Errorf("index %d and revision %d after reads, were %d and %d", a, r, applied, revision)
	}
	for _, f := range storingForms {
		c.want(f.line, f.want)
		c.want("AT "+then+" "+f.line, "(error) ERR AT takes a read command on keys")
	}
	if _, r := n.position(); r != revision+uint64(len(storingForms)) {
		t.Errorf("revision %d after %d writes, was %d", r, len(storingForms), revision)
	}
	c.want("FLUSHALL", "OK")
	for _, f := range readingForms {
		c.want("AT "+then+" "+f.line, f.want)
	}
}

// TestReadingFormsInOrder: behind a write of their connection, and in a transaction, they see what is before them.
func TestReadingFormsInOrder(t *testing.T) {
	n := startNode(t)
	w := n.wire(t)
	w.send("RPUSH", "l", "3")
	for range 3 {
		w.Append("SORT", "l")
		w.Append("LPOP", "l")
		w.Append("SORT", "l", "STORE", "l")
		w.Append("MULTI")
		w.Append("RPUSH", "l", "3")
		w.Append("SORT", "l")
		w.Append("EXEC")
	}
	w.send("SORT", "l")
	w.want(": 1")
	for range 3 {
		for _, want := range []string{`["3"]`, `"3"`, "(integer) 0", "OK", "QUEUED", "QUEUED", `[(integer) 1 ["3"]]`} {
			r, err := w.Read()
			if err != nil {
				t.Fatal(err)
			}
			if got := r.String(); got != want {
				t.Fatalf("reply %s, want %s", got, want)
			}
		}
	}
}

// TestReadingFormsWithoutMemory: what needs none is served although there is none.
func TestReadingFormsWithoutMemory(t *testing.T) {
	c := startNode(t, "--maxmemory-policy", "volatile-lru").dial(t)
	formKeys(c)
	c.want("CONFIG SET maxmemory 1", "OK")
	const refused = "(error) OOM command not allowed when used memory > 'maxmemory'."
	c.want("SET a b", refused)
	for _, f := range readingForms {
		c.want(f.line, f.want)
	}
	for _, f := range storingForms[:4] {
		c.want(f.line, refused)
	}
	c.want("MULTI", "OK")
	for _, f := range readingForms {
		c.want(f.line, "QUEUED")
	}
	if got := c.do("EXEC"); strings.Contains(got, "OOM") || !strings.HasPrefix(got, "1) 1) \"3\"") {
		t.Errorf("EXEC = %s", got)
	}
}

// TestFormsRenamed: rename-command gives both forms the other name, and the log the true one.
func TestFormsRenamed(t *testing.T) {
	c := startNode(t, "--rename-command", "sort", "arrange").dial(t)
	formKeys(c)
	for i, line := range []string{"ARRANGE l DESC", "ARRANGE l STORE to", "AT 1 ARRANGE l DESC"} {
		if got := c.do(line); strings.Contains(got, "ERR") {
			t.Errorf("%d: %s = %s", i, line, got)
		}
	}
	c.want("MULTI", "OK")
	c.want("ARRANGE l DESC", "QUEUED")
	c.want("EXEC", "1) "+strings.ReplaceAll(readingForms[0].want, "\n", "\n   "))
	if got := c.do("INFO commandstats"); strings.Count(got, "cmdstat_sort:") != 1 {
		t.Errorf("INFO commandstats = %s", strconv.Quote(got))
	}
}

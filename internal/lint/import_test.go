package lint

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is the direction in which knowledge flows: what each folder may import of ours, outside of its tests. A new edge is an idea,
// and wants a line in docs/architecture.md.
var mayImport = map[string][]string{
	"acl":      {},
	"lease":    {},
	"rdb":      {},
	"resp":     {},
	"conf":     {"internal/glob"},                    // CONFIG GET takes patterns
	"mvcc":     {"internal/slab", "internal/ranked"}, // its memory
	"keyspace": {"mvcc", "lease", "rdb", "internal/geo", "internal/glob"},
	"script":   {"resp"},
	"command":  {"keyspace", "script", "acl", "resp", "mvcc", "internal/geo", "internal/glob"}, // mvcc for revisions, which are replies and arguments
	"sm":       {"command", "keyspace", "mvcc", "lease", "resp"},
	"watch":    {"mvcc"},
	"replica":  {"internal/raftwire", "internal/raftlog"}, // bytes only
	"server": {"sm", "replica", "watch", "command", "acl", "conf", "resp", // the table of the design, and for views of its reads:
		"keyspace", "mvcc", "internal/glob", "internal/datadir",
		"internal/evloop", "internal/aio",
		"internal/malloc", "internal/image"}, // to account for memory, and to give it back
	"backup":      {"sm", "mvcc", "replica", "command", "resp", "internal/datadir"}, // a node without clients
	"cmd/redoubt": {"server", "conf", "backup", "internal/malloc", "internal/procs"},

	"internal/aio":       {},                                      // files
	"internal/corpus":    {"command", "keyspace", "mvcc", "resp"}, // runs scripts in process, among other ways
	"internal/datadir":   {},
	"internal/geo":       {},
	"internal/glob":      {},
	"internal/image":     {},
	"internal/lint":      {},
	"internal/malloc":    {},
	"internal/raftwire":  {},
	"internal/evloop":    {}, // sockets
	"internal/procs":     {},
	"internal/slab":      {},
	"internal/ranked":    {"internal/slab"},
	"internal/raftlog":   {"internal/aio"}, // Raft's entries, bytes to it; how they get to the disk
	"internal/redistest": {},               // for tests only
}

// blackBoxes know the server by its command line and its protocol only: what lies in these folders may import the packages named here.
var blackBoxes = map[string][]string{
	"test":  {"internal/corpus", "test/certs", "test/process", "test/wire"},
	"bench": {"bench/load", "test/process", "test/wire"},
}

// allowed returns what a folder may import.
func allowed(dir string) (imports []string, known bool) {
	top, _, below := strings.Cut(dir, "/")
	if imports, known = blackBoxes[top]; known && below {
		return imports, true
	}
	imports, known = mayImport[dir]
	return imports, known
}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.dir == "." {
			continue
		}
		imports, known := allowed(s.dir)
		if !known {
			t.Errorf("%s: the folder %s is not in the table of imports", s.name, s.dir)
			continue
		}
		for _, spec := range s.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if ours, ok := strings.CutPrefix(name, module); ok && !slices.Contains(imports, ours) {
				t.Errorf("%s: %s may not import %s", s.at(spec), s.dir, ours)
			}
		}
	}
}

// core is what must be a pure function of the log.
var core = []string{"mvcc", "lease", "keyspace", "script", "command", "sm"}

// impureImports are what the core may not even import.
var impureImports = []string{"math/rand", "math/rand/v2", "crypto/rand", "net"}

// beside are the files of the core that may start a goroutine, and why nobody can see it in the log, on disk or in a reply.
var beside = map[string]string{}

func TestCoreIsPure(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !under(s.dir, core) {
			continue
		}
		for _, spec := range s.Imports {
			if name, _ := strconv.Unquote(spec.Path.Value); slices.Contains(impureImports, name) {
				t.Errorf("%s: the core imports %s", s.at(spec), name)
			}
		}
		impure(t, s)
	}
}

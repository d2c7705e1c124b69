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
	"conf":     {"internal/glob"}, // CONFIG GET takes patterns
	"mvcc":     {"internal/slab"}, // its memory
	"keyspace": {"mvcc", "lease", "rdb", "internal/glob"},
	"script":   {"resp"},
	"command":  {"keyspace", "script", "acl", "resp", "mvcc", "internal/glob"}, // mvcc for revisions, which are replies and arguments
	"sm":       {"command", "keyspace", "mvcc", "lease", "resp"},
	"watch":    {"mvcc"},
	"replica":  {}, // bytes only
	"server": {"sm", "replica", "watch", "command", "acl", "conf", "resp", // the table of the design, and for views of its reads:
		"keyspace", "mvcc", "internal/glob"},
	"cmd/redoubt": {"server", "conf"},

	"internal/corpus": {"command", "keyspace", "mvcc", "resp"}, // runs scripts in process, among other ways
	"internal/glob":   {},
	"internal/lint":   {},
	"internal/slab":   {},

	// Black boxes: they know the server by its command line and its protocol only.
	"test/corpus":      {"internal/corpus", "test/process"},
	"test/crash":       {"test/process", "test/wire"},
	"test/goredis":     {},
	"test/process":     {},
	"test/smoke":       {"test/process", "test/wire"},
	"test/tcl":         {"test/process"},
	"test/wire":        {},
	"bench/load":       {"test/wire"},
	"bench/compare":    {"bench/load", "test/process", "test/wire"},
	"bench/memory":     {"bench/load", "test/process", "test/wire"},
	"bench/compaction": {"bench/load", "test/process", "test/wire"},
}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.dir == "." {
			continue
		}
		allowed, known := mayImport[s.dir]
		if !known {
			t.Errorf("%s: the folder %s is not in the table of imports", s.name, s.dir)
			continue
		}
		for _, spec := range s.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if ours, ok := strings.CutPrefix(name, module); ok && !slices.Contains(allowed, ours) {
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

package conf

import (
	"errors"
	"math"
	"strings"
)

const (
	whyRDB = "No RDB file is written; the Raft log holds every acknowledged write."
	whyAOF = "There is no append-only file; the Raft log is the one that is always on and always fsynced."
)

// persistenceDirectives tell the truth in their defaults: the data is logged and fsynced before it is acknowledged, and no snapshot is due.
func persistenceDirectives() []Directive {
	return []Directive{
		{Name: "save", Kind: SavePoints, Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyRDB},
		{Name: "dbfilename", Kind: String, Default: "dump.rdb", Scope: Node, Mutable: true, Protected: true, Meaning: AcceptedWithNotice, Why: whyRDB,
			valid: baseName("dbfilename can't be a path, just a filename", "")},
		{Name: "rdbcompression", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyRDB},
		{Name: "rdbchecksum", Kind: Bool, Default: "yes", Scope: Node, Meaning: AcceptedWithNotice, Why: whyRDB},
		{Name: "rdb-del-sync-files", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyRDB},
		{Name: "rdb-save-incremental-fsync", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyRDB},
		{Name: "rdb-key-save-delay", Kind: Integer, Min: math.MinInt32, Max: math.MaxInt32, Default: "0", Scope: Node, Mutable: true, Hidden: true, Meaning: AcceptedWithNotice, Why: whyRDB},
		{Name: "key-load-delay", Kind: Integer, Min: math.MinInt32, Max: math.MaxInt32, Default: "0", Scope: Node, Mutable: true, Hidden: true, Meaning: AcceptedWithNotice, Why: whyRDB},
		{Name: "loading-process-events-interval-bytes", Kind: Integer, Min: 1024, Max: math.MaxInt32, Default: "2097152", Scope: Node, Mutable: true, Hidden: true, Meaning: AcceptedWithNotice, Why: whyRDB},
		{Name: "stop-writes-on-bgsave-error", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyRDB},
		{Name: "appendonly", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyAOF},
		{Name: "appendfsync", Kind: Enum, Values: []string{"everysec", "always", "no"}, Default: "always", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyAOF},
		{Name: "appendfilename", Kind: String, Default: "appendonly.aof", Scope: Node, Meaning: AcceptedWithNotice, Why: whyAOF,
			valid: baseName("appendfilename can't be a path, just a filename", "appendfilename can't be empty")},
		{Name: "appenddirname", Kind: String, Default: "appendonlydir", Scope: Node, Meaning: AcceptedWithNotice, Why: whyAOF,
			valid: baseName("appenddirname can't be a path, just a dirname", "appenddirname can't be empty")},
		{Name: "no-appendfsync-on-rewrite", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyAOF},
		{Name: "auto-aof-rewrite-percentage", Kind: Integer, Max: math.MaxInt32, Default: "100", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyAOF},
		{Name: "auto-aof-rewrite-min-size", Kind: Memory, Max: math.MaxInt64, Default: "64mb", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyAOF},
		{Name: "aof-rewrite-incremental-fsync", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyAOF},
		{Name: "aof-load-truncated", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyAOF},
		{Name: "aof-use-rdb-preamble", Kind: Bool, Default: "yes", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyAOF},
		{Name: "aof-timestamp-enabled", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyAOF},
		{Name: "aof-disable-auto-gc", Kind: Bool, Default: "no", Scope: Node, Mutable: true, Meaning: AcceptedWithNotice, Why: whyAOF},
	}
}

// baseName refuses a value with a slash, and an empty one where empty is a text.
func baseName(path, empty string) func(string) error {
	return func(value string) error {
		switch {
		case value == "" && empty != "":
			return errors.New(empty)
		case strings.ContainsAny(value, `/\`):
			return errors.New(path)
		}
		return nil
	}
}

package mvcc

import (
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options say where a store lives and what it may use. The zero value of every field but Dir has a meaning.
type Options struct {
	Dir           string
	FS            vfs.FS        // nil is the disk
	CacheBytes    int64         // Pebble's block cache; 0 is cacheBytesDefault
	MemTableBytes uint64        // 0 is memTableBytesDefault
	Logger        pebble.Logger // Pebble's own log; nil drops it

	// Trouble is told of errors of Pebble's own goroutines, on which it runs: a flush that found no room is
	// tried again, but what is not flushed is not durable. Nil ignores them.
	Trouble func(error)
	// Damaged is told of a file whose bytes are not those that were written, on whichever goroutine finds that out. Who asked for them gets
	// an error besides, and nobody a wrong answer; but a compaction that needs them is tried for ever, so the store is not to be used on. Nil: nobody is told.
	Damaged func(path string, err error)
	// Heavy is told when a flush or a compaction begins, and when it ends, on Pebble's goroutines. It may block for as long as it takes
	// to make room for that work. Nil: nobody is told.
	Heavy func(begins bool)

	// Ahead is called before anything that was applied is written to the disk, and returns when it may be: where the log that it comes from is on
	// its disk. Pebble waits meanwhile. Nil: that is so before it is applied.
	Ahead func()

	// Seed keys the hash of names in a new store. An existing store keeps the one it was made with.
	Seed uint64

	// MaxMemory bounds the values that start-up loads into memory: 0 is no bound.
	MaxMemory int64

	// Run runs job(0..n-1), side by side if it can, and returns when all are done. Start-up uses it;
	// nil runs them in turn. The store itself starts no goroutine.
	Run func(n int, job func(i int))

	// HeapMemory keeps slabs on Go's heap, where the race detector and tests see them.
	HeapMemory bool

	chunkRecords, chunkLeast, chunkMin, lingerMin int // 0 is what chunks.go says; tests make them small
}

// DatabaseBinding is the keyspace a database number is bound to.
type DatabaseBinding struct {
	Database uint32
	Keyspace Keyspace
}

// Version is one version in the history of a key.
type Version struct {
	Item
	Tombstone bool // the key was deleted at Mod; the rest of Item is its key only
}

// HistoryStats tell what is kept of the past.
type HistoryStats struct {
	Versions int    // superseded versions and tombstones kept
	Bytes    int64  // about what they take on disk
	Oldest   uint64 // oldest main revision that can be read
}

// MemoryStats are bytes of memory in use, by purpose.
type MemoryStats struct {
	Records  int64 // key records, with the names, and what collections hang from
	Values   int64 // values in memory, and the long strings of elements: what Cool can drop, but for the latter
	Elements int64 // of collections
	History  int64 // superseded versions, and the queues in which they and other garbage wait
	Tree     int64 // ordered index
	Table    int64 // hash index
	Chunks   int64 // where records are on disk
	Slack    int64 // taken from the system and not in use
	Engine   int64 // Pebble's memtables, as far as they were written to, and its block cache
	Reserved int64 // the rest of the memtables: addresses without memory, and no part of Total
	Total    int64
	Heap     int64 // of Total, what lies on Go's heap: all or part of Tree, Table, Elements, History and Chunks
}

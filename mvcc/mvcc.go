// Package mvcc keeps every version of every key until compaction passes it: the revisions on disk
// in Pebble, the index of keys and generations in memory. It knows neither time nor syntax: what
// a deadline means, and when one is due, is keyspace's to say.
package mvcc

import (
	"cmp"
	"errors"
	"strconv"
)

// Revision is the place of one change in the history of the whole store, as in etcd: Main counts the
// requests that changed something, Sub the changes inside one. Main starts at 1; the zero Revision is "never".
type Revision struct {
	Main uint64
	Sub  uint32
}

// Compare orders revisions by Main, then Sub.
func (r Revision) Compare(o Revision) int {
	if c := cmp.Compare(r.Main, o.Main); c != 0 {
		return c
	}
	return cmp.Compare(r.Sub, o.Sub)
}

// IsZero tells the revision that names no change.
func (r Revision) IsZero() bool { return r == Revision{} }

// String is main-sub, which is also the id of the change in the change stream.
func (r Revision) String() string {
	return strconv.FormatUint(r.Main, 10) + "-" + strconv.FormatUint(uint64(r.Sub), 10)
}

// Keyspace is the id of one generation of a database: FLUSHDB binds a number to a fresh id, SWAPDB
// swaps two, and neither touches a key. Ids are never reused; 0 is no keyspace.
type Keyspace uint32

// Type is the data type of a key's value. Numbers are on disk and never reused.
type Type uint8

const (
	String Type = iota + 1
	List
	Set
	ZSet
	Hash
	Stream
)

// Attr is what a version of a key carries beside its value.
type Attr struct {
	Type     Type
	Hint     uint8  // keyspace's own note on the value (its OBJECT ENCODING); mvcc only keeps it
	Deadline int64  // when a private lease ends, in milliseconds of log time; 0 is never
	Lease    uint64 // the shared lease the key is attached to; 0 is none. Deadline is then 0
}

// Ref is a handle on a live key in this process' memory. It is stable while the key exists or is a
// tombstone not yet compacted, differs between replicas and must never reach log, disk or reply.
type Ref uint32

// Item is one key's version as a Tx or View sees it. Key and Value alias the store: they are good
// until the next change of the key and while the lock (or the Tx) is held.
type Item struct {
	Attr
	Ref     Ref // 0 for an item of the past
	Key     []byte
	Create  Revision // first version of this generation
	Mod     Revision // this version
	Version uint64   // 1 at Create, plus one for each change of this generation
	Len     int      // length of the value in bytes; 0 for a collection, whose elements View.Collection has
	Value   []byte   // nil when Cold
	Cold    bool     // the value is on disk only: Load reads it

	row  Revision // the row that holds the value
	coll uint32   // the handle of the collection, for types that have elements
}

// ChangeKind is what happened to a key.
type ChangeKind uint8

const (
	ChangePut           ChangeKind = iota + 1 // created or given a new value or attributes
	ChangeDelete                              // tombstone
	ChangeBind                                // a database number bound to a keyspace (flush, swap); Key is nil
	ChangeElementPut                          // an element of the key's collection added or given a new value
	ChangeElementDelete                       // an element of the key's collection removed
)

// Change is one change of a committed request, in the order of its sub revisions.
type Change struct {
	Kind     ChangeKind
	Rev      Revision
	Keyspace Keyspace
	Database uint32 // ChangeBind only
	Ref      Ref
	Key      []byte // aliases the store
	Existed  bool   // the key was live before; Old is then its attributes
	Old, New Attr

	// Of an element: its place, as in Element. Name aliases the transaction: it is good until the next one.
	Major uint64
	Name  []byte
}

// Errors of reads at a revision.
var (
	// ErrCompacted: the revision asked for is below the compacted one.
	ErrCompacted = errors.New("mvcc: required revision has been compacted")
	// ErrFuture: the revision asked for has not happened yet.
	ErrFuture = errors.New("mvcc: required revision is a future revision")
)

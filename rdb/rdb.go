// Package rdb reads and writes values in the format of Redis' dumps: the payloads of DUMP and RESTORE, and whole RDB files.
//
//	payload = type byte, value, version (2 bytes), CRC-64 of all that (8 bytes)
//	file    = "REDIS0010", then keys (type byte, name, value), each behind its expiry if it has one, 0xFF, CRC-64
//
// It writes what Redis 7.0 writes. It reads every encoding that Redis has had since its first release, up to VersionMax, and looks at
// all of what it reads, as Redis does under sanitize-dump-payload: what Decode returns can be relied on, and what it allocates is
// proportional to what it was given.
package rdb

import "errors"

// Versions of the format.
const (
	Version    = 10 // what is written: Redis 7.0
	VersionMax = 12 // what is read: Redis 8.0
)

// Errors of reading. They come wrapped, with what was wrong.
var (
	ErrVersion  = errors.New("rdb: the version is not one that can be read")
	ErrChecksum = errors.New("rdb: the checksum is wrong")
	ErrCorrupt  = errors.New("rdb: the data are corrupt")
	ErrEmpty    = errors.New("rdb: the collection is empty") // some old releases wrote them; in a file they are passed over
	ErrModule   = errors.New("rdb: the value belongs to a module")
)

// Type says which of a Value's fields is in use.
type Type uint8

// The types of values.
const (
	String Type = iota + 1
	List
	Set
	Hash
	ZSet
	Stream
)

// Value is the value of one key. Byte strings of a decoded Value may alias each other's memory and the payload's, and are for
// reading only. Collections are never empty, streams aside, and never hold a member twice.
type Value struct {
	Type   Type
	String []byte
	List   [][]byte
	Set    [][]byte // in no particular order
	Hash   []Field  // in no particular order
	ZSet   []Member // by score, then by name
	Stream *StreamValue
	Form   Form
}

// Form is how a server held a collection, as far as a dump says so; 0 is not said.
type Form uint8

const (
	Packed Form = iota + 1 // in a listpack, a ziplist or an intset
	Table                  // in a table or a skip list: AppendDump writes it as such, however small it is
)

// Field is one field of a hash.
type Field struct {
	Name, Value []byte
	Deadline    int64 // Unix milliseconds, or 0 for none; Redis has had them since 7.4
}

// Member is one member of a sorted set.
type Member struct {
	Name  []byte
	Score float64 // never NaN
}

// StreamID is the ID of an entry.
type StreamID struct{ Millis, Seq uint64 }

// StreamValue is a stream.
type StreamValue struct {
	Entries    []Entry // by ID
	Last       StreamID
	First      StreamID // of Entries
	MaxDeleted StreamID
	Added      uint64  // entries ever added
	Groups     []Group // by name
}

// Entry is one entry of a stream.
type Entry struct {
	ID    StreamID
	Pairs [][]byte // field and value by turns
}

// Group is a consumer group.
type Group struct {
	Name      []byte
	Last      StreamID
	Read      int64      // entries read, or -1 when that is not known
	Consumers []Consumer // by name
	Pending   []Pending  // by ID
}

// Consumer is one consumer of a group.
type Consumer struct {
	Name   []byte
	Seen   int64 // Unix milliseconds
	Active int64 // Unix milliseconds; Redis 7.0 does not write it, and Seen is read in its place
}

// Pending is an entry that was delivered and is not yet acknowledged.
type Pending struct {
	ID         StreamID
	Consumer   int   // index in Group.Consumers
	Delivered  int64 // Unix milliseconds
	Deliveries uint64
}

// kind is the byte that says how a value is encoded.
type kind byte

// The kinds of all releases of Redis, by the version of the format that brought them.
const (
	kindString        kind = 0
	kindList          kind = 1
	kindSet           kind = 2
	kindZSet          kind = 3 // with scores in text
	kindHash          kind = 4
	kindZSet2         kind = 5  // 8: with binary scores
	kindModule        kind = 6  // 8
	kindModule2       kind = 7  // 8
	kindZipmap        kind = 9  // 2
	kindListZiplist   kind = 10 // 2
	kindIntset        kind = 11 // 2
	kindZSetZiplist   kind = 12 // 2
	kindHashZiplist   kind = 13 // 4
	kindQuicklist     kind = 14 // 7: of ziplists
	kindStream        kind = 15 // 9
	kindHashListpack  kind = 16 // 10
	kindZSetListpack  kind = 17 // 10
	kindQuicklist2    kind = 18 // 10: of listpacks and plain nodes
	kindStream2       kind = 19 // 10: with the first ID, the largest deleted one, and counters
	kindSetListpack   kind = 20 // 11
	kindStream3       kind = 21 // 11: with consumers' active times
	kindHashTTLDraft  kind = 22 // of candidates of 7.4: with absolute deadlines
	kindHashPackDraft kind = 23 // of candidates of 7.4: without the least deadline in front
	kindHashTTL       kind = 24 // 12: with deadlines
	kindHashPackTTL   kind = 25 // 12: a listpack with deadlines
)

package keyspace

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/rdb"
)

// What one step of an export takes in under the lock.
const (
	exportKeys      = 200
	exportBytesMax  = 16 << 10 // of a string; a longer one is taken by itself
	exportStepBytes = 1 << 20  // of strings together
)

// ErrFieldDeadlines: fields of a hash have deadlines, of which files of Redis 7.0 know nothing.
var ErrFieldDeadlines = errors.New("keyspace: fields with deadlines in an export for Redis 7.0")

// An Export writes all databases as they were at the end of one revision, as a file of Redis. Like a content hash it goes through the keys in
// the order of their names' hashes, so that it keeps nothing of what it has been through, and looks at the past of what was changed
// meanwhile:
//
//	Step, under the lock          copies what is small, notes the names of what is not
//	Write, between locks          encodes and writes, reads from disk what is cold
//
// Compaction may pass the revision before the end, which is mvcc.ErrCompacted.
type Export struct {
	space  *Space
	rev    uint64
	out    *rdb.Writer
	left   []mvcc.DatabaseBinding
	view   View // of the first of left
	begun  bool // that database
	cursor uint64

	small []exported
	large [][]byte // keys
	bytes int      // that small takes
}

// exported is a key with a string, whose value is in memory or on disk.
type exported struct {
	name     []byte
	value    []byte
	deadline int64
	cold     mvcc.Item
}

// ExportOptions say what a file is to have.
type ExportOptions struct {
	Fields bool // deadlines of fields: the file is one of Redis 7.4. Without, it is one of 7.0, and ErrFieldDeadlines is what comes of some
	NoKeys bool
	Aux    func(rev uint64) []string // auxiliary fields: names and values by turns
}

// Export begins an export of the newest revision to w. It needs the store's read lock. A shared lease counts as it is when a key that hangs
// from it is written.
func (s *Space) Export(w io.Writer, o ExportOptions) (*Export, error) {
	rev := s.Store.Revision()
	mv, err := s.Store.At(rev)
	if err != nil {
		return nil, err
	}
	version := rdb.Version
	if o.Fields {
		version = rdb.VersionMax
	}
	x := &Export{space: s, rev: rev, out: rdb.NewWriter(w, version, o.Aux(rev)...)}
	if !o.NoKeys {
		x.left = mv.Databases()
	}
	return x, nil
}

// Revision is what is written.
func (x *Export) Revision() uint64 { return x.rev }

// Step takes in some keys and tells whether those were the last. It needs the store's read lock; Write has to follow.
func (x *Export) Step() (done bool, err error) {
	x.small, x.large, x.bytes = x.small[:0], x.large[:0], 0
	if len(x.left) == 0 {
		return true, nil
	}
	if !x.begun {
		if err := x.begin(); err != nil {
			return false, err
		}
	}
	if err := x.view.mv.Err(); err != nil {
		return false, err
	}
	x.cursor = x.view.mv.Scan(x.view.ks, x.cursor, exportKeys, x.take)
	if x.cursor == 0 {
		x.left, x.begun = x.left[1:], false
	}
	return false, nil
}

// begin comes to the next database. How many keys it has is as of now, since to count those of the past takes a walk; who reads the
// file makes room by it.
func (x *Export) begin() (err error) {
	db := x.left[0].Database
	if x.view, err = x.space.At(db, x.rev); err != nil {
		return err
	}
	x.view.Pauses, x.begun = true, true
	now := x.space.Store.View()
	if keys := now.Len(x.view.ks); keys > 0 {
		volatile := 0
		if q := x.space.due.queues[x.view.ks]; q != nil {
			volatile = q.Len()
		}
		x.out.Database(int(db), keys, min(volatile, keys))
	}
	return nil
}

func (x *Export) take(it mvcc.Item) {
	if it.Type != mvcc.String || !it.Cold && len(it.Value) > exportBytesMax || x.bytes > exportStepBytes {
		x.large = append(x.large, bytes.Clone(it.Key))
		return
	}
	e := exported{name: bytes.Clone(it.Key), deadline: x.view.Deadline(it)}
	if it.Cold {
		e.cold, e.cold.Key = it, e.name
	} else {
		e.value = bytes.Clone(it.Value)
	}
	x.bytes += len(e.name) + len(e.value)
	x.small = append(x.small, e)
}

// Write writes what the last Step has found. It takes the store's read lock where it has to, and keeps it for moments.
func (x *Export) Write() error {
	for i := range x.small {
		e := &x.small[i]
		if e.cold.Cold {
			value, err := x.view.mv.Load(e.cold)
			if err != nil {
				return err
			}
			e.value = value
		}
		if err := x.key(e.name, &rdb.Value{Type: rdb.String, String: e.value}, e.deadline); err != nil {
			return err
		}
		*e = exported{}
	}
	for _, name := range x.large {
		if err := x.writeLarge(name); err != nil {
			return err
		}
	}
	return nil
}

func (x *Export) key(name []byte, v *rdb.Value, deadline int64) error {
	err := x.out.Key(rdb.Key{DB: int(x.view.db), Name: name, Deadline: deadline, Value: v})
	if errors.Is(err, rdb.ErrVersion) {
		return fmt.Errorf("key %q: %w", name, ErrFieldDeadlines)
	}
	return err
}

// writeLarge writes a key of its own. What is read of a collection that is held stays while it is written, lock or not.
func (x *Export) writeLarge(name []byte) error {
	defer x.view.Release()
	v, deadline, err := x.readLarge(name)
	if err != nil || v == nil {
		return err
	}
	return x.key(name, v, deadline)
}

// readLarge is the value of a key, nil for one that is not there: it is of a type that files do not have yet.
func (x *Export) readLarge(name []byte) (v *rdb.Value, deadline int64, err error) {
	x.space.Store.RLock()
	defer x.space.Store.RUnlock()
	if err := x.view.mv.Err(); err != nil {
		return nil, 0, err
	}
	it, ok := x.view.mv.Lookup(x.view.ks, name)
	if !ok || it.Type == mvcc.Stream {
		return nil, 0, nil
	}
	it.Key, deadline = name, x.view.Deadline(it)
	if it.Type == mvcc.String {
		value, err := x.view.mv.Load(it)
		return &rdb.Value{Type: rdb.String, String: bytes.Clone(value)}, deadline, err
	}
	c, err := x.view.hold(it)
	if err != nil {
		return nil, 0, err
	}
	return x.view.dumpedElements(it, c), deadline, nil
}

// Close ends the file, behind the last Write.
func (x *Export) Close() error { return x.out.Close() }

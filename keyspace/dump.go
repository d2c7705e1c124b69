package keyspace

import (
	"errors"

	"github.com/redoubt-db/redoubt/mvcc"
	"github.com/redoubt-db/redoubt/rdb"
)

// Errors of RESTORE.
var (
	// ErrBusyKey: the key exists.
	ErrBusyKey = errors.New("keyspace: key exists")
	// ErrDumpSum: the dump's version is unknown, or its checksum wrong.
	ErrDumpSum = errors.New("keyspace: version or checksum of a dump")
	// ErrDump: what is in the dump cannot be read, or is of a type that is not there yet.
	ErrDump = errors.New("keyspace: damaged dump")
)

// Dumped is the content of a dump.
type Dumped struct{ v *rdb.Value }

// ParseDump reads what Dump wrote, or Redis. The result aliases payload.
func ParseDump(payload []byte) (Dumped, error) {
	v, err := rdb.Decode(payload)
	switch {
	case errors.Is(err, rdb.ErrVersion), errors.Is(err, rdb.ErrChecksum):
		return Dumped{}, ErrDumpSum
	case err != nil, v.Type == rdb.Stream:
		return Dumped{}, ErrDump
	}
	return Dumped{v}, nil
}

// Dump is the value at key in the format of Redis' dumps; false if there is none, or a need of the view stands in the
// way.
func (v *View) Dump(key []byte) (payload []byte, ok bool) {
	d, ok := v.dumped(key)
	if !ok {
		return nil, false
	}
	return rdb.AppendDump(nil, d), true
}

func (v *View) dumped(key []byte) (*rdb.Value, bool) {
	it, ok := v.Lookup(key)
	if !ok {
		return nil, false
	}
	if it.Type == mvcc.String {
		return &rdb.Value{Type: rdb.String, String: v.Value(it)}, v.need&NeedDisk == 0
	}
	v.noteUse(it)
	c, err := v.hold(it)
	if err != nil || v.Long(c.Len()) {
		return nil, false
	}
	return v.dumpedElements(it, c), it.Type != mvcc.Stream
}

// dumpedElements is the value of a key with elements.
func (v *View) dumpedElements(it mvcc.Item, c mvcc.Collection) *rdb.Value {
	d := &rdb.Value{Type: dumpType(it.Type), Form: rdb.Packed}
	if it.Hint == HintLarge {
		d.Form = rdb.Table
	}
	tree := c.Tree
	if it.Type == mvcc.ZSet {
		tree = c.Scores
	}
	tree.Ascend(0, func(e *mvcc.Element) bool {
		switch it.Type {
		case mvcc.List:
			d.List = append(d.List, e.Value)
		case mvcc.Set:
			d.Set = append(d.Set, e.Name)
		case mvcc.Hash:
			if e.Deadline == 0 || v.before(e.Deadline) {
				d.Hash = append(d.Hash, rdb.Field{Name: e.Name, Value: e.Value, Deadline: e.Deadline})
			}
		case mvcc.ZSet:
			d.ZSet = append(d.ZSet, rdb.Member{Name: e.Name, Score: mvcc.MajorScore(e.Major)})
		}
		return true
	})
	return d
}

func dumpType(t mvcc.Type) rdb.Type {
	return map[mvcc.Type]rdb.Type{
		mvcc.List: rdb.List, mvcc.Set: rdb.Set, mvcc.ZSet: rdb.ZSet, mvcc.Hash: rdb.Hash, mvcc.Stream: rdb.Stream,
	}[t]
}

// Restore makes key the value, with a deadline in milliseconds of log time, 0 for none: ErrBusyKey if it exists and is
// not to be replaced. One whose deadline has passed is not made, and what was there is gone.
func (tx *Tx) Restore(key []byte, dump Dumped, deadline int64, replace bool) error {
	d := dump.v
	_, had := tx.Lookup(key)
	if had && !replace {
		return ErrBusyKey
	}
	if deadline != 0 && deadline <= tx.now {
		if had {
			tx.mv.Delete(tx.ks, key)
			tx.Notify(ClassGeneric, "del", key)
		}
		return nil
	}
	if d.Type == rdb.String {
		tx.Put(key, mvcc.Attr{Type: mvcc.String, Deadline: deadline}, d.String)
	} else {
		tx.restoreElements(key, d, deadline)
	}
	tx.Notify(ClassGeneric, "restore", key)
	return nil
}

// restoreElements makes key a collection of what was dumped.
func (tx *Tx) restoreElements(key []byte, d *rdb.Value, deadline int64) {
	limits := &tx.space.limits
	var e elements
	switch d.Type {
	case rdb.List:
		e = tx.restoring(key, mvcc.List, HintCompact)
		l := List{e}
		l.Push(Right, d.List...)
		e = l.elements
	case rdb.Set:
		e = tx.restoring(key, mvcc.Set, limits.set(d.Set))
		for _, name := range d.Set {
			e.put(mvcc.Element{Name: name})
		}
	case rdb.Hash:
		e = tx.restoring(key, mvcc.Hash, limits.hash(d))
		for _, f := range d.Hash {
			if f.Deadline == 0 || f.Deadline > tx.now {
				e.put(mvcc.Element{Name: f.Name, Value: f.Value, Deadline: f.Deadline})
			}
		}
		if e.Len() == 0 {
			e.end()
			return
		}
	case rdb.ZSet:
		e = tx.restoring(key, mvcc.ZSet, limits.zset(d))
		room := new([8]byte)
		for _, m := range d.ZSet {
			e.put(scoredElement(Scored{m.Name, m.Score}, room))
		}
	}
	if deadline != 0 {
		a := e.it.Attr
		a.Deadline = deadline
		tx.mv.SetAttr(tx.ks, key, a)
	}
}

func (tx *Tx) restoring(key []byte, t mvcc.Type, hint uint8) elements {
	e := tx.newElements(key, t)
	e.make(hint)
	return e
}

// Whether what a dump holds fits the compact form of its type. What was compact where it was dumped is asked for its number alone, as
// Redis does.

func (l *compactLimits) set(names [][]byte) uint8 {
	for _, n := range names {
		if _, ok := ParseInt(n); !ok {
			return HintLarge
		}
	}
	return hintFor(int64(len(names)) <= l.setInts)
}

func (l *compactLimits) hash(d *rdb.Value) uint8 {
	fits := int64(len(d.Hash)) <= l.hashEntries
	if d.Form != rdb.Packed {
		for _, f := range d.Hash {
			fits = fits && int64(max(len(f.Name), len(f.Value))) <= l.hashValue
		}
	}
	return hintFor(fits)
}

func (l *compactLimits) zset(d *rdb.Value) uint8 {
	fits := int64(len(d.ZSet)) <= l.zsetEntries
	if d.Form != rdb.Packed {
		for _, m := range d.ZSet {
			fits = fits && int64(len(m.Name)) <= l.zsetValue
		}
	}
	return hintFor(fits)
}

func hintFor(compact bool) uint8 {
	if compact {
		return HintCompact
	}
	return HintLarge
}

// Encoding is Redis' name for how it would hold a collection.
func Encoding(it mvcc.Item) string {
	compact, large := "stream", "stream"
	switch it.Type {
	case mvcc.List:
		compact, large = "quicklist", "quicklist"
	case mvcc.Set:
		compact, large = "intset", "hashtable"
	case mvcc.Hash:
		compact, large = "listpack", "hashtable"
	case mvcc.ZSet:
		compact, large = "listpack", "skiplist"
	}
	if it.Hint == HintCompact {
		return compact
	}
	return large
}

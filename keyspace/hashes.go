package keyspace

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/redoubt-db/redoubt/mvcc"
)

// A field of a hash is an element of that name, and may have a deadline. One that is past it is not there, for whoever
// looks: a view leaves it out, a change takes it for absent. It leaves the store when the hash is next changed, or when the
// leader says so: see hashes_due.go.

// Hash is the hash at a key, to be changed.
type Hash struct{ elements }

// Hash is the hash at key, which may be absent; ErrWrongType if it is another type. Some of its fields that are due end.
func (tx *Tx) Hash(key []byte) (Hash, error) {
	e, err := tx.elements(key, mvcc.Hash)
	h := Hash{e}
	h.endDue(dueFieldsPerWrite)
	return h, err
}

// due is how many fields are past their deadlines and still in the store.
func (h *Hash) due() int {
	if !h.live || h.tx.mv.Volatile(&h.it) == 0 {
		return 0
	}
	return dueAt(h.now(), h.tx.now)
}

// dueAt is how many elements are due at a time.
func dueAt(c mvcc.Collection, now int64) int {
	if c.Volatile == 0 {
		return 0
	}
	n, _ := c.Due.Rank(uint64(now)+1, nil)
	return n
}

// Len is the number of fields.
func (h *Hash) Len() int { return h.elements.Len() - h.due() }

// Lookup is a field with its value and deadline, good until the next change.
func (h *Hash) Lookup(field []byte) (mvcc.Element, bool) {
	e := h.lookup(field)
	if e == nil || e.Deadline != 0 && e.Deadline <= h.tx.now {
		return mvcc.Element{}, false
	}
	return *e, true
}

// Set gives a field a value, without a deadline, and tells whether the field is new.
func (h *Hash) Set(field, value []byte) (added bool) { return h.SetUntil(field, value, 0) }

// SetUntil gives a field a value and a deadline in the future, 0 for none, and tells whether the field is new.
func (h *Hash) SetUntil(field, value []byte, deadline int64) (added bool) {
	limits := &h.tx.space.limits
	if int64(max(len(field), len(value))) > limits.hashValue {
		h.large()
	}
	if h.due() > 0 {
		_, had := h.Lookup(field)
		added = !had
	}
	added = h.put(mvcc.Element{Name: field, Value: value, Deadline: deadline}) || added
	if int64(h.Len()) > limits.hashEntries { // asked at every write, as in Redis, since the limit may have been lowered
		h.large()
	}
	return added
}

// Delete takes a field out, and the key with the last; false if it is not there.
func (h *Hash) Delete(field []byte) bool {
	if _, ok := h.Lookup(field); !ok {
		return false
	}
	if h.Len() == 1 {
		h.end()
	} else {
		h.remove(mvcc.Element{Name: field})
	}
	return true
}

// Increment adds delta to the integer in a field, 0 if there is none, and keeps its deadline. The errors are
// ErrNotInteger and ErrOverflow.
func (h *Hash) Increment(field []byte, delta int64) (int64, error) {
	n := int64(0)
	e, had := h.Lookup(field)
	if had {
		var ok bool
		if n, ok = ParseInt(e.Value); !ok {
			return 0, ErrNotInteger
		}
	}
	if delta < 0 && n < math.MinInt64-delta || delta > 0 && n > math.MaxInt64-delta {
		return 0, ErrOverflow
	}
	n += delta
	var digits [intBytesMax]byte
	h.SetUntil(field, strconv.AppendInt(digits[:0], n, 10), e.Deadline)
	return n, nil
}

// IncrementFloat adds delta to the number in a field, 0 if there is none, as FloatSum does, and keeps its deadline. The
// result is the caller's.
func (h *Hash) IncrementFloat(field, delta []byte) ([]byte, error) {
	old := []byte("0")
	e, had := h.Lookup(field)
	if had {
		old = e.Value
	}
	sum, err := FloatSum(old, delta)
	if err != nil {
		return nil, err
	}
	h.SetUntil(field, sum, e.Deadline)
	return sum, nil
}

// Fields is a hash as a view sees it, without fields past their deadlines. It is good while the view is.
type Fields struct {
	c mvcc.Collection
	v *View
}

// Hash is the hash at key; false if there is none, and ErrWrongType if it is of another type.
func (v *View) Hash(key []byte) (Fields, bool, error) {
	c, ok, err := v.Elements(key, mvcc.Hash)
	return Fields{c, v}, ok, err
}

// gone is how many fields are past their deadlines and still in the store. It notes when only a tick can say.
func (f *Fields) gone() int {
	if f.c.Volatile == 0 || f.v.past {
		return 0
	}
	n := dueAt(f.c, f.v.estimate)
	if n > dueAt(f.c, f.v.now) {
		f.v.need |= NeedTick
	}
	return n
}

func (f *Fields) has(e *mvcc.Element) bool {
	return e.Deadline == 0 || f.v.past || f.v.before(e.Deadline)
}

// Len is the number of fields.
func (f *Fields) Len() int { return f.c.Len() - f.gone() }

// Lookup is a field with its value and deadline.
func (f *Fields) Lookup(field []byte) (mvcc.Element, bool) {
	e, ok := f.c.Lookup(field)
	if !ok || !f.has(&e) {
		return mvcc.Element{}, false
	}
	return e, true
}

// orderedMax is up to how many fields a hash is shown in the order in which they were written last. Redis keeps small
// hashes in the order of insertion, and people have come to like that; an overwritten field stays in its place there
// and goes to the end here.
const orderedMax = 512

// All calls fn with each field, of a small hash in the order in which they were written. The element is fn's only while
// it runs.
func (f *Fields) All(fn func(*mvcc.Element)) {
	if f.c.Len() > orderedMax {
		f.all(fn)
		return
	}
	list := make([]mvcc.Element, 0, f.c.Len())
	f.all(func(e *mvcc.Element) { list = append(list, *e) })
	slices.SortFunc(list, func(a, b mvcc.Element) int {
		return cmp.Or(cmp.Compare(a.Main, b.Main), cmp.Compare(a.Sub, b.Sub))
	})
	for i := range list {
		fn(&list[i])
	}
}

func (f *Fields) all(fn func(*mvcc.Element)) {
	f.c.Ascend(0, func(e *mvcc.Element) bool {
		if f.has(e) {
			fn(e)
		}
		return true
	})
}

// Scan is mvcc.Collection's, fields past their deadlines left out.
func (f *Fields) Scan(cursor uint64, count int, fn func(*mvcc.Element)) (next uint64) {
	return f.c.Scan(cursor, count, func(e *mvcc.Element) {
		if f.has(e) {
			fn(e)
		}
	})
}

// Numbered gives each of Len fields a number from 0 on. While fields are due that still have to go, that walks over all
// of them.
func (f *Fields) Numbered() func(i int) mvcc.Element {
	if f.gone() == 0 {
		return func(i int) mvcc.Element {
			e, _ := f.c.At(i)
			return e
		}
	}
	if f.v.Long(f.c.Len()) {
		return func(int) mvcc.Element { return mvcc.Element{} }
	}
	list := make([]mvcc.Element, 0, f.Len())
	f.All(func(e *mvcc.Element) { list = append(list, *e) })
	return func(i int) mvcc.Element { return list[i] }
}

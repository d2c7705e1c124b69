package keyspace

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/redoubt-db/redoubt/mvcc"
)

// ErrSortNumber: an element, or the value it is sorted by, is not a number.
var ErrSortNumber = errors.New("keyspace: sort by what is no number")

// Sorting says what SORT does with the elements of a list, set or sorted set. The zero value sorts all as numbers.
type Sorting struct {
	By         []byte   // a pattern of keys to sort by; nil is by the elements. Without * in it nothing is sorted
	Get        [][]byte // patterns of keys whose values are the result; none is the elements
	Offset     int64
	Count      int64 // negative is all
	Descending bool
	Alpha      bool
	Stable     bool // the result is stored: a set that is not to be sorted is sorted as text
}

// sortItem is an element with what it is sorted by.
type sortItem struct {
	item  []byte
	by    []byte // of Alpha: nil when there is no such key
	score float64
}

// Sort is the elements of the list, set or sorted set at key in order, or what Get makes of them, nil where there is
// no such key. ErrWrongType and ErrSortNumber are its errors. The result is good while the view is.
func (v *View) Sort(key []byte, s Sorting) ([][]byte, error) {
	if !v.Pauses || len(s.Get) == 0 && s.By == nil {
		return v.sort(key, s)
	}
	// Other keys are looked at between pauses, so all must be as of one revision.
	if p, ok := v.pin(); ok {
		list, err := p.sort(key, s)
		if v.held, v.need, v.lookups = p.held, v.need|p.need, p.lookups; p.mv.Err() == nil {
			return list, err
		}
	}
	v.Release() // what is not held from here on may not be used apart
	v.Pauses = false
	defer func() { v.Pauses = true }()
	return v.sort(key, s)
}

func (v *View) sort(key []byte, s Sorting) ([][]byte, error) {
	it, ok := v.Lookup(key)
	if !ok {
		return nil, nil
	}
	if it.Type != mvcc.List && it.Type != mvcc.Set && it.Type != mvcc.ZSet {
		return nil, ErrWrongType
	}
	v.noteUse(it)
	c, err := v.hold(it)
	if err != nil || v.Long(c.Len()) {
		return nil, err
	}
	as := s.By != nil && !bytes.ContainsRune(s.By, '*')
	if as && it.Type == mvcc.Set && s.Stable {
		as, s.Alpha, s.By = false, true, nil
	}
	list := sortItems(c, it.Type, as && s.Descending)
	if !as {
		if err := v.weigh(list, &s); err != nil {
			return nil, err
		}
		v.Apart(func() { slices.SortStableFunc(list, s.compare) })
	}
	return v.sorted(s.window(list), s.Get), nil
}

// sortItems are the elements in their own order, or backward.
func sortItems(c mvcc.Collection, t mvcc.Type, backward bool) []sortItem {
	list := make([]sortItem, 0, c.Len())
	tree := c.Tree
	if t == mvcc.ZSet {
		tree = c.Scores
	}
	tree.Ascend(0, func(e *mvcc.Element) bool {
		item := e.Name
		if t == mvcc.List {
			item = e.Value
		}
		list = append(list, sortItem{item: item})
		return true
	})
	if backward && t != mvcc.Set {
		slices.Reverse(list)
	}
	return list
}

// weigh finds what each element is sorted by. An element whose key is missing weighs nothing.
func (v *View) weigh(list []sortItem, s *Sorting) error {
	for i := range list {
		by := list[i].item
		if v.turn(i) != nil {
			return nil
		}
		if s.By != nil {
			if by = v.byPattern(s.By, by); by == nil {
				continue
			}
		}
		if s.Alpha {
			list[i].by = by
			continue
		}
		score, ok := sortScore(by)
		if !ok {
			return ErrSortNumber
		}
		list[i].score = score
	}
	return nil
}

// sortScore reads a number as C's strtod does, up to a zero byte, all of it or nothing; the empty string is 0.
func sortScore(b []byte) (float64, bool) {
	b, _, _ = bytes.Cut(b, []byte{0})
	if len(b) == 0 {
		return 0, true
	}
	f, n, outside := LeadingFloat(b)
	return f, n == len(b) && !outside && !math.IsNaN(f)
}

func (s *Sorting) compare(a, b sortItem) (order int) {
	switch {
	case !s.Alpha:
		if order = cmp.Compare(a.score, b.score); order == 0 {
			order = bytes.Compare(a.item, b.item)
		}
	case a.by == nil || b.by == nil:
		order = cmp.Compare(weight(a.by), weight(b.by))
	case s.Stable:
		order = bytes.Compare(a.by, b.by)
	default: // as C's strcoll, which ends at a zero byte
		x, _, _ := bytes.Cut(a.by, []byte{0})
		y, _, _ := bytes.Cut(b.by, []byte{0})
		order = bytes.Compare(x, y)
	}
	if s.Descending {
		return -order
	}
	return order
}

// weight puts elements without a key to sort by in front of those with one.
func weight(by []byte) int {
	if by == nil {
		return 0
	}
	return 1
}

// window is the part of the elements that LIMIT asks for.
func (s *Sorting) window(list []sortItem) []sortItem {
	n := int64(len(list))
	start := min(max(s.Offset, 0), n)
	end := n
	if s.Count >= 0 {
		end = start + min(s.Count, n-start)
	}
	return list[start:end]
}

func (v *View) sorted(list []sortItem, get [][]byte) [][]byte {
	out := make([][]byte, 0, len(list)*max(1, len(get)))
	for i, it := range list {
		if v.turn(i) != nil {
			return nil
		}
		for _, pattern := range get {
			out = append(out, v.byPattern(pattern, it.item))
		}
		if len(get) == 0 {
			out = append(out, it.item)
		}
	}
	return out
}

// byPattern is the string at the key that the pattern makes of an element, or the field of a hash behind "->"; nil if
// there is none. "#" is the element itself.
func (v *View) byPattern(pattern, item []byte) []byte {
	if string(pattern) == "#" {
		return item
	}
	before, after, found := bytes.Cut(pattern, []byte("*"))
	if !found {
		return nil
	}
	var field []byte
	if i := bytes.Index(after, []byte("->")); i >= 0 && i+2 < len(after) {
		after, field = after[:i], after[i+2:]
	}
	key := slices.Concat(before, item, after)
	if field == nil {
		if value, ok, err := v.String(key); ok && err == nil {
			return v.stay(value)
		}
		return nil
	}
	it, ok := v.Lookup(key)
	if !ok || it.Type != mvcc.Hash {
		return nil
	}
	v.noteUse(it)
	e, ok := v.mv.Collection(it).Lookup(field) // not held: there are as many as elements
	if !ok || e.Deadline != 0 && !v.before(e.Deadline) {
		return nil
	}
	return v.stay(e.Value)
}

// turn pauses every few elements, and tells when compaction passed the view meanwhile: then the caller begins anew.
func (v *View) turn(i int) error {
	if i%pauseEvery != pauseEvery-1 {
		return nil
	}
	v.pause()
	return v.mv.Err()
}

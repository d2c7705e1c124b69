package keyspace

import (
	"math"

	"github.com/redoubt-db/redoubt/mvcc"
)

// An item of a list has a place: a number, and behind it a fraction that is almost always empty. Pushing counts on from
// either end, so that neighbours are usually one apart; what is inserted takes a number between its neighbours, or a
// fraction where there is none.
//
//	RPUSH l a b c; LPUSH l z     z 99, a 100, b 101, c 102
//	LINSERT l BEFORE c x         x 101 + 00000001...
//	LREM l 0 a; LINSERT l BEFORE b y   y 100
//
// An item that is moved or overwritten keeps the record of no other: LSET is one change, LTRIM one for each item that
// goes.
const listMiddle = 1 << 63 // the place of a list's first item

// End is one of the ends of a list.
type End uint8

const (
	Left End = iota + 1
	Right
)

// List is the list at a key, to be changed.
type List struct{ elements }

// List is the list at key, which may be absent; ErrWrongType if it is another type.
func (tx *Tx) List(key []byte) (List, error) {
	e, err := tx.elements(key, mvcc.List)
	return List{e}, err
}

// NewList is an empty list that takes key with its first item, whatever was there.
func (tx *Tx) NewList(key []byte) List { return List{tx.newElements(key, mvcc.List)} }

// Push adds items at an end, one behind the other, and returns the new length.
func (l *List) Push(end End, items ...[]byte) int {
	place := uint64(listMiddle)
	e, some := l.peek(end)
	if some && end == Left {
		place = e.Major - 1
	} else if some {
		place = e.Major + 1
	}
	for _, item := range items {
		if !l.live {
			l.make(HintCompact)
		}
		l.tx.mv.Push(&l.it, end == Right, mvcc.Element{Major: place, Value: item})
		if place++; end == Left {
			place -= 2
		}
	}
	return l.Len()
}

// peek is the element at an end, if there is one, good until the next change.
func (l *List) peek(end End) (mvcc.Element, bool) {
	switch {
	case !l.live:
		return mvcc.Element{}, false
	case end == Left:
		return l.tx.mv.First(&l.it)
	}
	return l.tx.mv.Last(&l.it)
}

// Peek is the item at an end, good until the next change.
func (l *List) Peek(end End) ([]byte, bool) {
	e, ok := l.peek(end)
	return e.Value, ok
}

// Pop takes the item at an end; it is good until the request ends.
func (l *List) Pop(end End) ([]byte, bool) {
	switch l.Len() {
	case 0:
		return nil, false
	case 1:
		e, _ := l.peek(end)
		item := append([]byte{}, e.Value...)
		l.end()
		return item, true
	}
	return l.tx.mv.Pop(&l.it, end == Right).Value, true
}

// Rotate takes the item at one end to another of the same list, which stays the key it is even if it has no other item. The list
// is not empty.
func (l *List) Rotate(from, to End) {
	e, _ := l.peek(from)
	place, name := e.Major, append([]byte(nil), e.Name...)
	if from == to || l.Len() < 2 { // stays where it is, but was written: who watches the key sees that, as in Redis
		l.put(mvcc.Element{Major: place, Name: name, Value: append([]byte{}, e.Value...)})
		return
	}
	l.Push(to, append([]byte{}, e.Value...))
	l.remove(mvcc.Element{Major: place, Name: name})
}

// Index turns an index that may count from the end into a rank; false when it is outside.
func Index(i int64, n int) (int, bool) {
	if i < 0 {
		i += int64(n)
	}
	return int(i), i >= 0 && i < int64(n)
}

// Set overwrites the item of an index; false when it is outside.
func (l *List) Set(index int64, item []byte) bool {
	i, ok := Index(index, l.Len())
	if !ok {
		return false
	}
	e, _ := l.now().At(i)
	l.put(mvcc.Element{Major: e.Major, Name: e.Name, Value: item})
	return true
}

// Insert puts item beside the first one that equals pivot; false if there is none.
func (l *List) Insert(before bool, pivot, item []byte) bool {
	if !l.live {
		return false
	}
	rank := -1
	l.now().Ascend(0, func(e *mvcc.Element) bool {
		rank++
		return string(e.Value) != string(pivot)
	})
	if e, ok := l.now().At(rank); !ok || string(e.Value) != string(pivot) {
		return false
	}
	if !before {
		rank++
	}
	place := l.between(rank, before)
	if len(place.Name) > fractionMax {
		l.renumber()
		place = l.between(rank, before)
	}
	place.Value = item
	l.put(place)
	return true
}

// between is a place for a new item of that rank. It leaves more room on the side of the pivot, where the next one may
// well be inserted too.
func (l *List) between(rank int, beforePivot bool) mvcc.Element {
	c := l.now()
	left, hasLeft := c.At(rank - 1)
	right, hasRight := c.At(rank)
	switch {
	case !hasLeft:
		return mvcc.Element{Major: right.Major - 1}
	case !hasRight:
		return mvcc.Element{Major: left.Major + 1}
	case right.Major-left.Major > 1:
		return mvcc.Element{Major: left.Major + 1}
	case right.Major-left.Major == 1:
		return mvcc.Element{Major: left.Major, Name: fraction(left.Name, nil, beforePivot)}
	}
	return mvcc.Element{Major: left.Major, Name: fraction(left.Name, right.Name, beforePivot)}
}

// renumber gives all items places of whole numbers again. It is for lists whose fractions have grown long, which takes
// hundreds of insertions into one gap.
func (l *List) renumber() {
	var items []mvcc.Element
	l.now().Ascend(0, func(e *mvcc.Element) bool {
		items = append(items, mvcc.Element{
			Major: e.Major, Name: append([]byte(nil), e.Name...), Value: append([]byte(nil), e.Value...),
		})
		return true
	})
	next := items[len(items)-1].Major + 1
	for _, e := range items {
		l.put(mvcc.Element{Major: next, Value: e.Value})
		l.remove(e)
		next++
	}
}

// Remove takes out items that equal item: count from the left, -count from the right, or all when 0. It returns how
// many.
func (l *List) Remove(count int64, item []byte) (removed int) {
	if !l.live {
		return 0
	}
	var found []mvcc.Element
	limit := max(count, -count)
	if count == math.MinInt64 {
		limit = math.MaxInt64
	}
	collect := func(e *mvcc.Element) bool {
		if string(e.Value) == string(item) {
			found = append(found, mvcc.Element{Major: e.Major, Name: append([]byte(nil), e.Name...)})
		}
		return count == 0 || int64(len(found)) < limit
	}
	if count < 0 {
		l.now().Descend(l.Len()-1, collect)
	} else {
		l.now().Ascend(0, collect)
	}
	for _, e := range found {
		l.remove(e)
	}
	return len(found)
}

// Trim keeps the items of the ranks from..to, both included; the key goes if there are none.
func (l *List) Trim(start, stop int64) {
	n := l.Len()
	from, to, ok := Span(start, stop, n)
	switch {
	case n == 0:
		return
	case !ok:
		l.end()
		return
	}
	for range n - 1 - to {
		l.tx.mv.Pop(&l.it, true)
	}
	for range from {
		l.tx.mv.Pop(&l.it, false)
	}
}

// Span turns a range of indexes that may count from the end into ranks, both included; false when it is empty.
func Span(start, stop int64, n int) (from, to int, ok bool) {
	size := int64(n)
	if start < 0 {
		start = max(start+size, 0)
	}
	if stop < 0 {
		stop += size
	}
	stop = min(stop, size-1)
	return int(min(start, size)), int(max(stop, -1)), start <= stop && start < size
}

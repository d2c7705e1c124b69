package keyspace

import (
	"cmp"
	"slices"

	"github.com/redoubt-db/redoubt/mvcc"
)

// A member of a set is an element of that name. A set whose members all read as integers, and are not too many, is what Redis
// holds as an intset; it shows them by number then.

// Set is the set at a key, to be changed.
type Set struct{ elements }

// SetAt is the set at key, which may be absent; ErrWrongType if it is another type.
func (tx *Tx) SetAt(key []byte) (Set, error) {
	e, err := tx.elements(key, mvcc.Set)
	return Set{e}, err
}

// Add adds a member; false, and no change, if it was one.
func (s *Set) Add(name []byte) bool {
	if s.Has(name) {
		return false
	}
	ints := !s.live || s.it.Hint == HintCompact
	if ints {
		if _, ints = ParseInt(name); !ints {
			s.large()
		}
	}
	s.put(mvcc.Element{Name: name})
	if ints && int64(s.Len()) > s.tx.space.limits.setInts {
		s.large()
	}
	return true
}

// Remove takes a member out; false if it is none.
func (s *Set) Remove(name []byte) bool { return s.remove(mvcc.Element{Name: name}) }

// Has tells whether name is a member.
func (s *Set) Has(name []byte) bool { return s.lookup(name) != nil }

// Pop takes out n members by chance, or as many as there are; they are good until the request ends.
func (s *Set) Pop(n int) [][]byte {
	n = min(n, s.Len())
	list := make([][]byte, 0, n)
	if n > 0 && n == s.Len() {
		names := arenaFor(n)
		s.now().Ascend(0, func(e *mvcc.Element) bool {
			list = append(list, names.copy(e.Name))
			return true
		})
		s.end()
		return list
	}
	for range n {
		list = append(list, s.tx.mv.RemoveAt(&s.it, s.tx.rng.below(s.Len())).Name)
	}
	if n > 0 && s.Len()*popMoves <= n {
		s.shrink()
	}
	return list
}

// popMoves is how many times more members Redis must pop than it leaves to make a new set of these, whose compact form may be
// again what it was at first.
const popMoves = 5

// shrink gives the set the compact form if that fits.
func (s *Set) shrink() {
	m, fits := s.Members(), s.it.Hint != HintCompact && int64(s.Len()) <= s.tx.space.limits.setInts
	m.each(func(name []byte) bool {
		if fits {
			_, fits = ParseInt(name)
		}
		return fits
	})
	if fits {
		a := s.it.Attr
		a.Hint = HintCompact
		s.it = s.tx.mv.SetAttr(s.tx.ks, s.key, a)
	}
}

// Members is the set as it is now, good until the next change of it.
func (s *Set) Members() Members {
	if !s.live {
		return Members{}
	}
	return Members{c: s.now(), there: true, ints: s.it.Hint == HintCompact}
}

// StoreSet makes key the set of those members, each named once, whatever was there, and tells the event; without members,
// the key goes. The names must not be of what is there.
func (tx *Tx) StoreSet(key []byte, names [][]byte, event string) {
	if len(names) == 0 {
		if tx.Delete(key) {
			tx.Notify(ClassGeneric, "del", key)
		}
		return
	}
	e := tx.newElements(key, mvcc.Set)
	e.make(tx.space.limits.set(names))
	for _, name := range names {
		e.put(mvcc.Element{Name: name})
	}
	tx.Notify(ClassSet, event, key)
}

// Members is a set to be read. The zero value is that of an absent key, and has none.
type Members struct {
	c     mvcc.Collection
	there bool
	ints  bool // all are integers, and Redis would show them in order
}

// SetAt is the set at key, empty if there is none; ErrWrongType if it is of another type. It is good while the view is.
func (v *View) SetAt(key []byte) (Members, error) {
	it, ok := v.Lookup(key)
	if !ok {
		return Members{}, nil
	}
	if it.Type != mvcc.Set {
		return Members{}, ErrWrongType
	}
	v.noteUse(it)
	return Members{c: v.open(it), there: true, ints: it.Hint == HintCompact}, nil
}

// Exists tells whether the key exists.
func (m *Members) Exists() bool { return m.there }

// Ints tells whether all members are integers and shown in order: see All.
func (m *Members) Ints() bool { return m.ints }

// Len is the number of members.
func (m *Members) Len() int {
	if !m.there {
		return 0
	}
	return m.c.Len()
}

// Has tells whether name is a member.
func (m *Members) Has(name []byte) bool {
	if !m.there {
		return false
	}
	_, ok := m.c.Lookup(name)
	return ok
}

// At is the member of a number below Len.
func (m *Members) At(i int) []byte {
	e, _ := m.c.At(i)
	return e.Name
}

// All calls fn with the members until it returns false; with integers by number.
func (m *Members) All(fn func(name []byte) bool) {
	switch {
	case !m.there:
	case m.ints:
		list := make([][]byte, 0, m.Len())
		m.each(func(name []byte) bool {
			list = append(list, name)
			return true
		})
		inOrder(list, fn)
	default:
		m.each(fn)
	}
}

func (m *Members) each(fn func(name []byte) bool) {
	if m.there {
		m.c.Ascend(0, func(e *mvcc.Element) bool { return fn(e.Name) })
	}
}

// inOrder calls fn with integers by number.
func inOrder(names [][]byte, fn func(name []byte) bool) {
	type numbered struct {
		n    int64
		name []byte
	}
	list := make([]numbered, len(names))
	for i, name := range names {
		n, _ := ParseInt(name)
		list[i] = numbered{n, name}
	}
	slices.SortFunc(list, func(a, b numbered) int { return cmp.Compare(a.n, b.n) })
	for _, m := range list {
		if !fn(m.name) {
			return
		}
	}
}

// Scan calls fn with about count members from the cursor on, and returns the cursor to go on with, as mvcc.Collection's does.
// Integers are shown as a whole.
func (m *Members) Scan(cursor uint64, count int, fn func(name []byte)) (next uint64) {
	if !m.there || m.ints {
		m.All(func(name []byte) bool {
			fn(name)
			return true
		})
		return 0
	}
	return m.c.Scan(cursor, count, func(e *mvcc.Element) { fn(e.Name) })
}

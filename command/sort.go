package command

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

const errSortNumber Error = "ERR One or more scores can't be converted into double"

// Sorts are SORT and its reading variant.
func Sorts() []Spec {
	const (
		cost  = "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N)."
		byGet = "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort"
		store = "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array"
	)
	sorted := KeySpec{Index: 1, Access: "RO access"}
	unknown := KeySpec{Access: "RO access", Notes: byGet}
	categories := acl.Set | acl.SortedSet | acl.List | acl.Dangerous
	return []Spec{
		{Name: "SORT", Syntax: "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]",
			Summary: "Sort the elements in a list, set or sorted set", Since: "1.0.0", Group: "generic", Complexity: cost,
			Arity: AtLeast(2), Keys: Keys{First: 1, Last: 1, Step: 1, Find: sortKeys}.With(sorted, unknown, KeySpec{Access: "OW update", Notes: store}),
			Flags: DenyOOM | Movable, ACL: categories, Differs: servedAsRead("no STORE"), Read: sortRead, Write: sortInto, Stores: sortStores},
		{Name: "SORT_RO", Syntax: "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]",
			Summary: "Sort the elements in a list, set or sorted set. Read-only variant of SORT.", Since: "7.0.0", Group: "generic", Complexity: cost,
			Arity: AtLeast(2), Keys: KeyAt(1).With(sorted, unknown), Flags: Movable, ACL: categories, Read: sortRead},
	}
}

// sortKeys are the key sorted and the last destination, as Redis finds them.
func sortKeys(argv [][]byte) []int {
	positions := []int{1}
	store := 0
	for i := 2; i < len(argv); i++ {
		a := args(argv)
		switch {
		case a.Is(i, "LIMIT"):
			i += 2
		case a.Is(i, "GET"), a.Is(i, "BY"):
			i++
		case a.Is(i, "STORE") && i+1 < len(argv):
			store = i + 1
			i++
		}
	}
	if store > 0 {
		positions = append(positions, store)
	}
	return positions
}

func sortStores(argv [][]byte) bool { return len(sortKeys(argv)) > 1 }

// sorting reads the options; store is the destination, nil when none is given or allowed.
func (a args) sorting(mayStore bool) (s keyspace.Sorting, store []byte, err error) {
	s.Count = -1
	for i := 2; i < len(a); i++ {
		left := len(a) - i - 1
		switch {
		case a.Is(i, "ASC"):
			s.Descending = false
		case a.Is(i, "DESC"):
			s.Descending = true
		case a.Is(i, "ALPHA"):
			s.Alpha = true
		case a.Is(i, "LIMIT") && left >= 2:
			if s.Offset, err = a.Int(i + 1); err != nil {
				return s, nil, err
			}
			if s.Count, err = a.Int(i + 2); err != nil {
				return s, nil, err
			}
			i += 2
		case a.Is(i, "STORE") && left >= 1 && mayStore:
			store, s.Stable = a[i+1], true
			i++
		case a.Is(i, "BY") && left >= 1:
			s.By = append([]byte{}, a[i+1]...)
			i++
		case a.Is(i, "GET") && left >= 1:
			s.Get = append(s.Get, a[i+1])
			i++
		default:
			return s, nil, errSyntax
		}
	}
	return s, store, nil
}

func sortReply(items [][]byte) resp.Value {
	list := make([]resp.Value, 0, len(items))
	for _, item := range items {
		if item == nil {
			list = append(list, resp.Null())
		} else {
			list = append(list, resp.Bulk(item))
		}
	}
	return resp.Array(list...)
}

func sortRead(c *ReadCall) (resp.Value, error) {
	s, _, err := c.sorting(false)
	if err != nil {
		return resp.None, err
	}
	items, err := c.View.Sort(c.At(1), s)
	return sortReply(items), err
}

func sortInto(c *WriteCall) (resp.Value, error) {
	s, store, err := c.sorting(true)
	if err != nil {
		return resp.None, err
	}
	c.Tx.Lookup(c.At(1)) // what is due goes first
	view := c.Tx.ReadView()
	items, err := view.Sort(c.At(1), s)
	if err != nil || store == nil {
		return sortReply(items), err
	}
	var copies [][]byte
	for _, item := range items {
		copies = append(copies, append([]byte{}, item...))
	}
	if len(copies) == 0 {
		if c.Tx.Delete(store) {
			c.Tx.Notify(keyspace.ClassGeneric, "del", store)
		}
		return resp.Int(0), nil
	}
	l := c.Tx.NewList(store)
	n := l.Push(keyspace.Right, copies...)
	c.Tx.Notify(keyspace.ClassList, "sortstore", store)
	return resp.Int(int64(n)), nil
}

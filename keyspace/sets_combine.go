package keyspace

import "slices"

// Combine calls fn with each member of a combination of sets, once, until it returns false.
type Combine func(sets []Members, fn func(name []byte) bool)

// Inter is what all sets have in common: it walks over the smallest.
func Inter(sets []Members, fn func(name []byte) bool) {
	sets = slices.Clone(sets)
	slices.SortStableFunc(sets, func(a, b Members) int { return a.Len() - b.Len() })
	sets[0].All(func(name []byte) bool {
		for i := range sets[1:] {
			if !sets[i+1].Has(name) {
				return true
			}
		}
		return fn(name)
	})
}

// Diff is the first set without what is in the others.
func Diff(sets []Members, fn func(name []byte) bool) {
	others := slices.DeleteFunc(slices.Clone(sets[1:]), func(m Members) bool { return !m.there })
	slices.SortStableFunc(others, func(a, b Members) int { return b.Len() - a.Len() })
	sets[0].All(func(name []byte) bool {
		for i := range others {
			if others[i].Has(name) {
				return true
			}
		}
		return fn(name)
	})
}

// unionLookups is in how many sets Union looks for a member before it gathers what was met instead.
const unionLookups = 4

// Union is what is in any of the sets. Integers come by number if there is nothing else.
func Union(sets []Members, fn func(name []byte) bool) {
	sets = slices.DeleteFunc(slices.Clone(sets), func(m Members) bool { return !m.there })
	if slices.ContainsFunc(sets, func(m Members) bool { return !m.ints }) {
		unionEach(sets, fn)
		return
	}
	var list [][]byte
	unionEach(sets, func(name []byte) bool {
		list = append(list, name)
		return true
	})
	inOrder(list, fn)
}

func unionEach(sets []Members, fn func(name []byte) bool) {
	slices.SortStableFunc(sets, func(a, b Members) int { return b.Len() - a.Len() })
	met := map[string]bool{}
	more := true
	for i := range sets {
		sets[i].each(func(name []byte) bool {
			if i > unionLookups {
				if met[string(name)] {
					return true
				}
				met[string(name)] = true
			}
			for j := range min(i, unionLookups+1) {
				if sets[j].Has(name) {
					return true
				}
			}
			more = fn(name)
			return more
		})
		if !more {
			return
		}
	}
}

// CombineNames are the members of a combination, copied.
func CombineNames(how Combine, sets []Members) [][]byte {
	var list [][]byte
	var names arena
	how(sets, func(name []byte) bool {
		list = append(list, names.copy(name))
		return true
	})
	return list
}

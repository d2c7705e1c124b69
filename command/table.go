package command

import "fmt"

// nameMax is longer than any command's name; longer words are unknown without a look-up.
const nameMax = 64

// Table finds commands by name. It is not changed after New, so any goroutine may read it.
type Table struct {
	byName map[string]*Spec
	list   []*Spec
}

// NewTable joins families in order. A name declared twice is a bug and panics.
func NewTable(families ...[]Spec) *Table {
	t := &Table{byName: map[string]*Spec{}}
	for _, family := range families {
		for i := range family {
			s := &family[i]
			if t.byName[s.Name] != nil {
				panic(fmt.Sprintf("command: %s declared twice", s.Name))
			}
			t.byName[s.Name] = s
			t.list = append(t.list, s)
		}
	}
	return t
}

// Lookup finds a command by name in any case; nil if there is none. It does not allocate.
func (t *Table) Lookup(name []byte) *Spec {
	var upper [nameMax]byte
	if len(name) > nameMax {
		return nil
	}
	return t.byName[string(upper[:copyUpper(upper[:], name)])]
}

// List is every command in the order declared; not to be changed.
func (t *Table) List() []*Spec { return t.list }

// Lookup finds a subcommand by name in any case; nil if there is none.
func (s *Spec) Lookup(name []byte) *Spec {
	for i := range s.Sub {
		if equalFold(name, s.Sub[i].Name) {
			return &s.Sub[i]
		}
	}
	return nil
}

func copyUpper(dst, src []byte) int {
	for i, c := range src {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		dst[i] = c
	}
	return len(src)
}

// equalFold compares an argument with an upper-case ASCII word.
func equalFold(arg []byte, word string) bool {
	if len(arg) != len(word) {
		return false
	}
	for i, c := range arg {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

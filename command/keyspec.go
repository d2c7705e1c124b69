package command

import "strings"

// KeySpec is one of the key specifications that COMMAND INFO shows. Most commands need none: theirs is
// derived from Keys. It is for those whose keys are not all used alike, or not all found alike.
type KeySpec struct {
	Access  string // as COMMAND shows it: "RW access update"
	Notes   string
	Index   int    // where the search begins; if it is not 0
	Keyword string // else behind this word, looked for from argument From on, a negative one from the end
	From    int    // neither: only code can tell
	Last    int    // of a range, from where it begins, or from the end if negative
	Step    int    // of a range or of counted keys; 0 is 1
	Limit   int    // of a range with Last -1: how many times less of the rest are keys; 0 is all
	Counted bool   // where the search begins is the number of keys, which follow
}

// keyAccess is how access letters and words are ordered in replies.
func keyAccess() []string {
	return []string{"RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags"}
}

// As tells what a command does with its keys, in COMMAND's words: "RW access update".
func (k Keys) As(access string) Keys {
	k.Access = access
	return k
}

// Noted explains what As told.
func (k Keys) Noted(notes string) Keys {
	k.Notes = notes
	return k
}

// Varies tells what a command does with its keys where that depends on args.
func (k Keys) Varies(access func(args [][]byte) string) Keys {
	k.AccessBy = access
	return k
}

// With gives key specifications that k alone does not tell.
func (k Keys) With(specs ...KeySpec) Keys {
	k.Specs = specs
	return k
}

// any tells whether there are keys at all.
func (k Keys) any() bool { return k.First > 0 || k.Counted > 0 || k.Find != nil }

// keySpecs are the key specifications of s, those derived included.
func (s *Spec) keySpecs() []KeySpec {
	k := s.Keys
	if len(k.Specs) > 0 || !k.any() {
		return k.Specs
	}
	derived := KeySpec{Access: k.Access, Notes: k.Notes}
	if derived.Access == "" {
		derived.Access = s.usualAccess()
	}
	switch {
	case k.Counted > 0:
		derived.Index, derived.Counted = k.Counted, true
	case k.First > 0:
		derived.Index, derived.Last, derived.Step = k.First, k.Last, k.Step
		if k.Last > 0 {
			derived.Last -= k.First
		}
	}
	return []KeySpec{derived}
}

func (s *Spec) usualAccess() string {
	if s.Writes() {
		return "RW update"
	}
	return "RO access"
}

// covers tells whether the specification finds position p in args.
func (ks *KeySpec) covers(p int, args [][]byte) bool {
	begin := ks.begin(args)
	if begin <= 0 || begin >= len(args) {
		return false
	}
	if ks.Counted {
		n, ok := parseInt(args[begin])
		return ok && p > begin && int64(p) <= int64(begin)+n
	}
	last := begin + ks.Last
	if ks.Last < 0 {
		last = len(args) + ks.Last
		if ks.Limit > 1 {
			last = begin + (len(args)-begin)/ks.Limit + ks.Last
		}
	}
	return p >= begin && p <= last && (p-begin)%max(ks.Step, 1) == 0
}

// begin is where the search for keys begins; 0 if that is nowhere.
func (ks *KeySpec) begin(args [][]byte) int {
	if ks.Keyword == "" {
		return ks.Index
	}
	i, by := ks.From, 1
	if i < 0 {
		i, by = len(args)+i, -1
	}
	for ; i > 0 && i < len(args); i += by {
		if strings.EqualFold(string(args[i]), ks.Keyword) {
			return i + 1
		}
	}
	return 0
}

// accessOf is what the key at position p of args is used for.
func (s *Spec) accessOf(p int, args [][]byte) string {
	if s.Keys.AccessBy != nil {
		return s.Keys.AccessBy(args)
	}
	specs := s.keySpecs()
	for i := range specs {
		if specs[i].covers(p, args) {
			return specs[i].Access
		}
	}
	return specs[len(specs)-1].Access // the optional ones that only code finds stand last
}

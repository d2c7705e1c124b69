// Package command declares the commands that touch keys, one file per family, and runs their syntax:
// arguments in, keyspace calls, replies out. It knows no storage, no session and no clock.
//
// What a command does to the data is the same for ever on every member of a cluster, whatever its program. A change of it is a semantics version
// (keyspace/semantics.go): the handler asks the Tx or the View whether it is in force, and does as before where it is not; a new command says Needs.
package command

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// Spec declares one command or subcommand. Everything that is known of a command is derived from it:
// routing, arity errors, COMMAND and its subcommands, ACL categories, docs/commands.md.
//
// Exactly one of Read and Write is set for a command on keys, or both with Stores. Neither means a session command,
// which server runs by the same name; a container of subcommands has none either.
type Spec struct {
	Name       string // upper case; a subcommand's own word only ("SET" of CONFIG SET)
	Syntax     string // arguments as in Redis' documentation, without the name
	Summary    string // a sentence
	Since      string // version of Redis that has it, or "redoubt" for our own
	Group      string // Redis' documentation group: "string", "generic", "bitmap", ...; "redoubt" for our own
	Complexity string
	Arity      Arity
	Keys       Keys
	Flags      Flags
	ACL        acl.Category // the family, and Dangerous or Admin where it deserves it; the rest is derived
	Tips       []string     // COMMAND's hints, as "nondeterministic_output"
	Differs    string       // how it is not as Redis has it, a sentence for the docs; empty is not at all
	Sub        []Spec
	TimeoutAt  int                // where a command that may wait says for how long; from the end if negative
	Needs      keyspace.Semantics // version from which on there is such a command; 0 is the first

	// Read answers from a view and cannot write. It runs on an event loop under the store's read lock.
	Read func(*ReadCall) (resp.Value, error)
	// Write runs in apply, on every replica. An error rolls back what the call changed.
	Write func(*WriteCall) (resp.Value, error)
	// Stores tells, of a command that may write, whether it does with these arguments: SORT with STORE. If not, Read answers,
	// of any node and without a log entry. In a request of the log Write runs whatever it says, and must answer the same.
	// Arguments that are wrong may be either's.
	Stores func(argv [][]byte) bool
	// Idle answers, of a command that writes, where it changes nothing, as DEL of keys that are not there; ok is false where it might change something, or
	// cannot tell cheaply. A node that may read may answer so without a log entry, if Need of the view is 0
	// behind it. It takes no note of use, and Write must answer the same.
	Idle func(*ReadCall) (v resp.Value, ok bool)
}

// Flags say how a command behaves. Write and readonly are not among them: they follow from the handler.
type Flags uint32

const (
	Fast            Flags = 1 << iota // constant or logarithmic time
	DenyOOM                           // may grow memory: refused when there is none to be had
	Admin                             // for operators
	PubSub                            // pub/sub
	NoScript                          // not from scripts
	Blocking                          // may wait
	Loading                           // allowed while loading
	Stale                             // allowed on a stale replica
	SkipSlowlog                       // its arguments may hold secrets
	NoAuth                            // allowed before AUTH
	NoMulti                           // not inside MULTI
	AllowBusy                         // allowed while a script runs too long
	Protected                         // only with enable-debug-command or the like
	NoMandatoryKeys                   // keys may be absent
	MayReplicate                      // as PUBLISH
	Movable                           // key positions depend on the arguments
	// Immediate: a session command without effects on data and without sight of it, that need not wait for
	// the replies before it on its connection to be ready; its own reply still waits its turn.
	Immediate
	// Internal: proposed by the server itself; a client that sends it gets "unknown command".
	Internal
	// Long: a read whose cost grows with the number of keys; never run on an event loop.
	Long
	// WriteFlag marks a session command that counts as a write for COMMAND and ACL.
	WriteFlag
	// ReadFlag marks a session command that counts as a read for COMMAND and ACL.
	ReadFlag
	SkipMonitor    // not shown by MONITOR
	NoAsyncLoading // not while a replica loads and answers from what it had
)

// Arity is how many arguments a command takes, its name included. Max < 0 is no limit.
type Arity struct{ Min, Max int }

// Exactly n arguments, the name included.
func Exactly(n int) Arity { return Arity{n, n} }

// AtLeast n arguments, the name included.
func AtLeast(n int) Arity { return Arity{n, -1} }

// Between lo and hi arguments. COMMAND shows it as at least lo, as Redis does for such commands.
func Between(lo, hi int) Arity { return Arity{lo, hi} }

// Allows tells whether n arguments, the name included, are as declared.
func (a Arity) Allows(n int) bool { return n >= a.Min && (a.Max < 0 || n <= a.Max) }

// Number is COMMAND's form: negative for a minimum.
func (a Arity) Number() int {
	if a.Max == a.Min {
		return a.Min
	}
	return -a.Min
}

// Keys says where a command's keys stand. The zero value is no keys.
type Keys struct {
	First, Last, Step int                       // as in COMMAND: Last < 0 counts from the end; First 0 is none here
	Counted           int                       // index of the argument that tells how many keys follow; 0 is none
	Find              func(args [][]byte) []int // the exception: positions by code

	Access   string                     // what is done with them, in COMMAND's words; empty is the usual of a read or a write
	AccessBy func(args [][]byte) string // where that depends on the arguments
	Notes    string                     // on Access, for COMMAND
	Specs    []KeySpec                  // where one derived specification does not say it all
}

// KeyAt is one key at position i.
func KeyAt(i int) Keys { return Keys{First: i, Last: i, Step: 1} }

// KeysFromTo is every step-th argument from first to last; a negative last counts from the end.
func KeysFromTo(first, last, step int) Keys { return Keys{First: first, Last: last, Step: step} }

// KeysCounted is as many keys as argument i says, behind it.
func KeysCounted(i int) Keys { return Keys{Counted: i} }

// KeysBy finds the positions by code.
func KeysBy(find func(args [][]byte) []int) Keys { return Keys{Find: find} }

// Positions are the indexes of the keys in args, in order; positions past the end of args are left out.
func (k Keys) Positions(dst []int, args [][]byte) []int {
	switch {
	case k.Find != nil:
		return append(dst, k.Find(args)...)
	case k.Counted > 0:
		return k.counted(dst, args)
	case k.First == 0:
		return dst
	}
	last := k.Last
	if last < 0 {
		last += len(args)
	}
	for i := k.First; i <= last && i < len(args); i += k.Step {
		dst = append(dst, i)
	}
	return dst
}

func (k Keys) counted(dst []int, args [][]byte) []int {
	if k.Counted >= len(args) {
		return dst
	}
	n, ok := parseInt(args[k.Counted])
	if !ok || n <= 0 || n > int64(len(args)-k.Counted-1) {
		return dst
	}
	for i := range int(n) {
		dst = append(dst, k.Counted+1+i)
	}
	return dst
}

// IsSession tells a command that server runs.
func (s *Spec) IsSession() bool { return s.Read == nil && s.Write == nil }

// Writes tells a command that counts as a write for COMMAND and ACL: not one that only has to travel with the writes.
func (s *Spec) Writes() bool {
	return s.Write != nil && s.Flags&MayReplicate == 0 || s.Flags&WriteFlag != 0
}

// ReadsOnly tells a command that stores nothing with these arguments: Read answers it.
func (s *Spec) ReadsOnly(argv [][]byte) bool {
	return s.Read != nil && (s.Write == nil || !s.Stores(argv))
}

// Reading is the command as it is where it stores nothing: a read, which needs no memory. Nil if there is no such form.
func (s *Spec) Reading() *Spec {
	if s.Stores == nil {
		return nil
	}
	r := *s
	r.Write, r.Stores, r.Flags = nil, nil, s.Flags&^DenyOOM
	return &r
}

// servedAsRead is how a command with Stores differs from Redis, where it needs memory and a master whatever it is asked.
func servedAsRead(when string) string {
	return "With " + when + " it is a read: any node answers it, also under AT or READONLY or when there is no memory."
}

// Reads tells a command that counts as a read for COMMAND and ACL: not one without sight of data, as HELP.
func (s *Spec) Reads() bool {
	return s.Read != nil && s.Write == nil && s.Flags&Immediate == 0 && s.ACL&acl.Scripting == 0 || s.Flags&ReadFlag != 0
}

// Categories are the ACL categories declared and those derived from handler and flags, as Redis derives them.
func (s *Spec) Categories() acl.Category {
	c := s.ACL
	if s.Writes() {
		c |= acl.Write
	}
	if s.Reads() {
		c |= acl.Read
	}
	if s.Flags&Admin != 0 {
		c |= acl.Admin | acl.Dangerous
	}
	if s.Flags&PubSub != 0 {
		c |= acl.PubSub
	}
	if s.Flags&Blocking != 0 {
		c |= acl.Blocking
	}
	if s.Flags&Fast != 0 {
		return c | acl.Fast
	}
	return c | acl.Slow
}

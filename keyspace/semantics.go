package keyspace

// Semantics is a version of what commands mean. The state has one, the same on every replica at each place of the log: members of an older program
// apply the same entries, and a newer one applies again what was proposed and applied before it was started. So what a command does to the data is
// changed only behind a question, in its handler or below:
//
//	if c.Tx.Since(keyspace.SemanticsOfWhatever) {
//		// as it is from that version on
//	}
//	// as it was: untouched, for ever
//
// A new option is such a change too, since older members call it an error; so is another error than before, for it takes back what was done. What only
// shapes a reply is none. Idle asks the View the same question; Stores, which can ask nobody, says that arguments write if they do in any version.
type Semantics uint64

// The versions, oldest first. A change adds one here, with what it changed, and uses it where it asks; nothing is ever taken out or moved. A program
// knows all of its list. A command that there was not before names its version in command.Spec.Needs. internal/lint holds
// that, and a line of sm's golden test what a log means at each version.
const (
	SemanticsFirst Semantics = iota + 1 // the first release
	semanticsEnd
)

// SemanticsNewest is the last one that this program knows.
const SemanticsNewest = semanticsEnd - 1

// PutInForce makes a version that which commands ask for. The state machine calls it, where its log says so. It needs the store's lock, or that nobody
// else has the Space.
func (s *Space) PutInForce(v Semantics) { s.semantics = v }

// Since tells whether a version, or a later one, is in force at this place of the log.
func (tx *Tx) Since(v Semantics) bool { return tx.space.semantics >= v }

// Since tells whether a version, or a later one, is in force: in a view of the past, too, today's.
func (v *View) Since(version Semantics) bool { return v.space.semantics >= version }

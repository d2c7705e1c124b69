// Package conf knows every directive of the server: redis.conf's syntax, one table of directives, and what follows from the
// table alone: command-line options, CONFIG GET, SET and REWRITE, notices at start, and docs/configuration.md.
//
// A new directive is one literal in one of the table_*.go files. Nothing else has to be told.
package conf

// Kind is the type of a directive's value: how it is read, checked and shown.
type Kind int

// The kinds. Those marked "words" take several arguments in a file and one string with spaces in CONFIG SET.
const (
	Bool         Kind = iota + 1 // yes or no
	Integer                      // a decimal number between Min and Max
	Octal                        // file permissions
	Memory                       // bytes: 100, 1k is 1000, 1kb is 1024, also m, mb, g, gb
	MemoryShare                  // Memory, or a percentage of maxmemory written 10%
	Duration                     // milliseconds, or a number with ms, s, m, h or d; shown in milliseconds
	String                       // any bytes
	Enum                         // one of Values
	Flags                        // words: a combination of Values
	SavePoints                   // words: pairs of seconds and changes; lines of a file add up
	OutputLimits                 // words: class, hard limit, soft limit, soft seconds; classes not named keep theirs
	OOMScores                    // words: three adjustments of the kernel's OOM score
	KeyEvents                    // the classes of keyspace notifications, a set of letters
	Addresses                    // words: addresses to listen on
	HostPort                     // words: a host and a port, or "no one"
	Percentiles                  // words: numbers between 0 and 100
	Path                         // a directory, made absolute when the process starts
)

// words tells whether the value is several arguments in a file.
func (k Kind) words() bool {
	switch k {
	case Flags, SavePoints, OutputLimits, OOMScores, Addresses, HostPort, Percentiles:
		return true
	}
	return false
}

// Scope tells whose a value is.
type Scope int

// The scopes.
const (
	Node    Scope = iota + 1 // each node has its own
	Cluster                  // all nodes agree: a change goes through the log, a mismatch at join is refused
)

// Meaning tells whether a value changes anything.
type Meaning int

// The meanings.
const (
	Active             Meaning = iota + 1 // the server acts on it
	AcceptedWithNotice                    // kept and shown as Redis does, without effect; Directive.Why says why
)

// Directive is one row of the table. A value of Redis' has Redis' name, kind, bounds and default, unless its Summary says otherwise.
type Directive struct {
	Name    string
	Aliases []string // older names, shown by CONFIG GET beside Name
	Section string   // the heading in the documentation
	Kind    Kind
	Default string   // as it would be written in a file
	Min     int64    // of Integer, Octal, Memory, MemoryShare (negative: the largest percentage) and Duration
	Max     int64    // with Min both zero: any 64-bit pattern, shown unsigned
	Values  []string // of Enum and Flags, in the order error messages list them

	// A number within the bounds is only a wish where these are not zero: it is brought between them.
	clampMin, clampMax int64

	Scope     Scope
	Mutable   bool // CONFIG SET may change it
	Protected bool // CONFIG SET may change it only as enable-protected-configs allows
	Sensitive bool // its value must not reach logs, SLOWLOG or MONITOR
	Hidden    bool // shown by CONFIG GET only to those who name it in full
	Volatile  bool // CONFIG SET to the same value is a change: the file it names may have a new content
	Unset     bool // an empty value means "not set", and CONFIG REWRITE then leaves no line

	Meaning Meaning
	Summary string // what an Active directive does: a sentence
	Why     string // why an AcceptedWithNotice directive does nothing: a sentence

	valid func(value string) error // a further check of a String or Flags value
}

// Directives returns the table in the order of the documentation. The slice is the caller's; what its elements point to is not.
func Directives() []Directive {
	var all []Directive
	for _, section := range sections() {
		for _, d := range section.directives {
			d.Section = section.title
			all = append(all, d)
		}
	}
	return all
}

type section struct {
	title      string
	directives []Directive
}

// sections lists the table_*.go files in reading order.
func sections() []section {
	return []section{
		{"Redoubt", redoubtDirectives()},
		{"Network", networkDirectives()},
		{"TLS", tlsDirectives()},
		{"General", generalDirectives()},
		{"Security", securityDirectives()},
		{"Clients and memory", memoryDirectives()},
		{"Observability", observabilityDirectives()},
		{"Data types", typeDirectives()},
		{"Persistence of Redis", persistenceDirectives()},
		{"Replication of Redis", replicationDirectives()},
		{"Redis Cluster", clusterDirectives()},
	}
}

// catalog finds directives by name. It is built once per Set and never changes.
type catalog struct {
	list   []Directive
	index  map[string]int // by name and alias, in lower case
	sorted []string       // every name and alias
}

func (c *catalog) find(name string) (int, bool) {
	i, ok := c.index[lowerASCII(name)]
	return i, ok
}

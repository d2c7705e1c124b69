package conf

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redoubt-db/redoubt/internal/glob"
)

// raftPortOffset is the distance of Redis' cluster bus from the client port, kept for Raft.
const raftPortOffset = 10000

// Set is the configuration of one node. Any goroutine may read it at any time; a reader sees all of a change or nothing of it.
type Set struct {
	view    atomic.Pointer[View]
	file    string     // absolute path of the configuration file, empty without one
	renames []Rename   // of rename-command, in order
	users   [][]string // the words of each user directive, in order

	mu          sync.Mutex // held through Change and Rewrite. A subscriber runs under it and must call neither.
	subscribers []func(changed []string)
}

// View is the configuration at one moment. It never changes. Its methods panic on a name that is not in the table and on a
// kind they do not read: both are mistakes in this program, not in a file.
//
// A lookup costs a hash of the name. A loop that runs per command reads its values once per change, by Subscribe.
type View struct {
	catalog *catalog
	values  []value // as catalog.list
}

// Default returns the configuration of a node that was told nothing.
func Default() *Set {
	c := newCatalog()
	values := make([]value, len(c.list))
	for i := range c.list {
		d := &c.list[i]
		v, err := d.parseText(d.Default)
		if err != nil {
			panic(fmt.Sprintf("conf: default %q of %s: %v", d.Default, d.Name, err))
		}
		values[i] = v
	}
	s := &Set{}
	s.view.Store(&View{catalog: c, values: values})
	return s
}

// parseText reads a default.
func (d *Directive) parseText(text string) (value, error) {
	if d.Kind.words() {
		return d.parse(strings.Fields(text), value{})
	}
	if text == "" && d.Unset {
		return value{}, nil
	}
	return d.parse([]string{text}, value{})
}

func newCatalog() *catalog {
	c := &catalog{list: Directives(), index: make(map[string]int)}
	for i, d := range c.list {
		for _, name := range append([]string{d.Name}, d.Aliases...) {
			if _, twice := c.index[name]; twice {
				panic("conf: directive " + name + " is in the table twice")
			}
			c.index[name] = i
			c.sorted = append(c.sorted, name)
		}
	}
	slices.Sort(c.sorted)
	return c
}

// View returns the configuration of this moment.
func (s *Set) View() *View { return s.view.Load() }

// File returns the absolute path of the configuration file, or an empty string.
func (s *Set) File() string { return s.file }

// Renames returns what rename-command asked for, in order. Whether such commands exist is for the caller to check; Rename.Error
// makes the message that stops the start.
func (s *Set) Renames() []Rename { return slices.Clone(s.renames) }

// Users returns the words behind each user directive, in order.
func (s *Set) Users() [][]string { return slices.Clone(s.users) }

// Bool reads a Bool. See View.
func (s *Set) Bool(name string) bool { return s.View().Bool(name) }

// Int reads a number. See View.
func (s *Set) Int(name string) int64 { return s.View().Int(name) }

// Bytes reads a Memory. See View.
func (s *Set) Bytes(name string) int64 { return s.View().Bytes(name) }

// String reads a value of any kind as CONFIG GET shows it. See View.
func (s *Set) String(name string) string { return s.View().String(name) }

// List reads the words of a value. See View.
func (s *Set) List(name string) []string { return s.View().List(name) }

// Get is CONFIG GET. See View.
func (s *Set) Get(patterns ...[]byte) [][2]string { return s.View().Get(patterns...) }

// Allows judges a protected action. See View.
func (s *Set) Allows(name string, local bool) bool { return s.View().Allows(name, local) }

// Lookup finds a directive by name. See View.
func (s *Set) Lookup(name string) (Directive, bool) { return s.View().Lookup(name) }

// RaftPort is the port for other members. See View.
func (s *Set) RaftPort() (int64, error) { return s.View().RaftPort() }

func (v *View) read(name string, kinds ...Kind) value {
	i, ok := v.catalog.index[name]
	if !ok {
		panic("conf: no directive " + name)
	}
	if kind := v.catalog.list[i].Kind; len(kinds) > 0 && !slices.Contains(kinds, kind) {
		panic(fmt.Sprintf("conf: directive %s has kind %d", name, kind))
	}
	return v.values[i]
}

// Bool reads a Bool.
func (v *View) Bool(name string) bool { return v.read(name, Bool).num != 0 }

// Int reads an Integer, an Octal or a Duration (in milliseconds).
func (v *View) Int(name string) int64 { return v.read(name, Integer, Octal, Duration).num }

// Bytes reads a Memory. What does not fit is the largest int64.
func (v *View) Bytes(name string) int64 {
	n := v.read(name, Memory).num
	if n < 0 {
		return math.MaxInt64
	}
	return n
}

// BytesOf reads a MemoryShare: its bytes, or its percentage of total.
func (v *View) BytesOf(name string, total int64) int64 {
	n := v.read(name, MemoryShare).num
	if n < 0 {
		return int64(float64(total) * float64(-n) / 100)
	}
	return n
}

// String reads a value of any kind as CONFIG GET shows it: an Enum by its name.
func (v *View) String(name string) string { return v.read(name).text }

// List reads the words of Addresses, Flags, SavePoints, OOMScores, HostPort or Percentiles. The slice is the caller's.
func (v *View) List(name string) []string {
	return strings.Fields(v.read(name, Addresses, Flags, SavePoints, OOMScores, HostPort, Percentiles).text)
}

// KeyEvents reads notify-keyspace-events: the letters of its classes, with A written out.
func (v *View) KeyEvents() string {
	return eventLetters(v.read("notify-keyspace-events", KeyEvents).num)
}

// Canonical reads a value of any kind as text that means all of it: CONFIG GET shows notify-keyspace-events as A whether or
// not n is among its classes.
func (v *View) Canonical(name string) string {
	if d, ok := v.Lookup(name); ok && d.Kind == KeyEvents {
		return v.KeyEvents()
	}
	return v.String(name)
}

// OutputLimit reads the limit of a class of clients: normal, slave or pubsub.
func (v *View) OutputLimit(class string) OutputLimit {
	numbers, ok := splitOutputLimits(v.read("client-output-buffer-limit", OutputLimits).text)[class]
	if !ok {
		panic("conf: no class " + class + " of client-output-buffer-limit")
	}
	return OutputLimit{Hard: clampUint(numbers[0]), Soft: clampUint(numbers[1]), SoftSeconds: clampUint(numbers[2])}
}

func clampUint(text string) int64 {
	n, _ := strconv.ParseUint(text, 10, 64)
	return int64(min(n, math.MaxInt64))
}

// Lookup finds a directive by name or alias, in any case.
func (v *View) Lookup(name string) (Directive, bool) {
	i, ok := v.catalog.find(name)
	if !ok {
		return Directive{}, false
	}
	return v.catalog.list[i], true
}

// Allows judges an action guarded by name, one of enable-protected-configs, enable-debug-command and enable-module-command.
// Local tells that the client comes over loopback or a unix socket.
func (v *View) Allows(name string, local bool) bool {
	switch v.read(name, Enum).text {
	case "yes":
		return true
	case "local":
		return local
	}
	return false
}

// RaftPort returns raft-port, or the client port (the TLS one if there is no other) plus 10000. It is 0 when the node listens on
// a unix socket only. The error says what to write into the configuration.
func (v *View) RaftPort() (int64, error) {
	if port := v.Int("raft-port"); port != 0 {
		return port, nil
	}
	port := v.Int("port")
	if port == 0 {
		port = v.Int("tls-port")
	}
	if port == 0 {
		return 0, nil
	}
	if port+raftPortOffset > portMax {
		return 0, fmt.Errorf("port %d leaves no room for raft-port at %d: set raft-port to a free port", port, port+raftPortOffset)
	}
	return port + raftPortOffset, nil
}

// Get is CONFIG GET: the directives that match any of the patterns, each once, with their values. A pattern without *, ? and [
// is a name; it is answered in the asker's spelling and finds hidden directives too. The order is that of the names.
func (v *View) Get(patterns ...[]byte) [][2]string {
	var found [][2]string
	seen := make(map[string]bool)
	add := func(shown, name string) {
		if !seen[name] {
			seen[name] = true
			found = append(found, [2]string{shown, v.values[v.catalog.index[name]].text})
		}
	}
	for _, pattern := range patterns {
		if !isGlob(pattern) {
			name := lowerASCII(string(pattern))
			if _, ok := v.catalog.index[name]; ok {
				add(string(pattern), name)
			}
			continue
		}
		for _, name := range v.catalog.sorted {
			if !v.catalog.list[v.catalog.index[name]].Hidden && glob.MatchFold(pattern, []byte(name)) {
				add(name, name)
			}
		}
	}
	slices.SortFunc(found, func(a, b [2]string) int { return strings.Compare(lowerASCII(a[0]), lowerASCII(b[0])) })
	return found
}

func isGlob(pattern []byte) bool {
	for _, c := range pattern {
		if c == '*' || c == '?' || c == '[' {
			return true
		}
	}
	return false
}

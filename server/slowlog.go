package server

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/conf"
)

// What an entry of the slow log keeps of a command, as in Redis.
const (
	slowArgsMax  = 32  // arguments; the last tells how many more there were
	slowBytesMax = 128 // of an argument
)

// slowlog keeps the commands that took long. All that is kept is copied.
type slowlog struct {
	threshold atomic.Int64 // nanoseconds; negative is never
	maxLen    atomic.Int64

	mu      sync.Mutex
	entries []slowEntry // a ring once it is full: the newest is before first
	first   int         // index of the oldest
	next    int64
}

type slowEntry struct {
	id     int64
	at     time.Time
	nanos  int64
	args   [][]byte
	client string
	name   string
}

func (l *slowlog) configure(view *conf.View) {
	l.threshold.Store(view.Int("slowlog-log-slower-than") * int64(time.Microsecond))
	l.maxLen.Store(view.Int("slowlog-max-len"))
}

func (l *slowlog) wants(nanos int64) bool {
	t := l.threshold.Load()
	return t >= 0 && nanos >= t
}

// keepsWrites tells whether a write may well be slow enough to be logged, so that its arguments, which
// otherwise are only in the log entry, are kept until it is applied.
func (l *slowlog) keepsWrites() bool {
	t := l.threshold.Load()
	return t >= 0 && t < slowWritesBelow
}

// slowWritesBelow is the threshold, in nanoseconds, below which every write's arguments are kept while it
// waits. Above it, the copies would cost more than the log is worth; such a write is logged by its name.
const slowWritesBelow = int64(time.Millisecond)

// add notes one command. EXEC is not noted, what it runs is; nor what carries secrets.
func (l *slowlog) add(s *session, e *entry, args [][]byte, nanos int64) {
	if e.Flags&command.SkipSlowlog != 0 {
		return
	}
	if len(args) == 0 {
		args = nameOf(e)
	}
	entry := slowEntry{
		at: time.Now(), nanos: nanos, args: trimSlow(redact(s.srv.conf, e, args)),
		client: s.info.remote, name: loaded(s.info.name.Load(), ""),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	entry.id = l.next
	l.next++
	l.fit(int(l.maxLen.Load()))
	switch limit := int(l.maxLen.Load()); {
	case limit == 0:
	case len(l.entries) < limit:
		l.entries = append(l.entries, entry)
	default:
		l.entries[l.first] = entry
		l.first = (l.first + 1) % limit
	}
}

// fit drops the oldest beyond limit and, unless the ring has exactly that size, straightens it.
func (l *slowlog) fit(limit int) {
	if len(l.entries) == limit || len(l.entries) < limit && l.first == 0 {
		return
	}
	ordered := append(append([]slowEntry(nil), l.entries[l.first:]...), l.entries[:l.first]...)
	if len(ordered) > limit {
		ordered = ordered[len(ordered)-limit:]
	}
	l.entries, l.first = ordered, 0
}

// newest are up to count entries, newest first.
func (l *slowlog) newest(count int) []slowEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	count = max(0, min(count, len(l.entries)))
	list := make([]slowEntry, count)
	for i := range list {
		list[i] = l.entries[(l.first+len(l.entries)-1-i)%len(l.entries)]
	}
	return list
}

func (l *slowlog) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// reset forgets the entries; ids go on.
func (l *slowlog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries, l.first = nil, 0
}

// nameOf is a command whose arguments are not known.
func nameOf(e *entry) (args [][]byte) {
	for word := range strings.SplitSeq(e.name, "|") {
		args = append(args, []byte(word))
	}
	return args
}

// trimSlow copies what the slow log keeps.
func trimSlow(args [][]byte) [][]byte {
	n := len(args)
	kept := make([][]byte, 0, min(n, slowArgsMax))
	for i, a := range args {
		if n > slowArgsMax && i == slowArgsMax-1 {
			kept = append(kept, fmt.Appendf(nil, "... (%d more arguments)", n-slowArgsMax+1))
			break
		}
		if len(a) > slowBytesMax {
			kept = append(kept, fmt.Appendf(nil, "%s... (%d more bytes)", a[:slowBytesMax], len(a)-slowBytesMax))
			continue
		}
		kept = append(kept, append([]byte(nil), a...))
	}
	return kept
}

// redacted stands for what must not be shown.
const redacted = "(redacted)"

// redact hides secrets among arguments: values of sensitive directives in CONFIG SET, names and passwords of
// AUTH and HELLO. It may return args.
func redact(c *conf.Set, e *entry, args [][]byte) [][]byte {
	var hidden [][]byte
	hide := func(i int) {
		if hidden == nil {
			hidden = append([][]byte(nil), args...)
		}
		hidden[i] = []byte(redacted)
	}
	switch e.name {
	case "config|set":
		for i := 2; i+1 < len(args); i += 2 {
			if d, ok := c.Lookup(string(args[i])); ok && d.Sensitive {
				hide(i + 1)
			}
		}
	case "auth":
		for i := 1; i < len(args); i++ {
			hide(i)
		}
	case "hello":
		for i := 2; i+2 < len(args); i++ {
			if is(args[i], "AUTH") {
				hide(i + 1)
				hide(i + 2)
			}
		}
	}
	if hidden == nil {
		return args
	}
	return hidden
}

package differential

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const shrinkMax = time.Minute // after which a script is short enough

// without leaves out as many items as it can while fails holds: halves first, then smaller parts, then one by one (delta debugging).
func without[T any](items []T, fails func([]T) bool) []T {
	for size := (len(items) + 1) / 2; size > 0; {
		smaller := false
		for at := 0; at < len(items); {
			rest := slices.Concat(items[:at], items[min(at+size, len(items)):])
			if len(rest) > 0 && fails(rest) {
				items, smaller = rest, true
			} else {
				at += size
			}
		}
		switch {
		case size > 1:
			size /= 2
		case !smaller:
			return items
		}
	}
	return items
}

// shrink makes a script that differs as short as it can.
func (p *pair) shrink(how setting, script []step, f *finding) ([]step, *finding) {
	until := time.Now().Add(shrinkMax)
	fails := func(s []step) bool {
		if time.Now().After(until) {
			return false
		}
		found, err := p.replay(how, s)
		if err != nil || found == nil {
			return false
		}
		f = found
		return true
	}
	script = without(slices.Clone(script[:f.at+1]), fails)
	for i := range script {
		try := func(s step) bool { return fails(slices.Concat(script[:i], []step{s}, script[i+1:])) }
		if hasWaiters(script[i]) {
			continue
		}
		if len(script[i]) > 1 {
			script[i] = shrinkTransaction(script[i], try)
		}
		for j := range script[i] {
			script[i] = shrinkArguments(script[i], j, try)
		}
	}
	p.replay(how, script) // once more, for f to be of this very script
	if found, err := p.replay(how, script); err == nil && found != nil {
		f = found
	}
	return script, f
}

// shrinkTransaction leaves out commands, but neither the MULTI that keeps others from blocking nor its end.
func shrinkTransaction(s step, try func(step) bool) step {
	multi := slices.IndexFunc(s, func(c call) bool { return strings.EqualFold(c.args[0], "MULTI") })
	if multi < 0 {
		return s
	}
	last := len(s) - 1
	inner := without(s[multi+1:last], func(inner []call) bool { return try(slices.Concat(s[:multi+1], inner, s[last:])) })
	s = slices.Concat(s[:multi+1], inner, s[last:])
	outer := s[:multi]
	if len(outer) > 0 && try(slices.Clone(s[multi:])) {
		return slices.Clone(s[multi:])
	}
	outer = without(outer, func(outer []call) bool { return try(slices.Concat(outer, s[multi:])) })
	return slices.Concat(outer, s[multi:])
}

// shrinkArguments leaves out arguments of one command.
func shrinkArguments(s step, at int, try func(step) bool) step {
	c := s[at]
	name := strings.ToUpper(c.args[0])
	if len(c.args) < 3 || c.loose || name == "MULTI" || strings.HasPrefix(name, "B") { // one would begin a transaction, the other to wait
		return s
	}
	put := func(args []string) step {
		out := slices.Clone(s)
		out[at] = call{args: append([]string{c.args[0]}, args...), spec: c.spec, spoiled: true}
		return out
	}
	args := without(c.args[1:], func(args []string) bool {
		t := put(args)
		return !harmful(t[at].args, len(s) > 1) && try(t)
	})
	return put(args)
}

// paste is the script as one can give it to redis-cli.
func paste(how setting, script []step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HELLO %d\nFLUSHALL\n", how.proto)
	if how.news {
		fmt.Fprintf(&b, "CONFIG SET notify-keyspace-events %s\n", newsClasses)
	}
	for _, s := range script {
		for _, c := range s {
			if c.on > 0 {
				fmt.Fprintf(&b, "(client %d, SELECT %s) ", c.on, c.db)
			}
			b.WriteString(line(c.args) + "\n")
		}
	}
	return b.String()
}

func lines(commands [][]string) string {
	var b strings.Builder
	for _, args := range commands {
		b.WriteString(line(args) + "\n")
	}
	return b.String()
}

// line is a command in redis-cli's notation.
func line(args []string) string {
	words := make([]string, 0, len(args))
	for _, a := range args {
		words = append(words, quoted(a))
	}
	return strings.Join(words, " ")
}

func quoted(s string) string {
	plain := s != ""
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			plain = false
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			plain = false
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			plain = plain && c != ' ' && c != '\''
			b.WriteByte(c)
		}
	}
	if plain {
		return s
	}
	return `"` + b.String() + `"`
}

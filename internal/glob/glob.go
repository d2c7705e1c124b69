// Package glob matches byte strings against the patterns of KEYS, SCAN, PSUBSCRIBE and CONFIG GET.
//
// The language is Redis': `*` any run of bytes, `?` one byte, `[a-z]` and `[^a-z]` one byte of a class, `\` takes the next
// byte literally, any other byte stands for itself. Its odd corners are Redis' too, since patterns are written by people who
// tried them there:
//
//	[abc      a class that is never closed ends with the pattern
//	[         the empty class matches nothing; [^ matches any byte
//	[z-a]     a range may be written backward
//	[a-]b     the bytes after a dash belong to the range, so this is the unclosed class "a to ], or b"
//	a\        a backslash with nothing behind it stands for itself
//
// Redis tries every split of the string at every star, which a pattern like a*a*a*a*b makes exponential. Here only the last
// star is ever reconsidered: whatever an earlier star could give up, the last one can swallow. So the work is at most
// len(pattern) * len(s), and there is no recursion to bound.
//
// Bytes are unsigned. Redis compares C's plain chars, so its own answer for a range that crosses 0x80 depends on the processor.
package glob

// Match tells whether s matches pattern. It allocates nothing.
//
// As in Redis, only the single star matches the empty string; `**` needs a byte.
func Match(pattern, s []byte) bool { return match(pattern, s, false) }

// MatchFold is Match without regard to the case of ASCII letters. A byte escaped inside a class is compared exactly, as Redis does.
func MatchFold(pattern, s []byte) bool { return match(pattern, s, true) }

// LiteralPrefix returns the bytes that every match of pattern starts with, and whether they are the only match. The prefix
// shares pattern's memory unless an escape had to be removed from it.
func LiteralPrefix(pattern []byte) (prefix []byte, exact bool) {
	shared := true // prefix is still pattern[:i]
	for i := 0; i < len(pattern); i++ {
		b := pattern[i]
		switch b {
		case '*', '?', '[':
			if shared {
				return pattern[:i:i], false
			}
			return prefix, false
		case '\\':
			if i+1 < len(pattern) {
				if shared {
					prefix, shared = append(make([]byte, 0, len(pattern)-1), pattern[:i]...), false
				}
				i++
				b = pattern[i]
			}
		}
		if !shared {
			prefix = append(prefix, b)
		}
	}
	if shared {
		return pattern[:len(pattern):len(pattern)], true
	}
	return prefix, true
}

// starsMax is the number of stars, runs counting once, behind which Redis gives up and says no: it bounds
// the recursion there and the work here.
const starsMax = 1000

func match(pattern, s []byte, fold bool) bool {
	if len(s) == 0 {
		return len(pattern) == 0 || (len(pattern) == 1 && pattern[0] == '*')
	}
	var p, i int
	star, mark := -1, 0 // the pattern behind the last star, and where in s it was last tried
	stars := 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			for p < len(pattern) && pattern[p] == '*' {
				p++
			}
			if p == len(pattern) {
				return true
			}
			if stars++; stars > starsMax {
				return false
			}
			star, mark = p, i
			continue
		}
		if p < len(pattern) {
			if next, ok := one(pattern, p, s[i], fold); ok {
				p, i = next, i+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		p, i = star, mark
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// one matches the element of pattern at p, which is not a star, against one byte, and returns the position behind the element.
func one(pattern []byte, p int, b byte, fold bool) (next int, ok bool) {
	switch pattern[p] {
	case '?':
		return p + 1, true
	case '[':
		return class(pattern, p+1, b, fold)
	case '\\':
		if p+1 < len(pattern) {
			p++
		}
	}
	return p + 1, pattern[p] == b || (fold && lower(pattern[p]) == lower(b))
}

// class matches b against the class whose first byte is at p and returns the position behind its closing bracket.
func class(pattern []byte, p int, b byte, fold bool) (next int, ok bool) {
	negated := p < len(pattern) && pattern[p] == '^'
	if negated {
		p++
	}
	found := false
	for p < len(pattern) && pattern[p] != ']' {
		switch {
		case pattern[p] == '\\' && p+1 < len(pattern):
			p++
			found = found || pattern[p] == b
		case p+2 < len(pattern) && pattern[p+1] == '-':
			found = found || inRange(pattern[p], pattern[p+2], b, fold)
			p += 2
		default:
			found = found || pattern[p] == b || (fold && lower(pattern[p]) == lower(b))
		}
		p++
	}
	if p < len(pattern) {
		p++ // the closing bracket
	}
	return p, found != negated
}

// inRange orders the ends before it folds them, as Redis does: [a-Z] is then the range z to a, which is empty.
func inRange(from, to, b byte, fold bool) bool {
	if from > to {
		from, to = to, from
	}
	if fold {
		from, to, b = lower(from), lower(to), lower(b)
	}
	return from <= b && b <= to
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + ('a' - 'A')
	}
	return b
}

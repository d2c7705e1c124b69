package resp

// appendWords splits a line as Redis' sdssplitargs does, in place:
//
//	set "a b\x00\n" 'it\'s'  gives  set | a b NUL LF | it's
//
// Words are separated by blanks. A quote may open inside a word but closes it. Double quotes know \xHH,
// \n \r \t \b \a and \ before any other character; single quotes know \' alone. It reports false if a
// quote is not closed, or not followed by a blank. A word is never longer than its source, so it is
// written over it.
func appendWords(words [][]byte, line []byte) ([][]byte, bool) {
	for i := 0; ; {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		if i == len(line) {
			return words, true
		}
		word, next, ok := splitWord(line, i)
		if !ok {
			return words, false
		}
		words = append(words, word)
		i = next
	}
}

// splitWord rewrites the word that starts at start and tells where it ends.
func splitWord(line []byte, start int) (word []byte, next int, ok bool) {
	to := start
	for i := start; i < len(line); {
		switch c := line[i]; c {
		case '"', '\'':
			unquote := doubleQuoted
			if c == '\'' {
				unquote = singleQuoted
			}
			to, i, ok = unquote(line, to, i+1)
			if !ok || i < len(line) && !isBlank(line[i]) {
				return nil, 0, false
			}
			return line[start:to:to], i, true
		case ' ', '\n', '\r', '\t': // fewer than isBlank: Redis keeps VT and FF inside a word
			return line[start:to:to], i, true
		default:
			line[to] = c
			to++
			i++
		}
	}
	return line[start:to:to], len(line), true
}

// doubleQuoted moves what stands from i to the closing quote to to, and tells both ends.
func doubleQuoted(line []byte, to, i int) (newTo, next int, ok bool) {
	for i < len(line) {
		c := line[i]
		i++
		switch {
		case c == '"':
			return to, i, true
		case c == '\\' && i+2 < len(line) && line[i] == 'x' && isHex(line[i+1]) && isHex(line[i+2]):
			c = hexDigit(line[i+1])<<4 | hexDigit(line[i+2])
			i += 3
		case c == '\\' && i < len(line):
			c = unescape(line[i])
			i++
		}
		line[to] = c
		to++
	}
	return 0, 0, false
}

// singleQuoted is doubleQuoted for single quotes.
func singleQuoted(line []byte, to, i int) (newTo, next int, ok bool) {
	for i < len(line) {
		c := line[i]
		i++
		switch {
		case c == '\'':
			return to, i, true
		case c == '\\' && i < len(line) && line[i] == '\'':
			c = '\''
			i++
		}
		line[to] = c
		to++
	}
	return 0, 0, false
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func isBlank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func hexDigit(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

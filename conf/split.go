package conf

import (
	"errors"
)

// ErrUnbalancedQuotes is a quote that is never closed, or one that is closed in the middle of a word.
var ErrUnbalancedQuotes = errors.New("Unbalanced quotes in configuration line")

// SplitArgs splits a line into words, as redis.conf and inline commands are split:
//
//	set a 1            three words
//	set "a b" 'c\'d'   quotes keep blanks; in single quotes only \' is an escape
//	set "\x41\n"       in double quotes \xHH, \n, \r, \t, \b and \a are bytes, any other escaped byte is itself
//	set a"b c"         a quote may open inside a word, but must be closed at its end
//
// The words are the caller's.
func SplitArgs(line string) ([]string, error) {
	var words []string
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return words, nil
		}
		word, next, err := splitWord(line, i)
		if err != nil {
			return nil, err
		}
		words, i = append(words, word), next
	}
}

// splitWord reads the word that starts at i and returns the position behind it.
func splitWord(line string, i int) (word string, next int, err error) {
	var b []byte
	for i < len(line) {
		switch c := line[i]; c {
		case ' ', '\n', '\r', '\t':
			return string(b), i, nil
		case '"', '\'':
			b, i, err = splitQuoted(b, line, i+1, c)
			if err != nil || i == len(line) || isSpace(line[i]) {
				return string(b), i, err
			}
			return "", i, ErrUnbalancedQuotes
		default:
			b = append(b, c)
			i++
		}
	}
	return string(b), i, nil
}

// splitQuoted appends what stands between i and the closing quote to b, and returns the position behind that quote.
func splitQuoted(b []byte, line string, i int, quote byte) ([]byte, int, error) {
	for ; i < len(line); i++ {
		c := line[i]
		switch {
		case c == quote:
			return b, i + 1, nil
		case c == '\\' && i+1 < len(line) && quote == '"':
			if hi, lo, ok := hexByte(line[i+1:]); ok {
				b = append(b, hi<<4|lo)
				i += 3
				continue
			}
			i++
			b = append(b, unescape(line[i]))
		case c == '\\' && i+1 < len(line) && line[i+1] == '\'':
			i++
			b = append(b, '\'')
		default:
			b = append(b, c)
		}
	}
	return nil, i, ErrUnbalancedQuotes
}

// hexByte reads the two digits behind an x.
func hexByte(s string) (hi, lo byte, ok bool) {
	if len(s) < 3 || s[0] != 'x' {
		return 0, 0, false
	}
	hi, ok = hexDigit(s[1])
	if !ok {
		return 0, 0, false
	}
	lo, ok = hexDigit(s[2])
	return hi, lo, ok
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
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

func isSpace(c byte) bool {
	return c == ' ' || ('\t' <= c && c <= '\r')
}

// Quote writes s so that SplitArgs reads it back as one word.
func Quote(s string) string {
	const digits = "0123456789abcdef"
	b := []byte{'"'}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\', '"':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		case '\a':
			b = append(b, '\\', 'a')
		case '\b':
			b = append(b, '\\', 'b')
		default:
			if ' ' <= c && c <= '~' {
				b = append(b, c)
			} else {
				b = append(b, '\\', 'x', digits[c>>4], digits[c&15])
			}
		}
	}
	return string(append(b, '"'))
}

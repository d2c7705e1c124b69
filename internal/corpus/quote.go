package corpus

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var errQuote = errors.New("unbalanced quotes")

// splitArgs parts a line into arguments by redis-cli's rules. A word that is "#" alone begins a comment.
func splitArgs(line string) (args []string, comment string, err error) {
	for {
		line = strings.TrimLeft(line, " \t")
		switch {
		case line == "":
			return args, "", nil
		case line == "#" || strings.HasPrefix(line, "# "):
			return args, line[1:], nil
		}
		var word string
		if word, line, err = nextArg(line); err != nil {
			return nil, "", err
		}
		args = append(args, word)
	}
}

// nextArg takes one argument off the line, quotes and escapes resolved.
func nextArg(line string) (word, rest string, err error) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote == 0 && (c == ' ' || c == '\t'):
			return b.String(), line[i:], nil
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			if i+1 < len(line) && line[i+1] != ' ' && line[i+1] != '\t' {
				return "", "", errQuote
			}
			return b.String(), line[i+1:], nil
		case quote == '"' && c == '\\' && i+1 < len(line):
			text, used := escape(line[i:])
			b.WriteByte(text)
			i += used - 1
		case quote == '\'' && c == '\\' && strings.HasPrefix(line[i:], `\'`):
			b.WriteByte('\'')
			i++
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", "", errQuote
	}
	return b.String(), "", nil
}

// escape resolves the escape at the start of s and tells how long it is.
func escape(s string) (c byte, used int) {
	if len(s) >= 4 && s[1] == 'x' {
		if n, err := strconv.ParseUint(s[2:4], 16, 8); err == nil {
			return byte(n), 4
		}
	}
	const names, codes = "nrtba", "\n\r\t\b\a"
	if i := strings.IndexByte(names, s[1]); i >= 0 {
		return codes[i], 2
	}
	return s[1], 2
}

// quoteReply is a bulk string as redis-cli prints it.
func quoteReply(s string) string {
	const codes, names = "\\\"\n\r\t\a\b", "\\\"nrtab"
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		c := s[i]
		switch at := strings.IndexByte(codes, c); {
		case at >= 0:
			b.WriteByte('\\')
			b.WriteByte(names[at])
		case c >= ' ' && c <= '~':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "\\x%02x", c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

package corpus

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	replyBytesMax = 1 << 30 // of one string in a reply
	replyDepthMax = 64      // of arrays in arrays
)

// reply is one reply read from the wire.
type reply struct {
	mark byte // its first byte; '_' for every null
	text string
	list []reply // of a map, key and value in turn
}

// readReply reads one reply of RESP2 or RESP3.
func readReply(r *bufio.Reader, depth int) (reply, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' || depth > replyDepthMax {
		return reply{}, fmt.Errorf("reply begins with %q", line)
	}
	out := reply{mark: line[0], text: line[1 : len(line)-2]}
	switch out.mark {
	case '+', '-', ':', ',', '#', '(', '_':
		return out, nil
	}
	n, err := strconv.Atoi(out.text)
	if err != nil || n > replyBytesMax {
		return reply{}, fmt.Errorf("reply begins with %q", line)
	}
	switch {
	case n < 0:
		return reply{mark: '_'}, nil
	case strings.IndexByte("$=", out.mark) >= 0:
		b := make([]byte, n+2)
		_, err := io.ReadFull(r, b)
		out.text = string(b[:n])
		return out, err
	case strings.IndexByte("*~>%", out.mark) < 0:
		return reply{}, fmt.Errorf("reply begins with %q", line)
	case out.mark == '%':
		n *= 2
	}
	for range n {
		one, err := readReply(r, depth+1)
		if err != nil {
			return reply{}, err
		}
		out.list = append(out.list, one)
	}
	return out, nil
}

// print is the reply as redis-cli prints it on a terminal; lines after the first begin with prefix.
func (r reply) print(prefix string) string {
	switch r.mark {
	case '-':
		return "(error) " + r.text
	case ':':
		return "(integer) " + r.text
	case ',':
		return "(double) " + r.text
	case '#':
		return map[string]string{"t": "(true)", "f": "(false)"}[r.text]
	case '_':
		return "(nil)"
	case '$':
		return quoteReply(r.text)
	case '=':
		return r.text[len("txt:"):]
	case '*', '~', '>', '%':
		return r.printList(prefix)
	}
	return r.text
}

func (r reply) printList(prefix string) string {
	count, sep, empty := len(r.list), ")", "(empty array)"
	switch r.mark {
	case '~':
		sep, empty = "~", "(empty set)"
	case '%':
		count, sep, empty = count/2, "#", "(empty hash)"
	case '>':
		empty = "(empty push)"
	}
	if count == 0 {
		return empty
	}
	width := len(strconv.Itoa(count))
	deeper := prefix + strings.Repeat(" ", width+2)
	var b strings.Builder
	for i := range count {
		if i > 0 {
			b.WriteString("\n" + prefix)
		}
		fmt.Fprintf(&b, "%*d%s ", width, i+1, sep)
		if r.mark == '%' {
			b.WriteString(r.list[2*i].print(deeper) + " => " + r.list[2*i+1].print(deeper))
			continue
		}
		b.WriteString(r.list[i].print(deeper))
	}
	return b.String()
}

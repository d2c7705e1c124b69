package main

import (
	"bytes"
	"errors"
	"fmt"
)

const bufferBytes = 4096 // of a client's replies: two at once, a value among them

// answer is a reply as far as a generator looks at it.
type answer struct {
	refused error // an error reply
	missing bool  // nil
	number  int64 // an integer
}

// first reads the first reply in b and returns its length, which is 0 while it is not all there. It knows the kinds that SET, GET and WAIT
// have and keeps nothing of b; test/wire, which reads everything, allocates what it reads.
func first(b []byte) (a answer, size int, err error) {
	if len(b) == 0 {
		return a, 0, nil
	}
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return a, 0, nil
	}
	if end < 2 || b[end-1] != '\r' {
		return a, 0, broken(b)
	}
	line := b[1 : end-1]
	switch b[0] {
	case '+':
		return a, end + 1, nil
	case '-':
		a.refused = errors.New(string(line))
		return a, end + 1, nil
	case ':':
		n, ok := number(line)
		if a.number = n; !ok {
			return a, 0, broken(b)
		}
		return a, end + 1, nil
	case '_':
		a.missing = true
		return a, end + 1, nil
	case '$':
		return bulk(b, line, end+1)
	}
	return a, 0, broken(b)
}

func bulk(b, line []byte, from int) (a answer, size int, err error) {
	n, ok := number(line)
	if !ok || n < -1 || n > int64(bufferBytes) {
		return a, 0, broken(b)
	}
	if n < 0 {
		a.missing = true
		return a, from, nil
	}
	if size = from + int(n) + 2; size > len(b) {
		return a, 0, nil
	}
	if b[size-2] != '\r' || b[size-1] != '\n' {
		return a, 0, broken(b)
	}
	return a, size, nil
}

func broken(b []byte) error { return fmt.Errorf("no reply: %.40q", b) }

// number reads digits with or without a minus; strconv wants a string of them.
func number(text []byte) (n int64, ok bool) {
	const digits = 18 // what fits for sure
	digit, minus := bytes.CutPrefix(text, []byte("-"))
	if len(digit) == 0 || len(digit) > digits {
		return 0, false
	}
	for _, c := range digit {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if minus {
		n = -n
	}
	return n, true
}

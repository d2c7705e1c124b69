package conf

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

// naiveSplit is SplitArgs as a machine with one state per byte.
func naiveSplit(line string) ([]string, bool) {
	var words []string
	var word []byte
	const (
		between = iota
		inside
		quoted
		single
		closed
	)
	state := between
	for i := 0; i < len(line); i++ {
		c := line[i]
		rest := line[i+1:]
		switch state {
		case closed, between:
			blank := strings.IndexByte(" \t\n\v\f\r", c) >= 0
			if state == closed {
				if !blank {
					return nil, false
				}
				words, word, state = append(words, string(word)), nil, between
			}
			if blank {
				continue
			}
			state = inside
			i--
		case inside:
			switch c {
			case ' ', '\t', '\n', '\r':
				words, word, state = append(words, string(word)), nil, between
			case '"':
				state = quoted
			case '\'':
				state = single
			default:
				word = append(word, c)
			}
		case quoted:
			var b byte
			switch {
			case c == '"':
				state = closed
			case c == '\\' && len(rest) >= 3 && rest[0] == 'x' && naiveHex(rest[1], &b) && naiveHex(rest[2], &b):
				word = append(word, b)
				i += 3
			case c == '\\' && rest != "":
				i++
				if at := strings.IndexByte("nrtba", rest[0]); at >= 0 {
					word = append(word, "\n\r\t\b\a"[at])
				} else {
					word = append(word, rest[0])
				}
			default:
				word = append(word, c)
			}
		case single:
			switch {
			case c == '\'':
				state = closed
			case c == '\\' && strings.HasPrefix(rest, "'"):
				word = append(word, '\'')
				i++
			default:
				word = append(word, c)
			}
		}
	}
	switch state {
	case quoted, single:
		return nil, false
	case inside, closed:
		words = append(words, string(word))
	}
	return words, true
}

func naiveHex(c byte, b *byte) bool {
	at := strings.IndexByte("0123456789abcdef", c|0x20)
	if '0' <= c && c <= '9' {
		at = int(c - '0')
	} else if at < 10 {
		return false
	}
	*b = *b<<4 | byte(at)
	return true
}

func FuzzSplitArgs(f *testing.F) {
	for _, line := range []string{"", " ", "a b", `"a b" 'c\'d'`, `"\x41\n\"\\"`, `a"b c"`, `"a"b`, `"a`, `'a`, `"\`, `"\x4`, "a\vb", "'a'\vb", `""`, "''a", `"\xzz"`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := SplitArgs(line)
		if want, ok := naiveSplit(line); ok != (err == nil) || !slices.Equal(words, want) {
			t.Errorf("SplitArgs(%q) = %q, %v, want %q, %v", line, words, err, want, ok)
		}
		if back, err := SplitArgs(Quote(line)); err != nil || len(back) != 1 || back[0] != line {
			t.Errorf("%q is quoted as %s, which reads as %q, %v", line, Quote(line), back, err)
		}
		var all []string
		for _, word := range words {
			all = append(all, Quote(word))
		}
		if back, err := SplitArgs(strings.Join(all, " ")); err != nil || !slices.Equal(back, words) {
			t.Errorf("%q quoted reads as %q, %v", words, back, err)
		}
	})
}

// FuzzLoad feeds the parser of files. What it accepts must survive CONFIG REWRITE, and CONFIG SET of what CONFIG GET shows.
func FuzzLoad(f *testing.F) {
	for _, path := range []string{"testdata/load", "testdata/rewrite"} {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range bytes.Split(text, []byte("----\n")) {
			if i := bytes.LastIndex(part, []byte("\nload\n")); i >= 0 {
				part = part[i+len("\nload\n"):]
			}
			f.Add(string(part))
		}
	}
	for _, d := range Directives() {
		f.Add(d.Name + " " + d.Default + "\n")
	}
	f.Fuzz(func(t *testing.T, text string) {
		if includes(text) {
			t.Skip("files of this machine are none of the fuzzer's business")
		}
		s, _, err := Load([]string{"-"}, strings.NewReader(text))
		if err != nil {
			return
		}
		for _, old := range []string{"", text} {
			file := rewritten(old, s.View())
			again, _, err := Load([]string{"-"}, strings.NewReader(file))
			if err != nil {
				t.Fatalf("%q is rewritten as %q: %v", text, file, err)
			}
			if got, want := again.Get([]byte("*")), s.Get([]byte("*")); !slices.Equal(got, want) {
				t.Fatalf("%q is rewritten as %q, which says %q, not %q", text, file, deviations(again.View()), deviations(s.View()))
			}
			if once := rewritten(file, again.View()); once != file {
				t.Fatalf("a second rewrite turns %q into %q", file, once)
			}
		}
		before := s.Get([]byte("*"))
		for _, pair := range before {
			if d, _ := s.Lookup(pair[0]); d.Mutable {
				if err := s.Change([][2]string{pair}); err != nil {
					t.Fatalf("CONFIG SET %s %q: %v", pair[0], pair[1], err)
				}
			}
		}
		if after := s.Get([]byte("*")); !slices.Equal(before, after) {
			t.Fatalf("CONFIG SET of what CONFIG GET shows changed %q to %q", before, after)
		}
	})
}

// includes tells whether a line of the text names another file, however it is quoted.
func includes(text string) bool {
	for _, line := range strings.Split(text, "\n") {
		words, _ := SplitArgs(strings.Trim(line, " \t\r\n"))
		if len(words) > 0 && lowerASCII(words[0]) == "include" {
			return true
		}
	}
	return false
}

func FuzzArguments(f *testing.F) {
	for _, args := range append(refusedStarts, []string{"--port", "7000"}, []string{"--save", "--port", "1"}, []string{"-", "--port 1"}) {
		f.Add(strings.Join(args, "\x00"))
	}
	f.Fuzz(func(t *testing.T, joined string) {
		args := strings.Split(joined, "\x00")
		if line := parseArgs(args); line.file != "" || includes(line.options) {
			t.Skip("files of this machine are none of the fuzzer's business")
		}
		if s, _, err := Load(args, strings.NewReader("")); err == nil {
			s.Get([]byte("*"))
		} else if err.Error() == "" {
			t.Errorf("%q is refused without a word", args)
		}
	})
}

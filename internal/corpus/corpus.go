// Package corpus runs scripts of commands as a user would type them, with the replies redis-cli would print, against
// anything that answers: the commands in process, this server over TCP, or a real Redis.
//
//	# a comment
//	> SET k v EX 100
//	OK
//	> TTL k                 # a comment behind a command
//	(integer) 99..100
//	> SET k w IFREV 1       # ours: not sent to Redis
//	OK
//	! advance 100000
//	> REVISION INFO         # ours
//	...
//
// Arguments are quoted as for redis-cli. A line of three dots stands for the rest of a reply, and two integers with
// two dots between them for any in their range. "! proto 3" changes the protocol; "! advance" moves time on by milliseconds,
// and an executor that has no clock to move leaves the file there.
package corpus

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Executor answers commands, starting from an empty database.
type Executor interface {
	// Do runs one command and prints the reply as redis-cli does, without a newline at its end.
	Do(args []string) (printed string, err error)
	// Proto speaks RESP 2 or 3 from now on.
	Proto(version int) error
}

// Clock is an Executor whose time stands still unless it is moved.
type Clock interface{ Advance(millis int64) }

// Foreign is an Executor that is not ours and does not have what a line marked "ours" asks for.
type Foreign interface{ Foreign() }

// File is a script.
type File struct {
	Path  string
	Steps []Step
}

// Step is one command, or one directive, with the lines before it that are only to be kept.
type Step struct {
	Line      int      // number in the file, for messages
	Kept      []string // comments and blank lines above
	Text      string   // the line itself
	Args      []string // of a command
	Directive []string // words of a line with "!"
	Ours      bool
	Want      string // the reply as printed
}

// Scripts are the paths of the scripts in a directory and those below it.
func Scripts(dir string) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".txt") {
			paths = append(paths, path)
		}
		return err
	})
	return paths, err
}

// Load reads a script.
func Load(path string) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	f.Path = path
	return f, nil
}

// Parse reads a script's text.
func Parse(text []byte) (*File, error) {
	f := &File{}
	var kept, want []string
	inReply := false
	end := func() {
		if inReply {
			f.Steps[len(f.Steps)-1].Want = strings.Join(want, "\n")
		}
		want, inReply = nil, false
	}
	scan := bufio.NewScanner(bytes.NewReader(text))
	scan.Buffer(nil, 1<<26)
	for n := 1; scan.Scan(); n++ {
		line := scan.Text()
		switch {
		case strings.HasPrefix(line, "> "), strings.HasPrefix(line, "! "):
			end()
			step := Step{Line: n, Kept: kept, Text: line}
			if err := step.parse(line); err != nil {
				return nil, fmt.Errorf("%d: %w", n, err)
			}
			f.Steps = append(f.Steps, step)
			kept, inReply = nil, line[0] == '>'
		case line == "" || strings.HasPrefix(line, "# "), !inReply:
			end()
			kept = append(kept, line)
		default:
			want = append(want, line)
		}
	}
	end()
	if len(kept) > 0 {
		f.Steps = append(f.Steps, Step{Kept: kept})
	}
	return f, scan.Err()
}

func (s *Step) parse(line string) (err error) {
	if line[0] == '!' {
		s.Directive = strings.Fields(line[1:])
		return nil
	}
	var comment string
	s.Args, comment, err = splitArgs(line[2:])
	word, _, _ := strings.Cut(strings.TrimSpace(comment), ":")
	s.Ours = word == "ours"
	return err
}

// Mismatch is a reply other than expected.
type Mismatch struct {
	Path string
	Step Step
	Got  string
}

func (m Mismatch) String() string {
	return fmt.Sprintf("%s:%d: %s\ngot\n%s\nwant\n%s", m.Path, m.Step.Line, m.Step.Text, m.Got, m.Step.Want)
}

// Run executes the script and returns what differed. With rewrite it puts what it got in place of what was expected;
// Format then gives the new text.
func (f *File) Run(e Executor, rewrite bool) ([]Mismatch, error) {
	var bad []Mismatch
	_, foreign := e.(Foreign)
	for i := range f.Steps {
		s := &f.Steps[i]
		if s.Directive != nil {
			if more, err := direct(e, s.Directive); err != nil || !more {
				return bad, err
			}
		}
		if s.Args == nil || s.Ours && foreign {
			continue
		}
		got, err := e.Do(s.Args)
		if err != nil {
			return bad, fmt.Errorf("%s:%d: %s: %w", f.Path, s.Line, s.Text, err)
		}
		if Match(s.Want, got) {
			continue
		}
		bad = append(bad, Mismatch{f.Path, *s, got})
		if rewrite {
			s.Want = got
		}
	}
	return bad, nil
}

// direct follows a directive and tells whether the file goes on.
func direct(e Executor, words []string) (more bool, err error) {
	if len(words) == 2 {
		n, err := strconv.ParseInt(words[1], 10, 64)
		switch {
		case err != nil:
			return false, err
		case words[0] == "proto":
			return true, e.Proto(int(n))
		case words[0] == "advance":
			clock, ok := e.(Clock)
			if ok {
				clock.Advance(n)
			}
			return ok, nil
		}
	}
	return false, fmt.Errorf("unknown directive %q", words)
}

// Format is the script's text.
func (f *File) Format() []byte {
	var b bytes.Buffer
	for _, s := range f.Steps {
		for _, line := range s.Kept {
			fmt.Fprintln(&b, line)
		}
		if s.Text != "" {
			fmt.Fprintln(&b, s.Text)
		}
		if s.Want != "" {
			fmt.Fprintln(&b, s.Want)
		}
	}
	return b.Bytes()
}

// Match tells whether a printed reply is as expected.
func Match(want, got string) bool {
	if want == got {
		return true
	}
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i, line := range w {
		if line == "..." {
			return true
		}
		if i >= len(g) || line != g[i] && !inRange(line, g[i]) {
			return false
		}
	}
	return len(w) == len(g)
}

// inRange matches "(integer) 99..100" with an integer.
func inRange(want, got string) bool {
	const mark = "(integer) "
	prefix, bounds, ok := strings.Cut(want, mark)
	low, high, dots := strings.Cut(bounds, "..")
	number, same := strings.CutPrefix(got, prefix+mark)
	if !ok || !dots || !same {
		return false
	}
	a, errA := strconv.ParseInt(low, 10, 64)
	b, errB := strconv.ParseInt(high, 10, 64)
	n, errN := strconv.ParseInt(number, 10, 64)
	return errA == nil && errB == nil && errN == nil && a <= n && n <= b
}

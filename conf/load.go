package conf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const (
	includeDepthMax = 16       // files that include files; beyond it they include each other
	fileBytesMax    = 16 << 20 // of one file, or of standard input; a configuration is a few kilobytes
)

// The texts are Redis', except the last two.
var (
	errBadDirective   = errors.New("Bad directive or wrong number of arguments")
	errSentinel       = errors.New("sentinel directive while not in sentinel mode")
	errModuleValue    = errors.New("Module config specified without value")
	errModuleConfig   = errors.New("Module Configuration detected without loadmodule directive or no ApplyConfig call: aborting")
	errIncludeTooDeep = fmt.Errorf("Files include each other more than %d levels deep", includeDepthMax)
	errFileTooLarge   = fmt.Errorf("the configuration is larger than %d bytes", fileBytesMax)
)

// Notice tells that a directive was given that has no effect.
type Notice struct {
	Directive string
	Text      string // a sentence for the log
}

// Rename is one rename-command directive. An empty To removes the command.
type Rename struct {
	From, To string
	at       FileError
}

// Error returns the message that refuses the directive for reason, which is Redis' text: `No such command in rename-command` or
// `Target command name already exists`.
func (r Rename) Error(reason string) error {
	r.at.Reason = reason
	return &r.at
}

// FileError refuses a line of the configuration. Options of the command line are lines behind those of the file, one apart.
type FileError struct {
	File   string // of an included file, else empty
	Line   int    // from 1
	Text   string // the line
	Reason string
}

// Error has Redis' layout, so that what looks for it in Redis' output finds it here.
func (e *FileError) Error() string {
	file := e.File
	if file != "" {
		file = " " + file
	}
	return fmt.Sprintf("*** FATAL CONFIG FILE ERROR (Redoubt) ***\nReading the configuration file%s, at line %d\n>>> '%s'\n%s",
		file, e.Line, e.Text, e.Reason)
}

// Load reads the configuration of a process from the arguments behind its name, as redis-server reads them:
//
//	redoubt                                    defaults
//	redoubt a.conf --port 7000 --bind 1.2 ::1  a file, then options, which win
//	redoubt --port 7000 -                      standard input in place of a file, or behind one
//	redoubt "--port 7000" --save 60 1 --save   name and value in one argument; --save without a value is --save ""
//
// A value may itself start with dashes, if it is the first of its option. Stdin is read only if asked for. The error is ready to
// print. The notices are in the order in which the directives were first given, one each.
func Load(args []string, stdin io.Reader) (*Set, []Notice, error) {
	line := parseArgs(args)
	s := Default()
	l := loader{set: s, view: s.View(), noticed: make(map[string]bool)}
	var text strings.Builder
	if line.file != "" {
		abs, err := filepath.Abs(line.file)
		if err != nil {
			return nil, nil, err
		}
		s.file = abs
		files, err := readFiles(abs)
		if err != nil {
			return nil, nil, err
		}
		for _, f := range files {
			appendLines(&text, f.text)
		}
	}
	if line.stdin {
		input, err := readLimited(stdin)
		if err != nil {
			return nil, nil, fmt.Errorf("Reading config from stdin: %w", err)
		}
		appendLines(&text, input)
	}
	text.WriteString("\n" + line.options)
	if err := l.load(FileError{}, text.String(), 0); err != nil {
		return nil, nil, err
	}
	if l.moduleConfig != nil && !l.modules {
		return nil, nil, l.moduleConfig
	}
	return s, l.notices, l.absolutePaths()
}

// appendLines adds a text that starts on a line of its own.
func appendLines(b *strings.Builder, text string) {
	if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
		b.WriteByte('\n')
	}
	b.WriteString(text)
}

// commandLine is what the arguments ask for.
type commandLine struct {
	file    string
	stdin   bool
	options string // as lines of a configuration file
}

// parseArgs follows redis-server, where an option that has no value yet takes the next argument, whatever it looks like.
func parseArgs(args []string) commandLine {
	var line commandLine
	var options strings.Builder
	first := 0
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		line.file, first = args[0], 1
	}
	complete := true // the last option has a value, or needs none
	for i := first; i < len(args); i++ {
		arg, last := args[i], i == len(args)-1
		switch {
		case arg == "-" && (i == 0 || last):
			line.stdin = true
		case complete && strings.HasPrefix(arg, "--"):
			if options.Len() > 0 {
				options.WriteByte('\n')
			}
			options.WriteString(arg[2:] + " ")
			words, _ := SplitArgs(arg)
			complete = len(words) != 1
			optionFollows := !last && strings.HasPrefix(args[i+1], "--")
			if lowerASCII(arg) == "--save" && (last || optionFollows) {
				options.WriteString(`""`)
				complete = true
			}
		default:
			options.WriteString(Quote(arg) + " ")
			complete = true
		}
	}
	line.options = options.String()
	return line
}

// namedText is a file and its content.
type namedText struct{ path, text string }

// readFiles reads one file, or all that a pattern matches, which may be none.
func readFiles(path string) ([]namedText, error) {
	paths := []string{path}
	if strings.ContainsAny(path, "*?[") {
		matches, err := filepath.Glob(path)
		if err != nil {
			return nil, nil // a pattern that cannot match, as glob(3) sees it
		}
		paths = matches
	}
	var files []namedText
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("Fatal error, can't open config file '%s': %s", path, reasonOf(err))
		}
		text, err := readLimited(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("Fatal error, can't read config file '%s': %s", path, reasonOf(err))
		}
		files = append(files, namedText{path, text})
	}
	return files, nil
}

func readLimited(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, fileBytesMax+1))
	if err == nil && len(text) > fileBytesMax {
		err = errFileTooLarge
	}
	return string(text), err
}

// reasonOf writes an error of the system as C does: without operation and path, and capitalised.
func reasonOf(err error) string {
	text := err.Error()
	var number syscall.Errno
	if errors.As(err, &number) {
		text = number.Error()
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// loader turns lines into values. It owns the view of a Set that nobody else has yet.
type loader struct {
	set          *Set
	view         *View
	notices      []Notice
	noticed      map[string]bool
	saves        bool       // a save line was read; the first replaces the default
	modules      bool       // a loadmodule line was read
	moduleConfig *FileError // the first directive of a module
}

// load reads all lines of a text. At holds the name of the file.
func (l *loader) load(at FileError, text string, depth int) error {
	for line := range strings.SplitSeq(text, "\n") {
		at.Line++
		line = strings.Trim(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		at.Text = line
		words, err := SplitArgs(line)
		if err == nil && len(words) > 0 {
			err = l.directive(at, lowerASCII(words[0]), words[1:], depth)
		}
		var inner *FileError
		if errors.As(err, &inner) || errors.Is(err, errInclude) {
			return err
		}
		if err != nil {
			at.Reason = err.Error()
			return &at
		}
	}
	return nil
}

// errInclude marks an error that already says which file could not be read.
var errInclude = errors.New("include")

type includeError struct{ error }

func (includeError) Is(target error) bool { return target == errInclude }

func (l *loader) directive(at FileError, name string, args []string, depth int) error {
	if i, ok := l.view.catalog.find(name); ok {
		return l.value(i, args)
	}
	switch {
	case name == "include" && len(args) == 1:
		return l.include(args[0], depth)
	case name == "rename-command" && len(args) == 2:
		l.set.renames = append(l.set.renames, Rename{From: args[0], To: args[1], at: at})
	case name == "user" && len(args) >= 1:
		l.set.users = append(l.set.users, args)
	case name == "loadmodule" && len(args) >= 1:
		l.modules = true
		l.notice(name, "Modules cannot be loaded; their commands stay unknown.")
	case strings.Contains(name, "."):
		if len(args) == 0 {
			return errModuleValue
		}
		if l.moduleConfig == nil {
			at.Reason = errModuleConfig.Error()
			l.moduleConfig = &at
		}
	case name == "sentinel":
		return errSentinel
	case slices.Contains(deprecatedNames(), name) && len(args) == 1:
		l.notice(name, "Redis itself ignores it.")
	default:
		return errBadDirective
	}
	return nil
}

// deprecatedNames are accepted in files only, without a value to show.
func deprecatedNames() []string {
	return []string{"list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"}
}

// value reads the arguments of the directive at index i of the catalog.
func (l *loader) value(i int, args []string) error {
	d := &l.view.catalog.list[i]
	if d.Kind.words() && len(args) == 1 && args[0] != "" {
		words, err := SplitArgs(args[0])
		if err != nil {
			return err
		}
		args = words
	}
	old := l.view.values[i]
	if d.Kind == SavePoints && !l.saves {
		old, l.saves = value{}, true
	}
	v, err := d.parse(args, old)
	if err != nil {
		return err
	}
	l.view.values[i] = v
	if d.Meaning == AcceptedWithNotice {
		l.notice(d.Name, d.Why)
	}
	return nil
}

func (l *loader) notice(name, why string) {
	if !l.noticed[name] {
		l.noticed[name] = true
		l.notices = append(l.notices, Notice{Directive: name, Text: "Directive '" + name + "' is accepted and has no effect: " + why})
	}
}

func (l *loader) include(path string, depth int) error {
	if depth == includeDepthMax {
		return errIncludeTooDeep
	}
	files, err := readFiles(path)
	if err != nil {
		return includeError{err}
	}
	for _, f := range files {
		if err := l.load(FileError{File: f.path}, f.text, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// absolutePaths binds relative directories to the place where the process was started.
func (l *loader) absolutePaths() error {
	for i, d := range l.view.catalog.list {
		if d.Kind == Path {
			abs, err := filepath.Abs(l.view.values[i].text)
			if err != nil {
				return fmt.Errorf("resolve %s: %w", d.Name, err)
			}
			l.view.values[i].text = abs
		}
	}
	return nil
}

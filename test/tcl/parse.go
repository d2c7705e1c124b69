package main

// What the suite prints, and what was expected of it.

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// outcome is one run of one unit.
type outcome struct {
	ok      []string
	failed  []failure
	broken  []string // what went wrong outside of a case: exceptions, hangs, a dead server
	strange []string // lines that nobody expected, for when the count is wrong
	named   []string // the cases that the unit's file names, without those whose names are computed
	seconds float64
}

type failure struct{ name, message string }

var (
	colour   = regexp.MustCompile(`\x1b\[[0-9;]*m`)
	line     = regexp.MustCompile(`^(.*?)\[(ok|err|exception|TIMEOUT)\]: (.*)$`)
	duration = regexp.MustCompile(` \(-?\d+ ms\)$`)
	inFile   = regexp.MustCompile(` in tests/\S+\.tcl$`)
	usual    = regexp.MustCompile(`^(Cleanup: |Starting test server|\[ready\]|Testing |\[skip\]|\[ignore\]|\[\d+/\d+ done\]|$)`)
	inUnit   = regexp.MustCompile(`(?m)^\s*test (?:\{([^{}]*)\}|"([^"$\[\\]*)") `)
)

const (
	theEnd      = "                   The End" // printed when all cases have had their turn
	whereabouts = "    while executing"        // what follows in a message is Tcl's stack
)

// parse reads runtest's output.
func parse(text string) outcome {
	var out outcome
	ended, message := false, false // message: the lines that follow belong to the last failure
	for l := range strings.Lines(colour.ReplaceAllString(text, "")) {
		l = strings.TrimRight(l, "\r\n")
		if strings.HasPrefix(l, theEnd) {
			ended = true
			break
		}
		m := outcomeIn(l)
		if strings.HasPrefix(l, "[") && m == nil || strings.HasPrefix(l, whereabouts) {
			message = false
		}
		if m == nil {
			if last := len(out.failed) - 1; message && l != "" && len(out.failed[last].message) < 500 {
				out.failed[last].message = strings.TrimPrefix(out.failed[last].message+"\n"+l, "\n")
			} else if len(out.failed) == 0 && !usual.MatchString(l) { // behind a failure, Tcl's stack goes on and on
				out.strange = append(out.strange, l)
			}
			continue
		}
		message = false
		if m[1] != "" {
			out.strange = append(out.strange, l)
		}
		switch kind, rest := m[2], m[3]; {
		case kind == "ok":
			out.ok = append(out.ok, duration.ReplaceAllString(rest, ""))
		case kind == "err" && inFile.MatchString(rest):
			out.failed = append(out.failed, failure{name: inFile.ReplaceAllString(rest, "")})
			message = true
		default:
			out.broken = append(out.broken, kind+": "+rest)
		}
	}
	if !ended {
		out.broken = append(out.broken, "the suite did not come to its end:\n"+tail(text))
	}
	return out
}

// outcomeIn is what a line says of a case: nil, or all, what stands before, the kind and the rest. Something may have been printed to the
// same line before; then only what looks like an outcome to its end is taken for one.
func outcomeIn(l string) []string {
	m := line.FindStringSubmatch(l)
	if m != nil && m[1] != "" && !(m[2] == "ok" && duration.MatchString(m[3])) && !(m[2] == "err" && inFile.MatchString(m[3])) {
		return nil
	}
	return m
}

// casesNamed returns the names of the cases in a unit's text, where they are not computed.
func casesNamed(text string) (all []string) {
	for _, m := range inUnit.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1]+m[2])
	}
	return all
}

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(colour.ReplaceAllString(text, "")), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// expectation is a file of expect/:
//
//	# a comment
//	cases 77
//	name of a case that fails<tab>why
//	name of another<tab>skipped: why it would take others with it
type expectation struct {
	cases   int // that the unit has, of those that redis-server passes in this mode
	failing map[string]string
	skipped []string // of the failing ones, those that are not even run
}

func loadExpectation(dir, unit string) (expectation, error) {
	e := expectation{failing: map[string]string{}}
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(unit)+".txt"))
	if err != nil {
		return e, err
	}
	for l := range strings.Lines(string(text)) {
		l = strings.TrimRight(l, "\n")
		if l == "" || l[0] == '#' {
			continue
		}
		if n, ok := strings.CutPrefix(l, "cases "); ok && e.cases == 0 {
			if e.cases, err = strconv.Atoi(n); err != nil {
				return e, err
			}
			continue
		}
		name, why, ok := strings.Cut(l, "\t")
		if !ok || strings.TrimSpace(why) == "" {
			return e, fmt.Errorf("%q is expected to fail for no reason", name)
		}
		e.failing[name] = why
		if strings.HasPrefix(why, "skipped: ") {
			e.skipped = append(e.skipped, name)
		}
	}
	if e.cases == 0 {
		return e, fmt.Errorf("the file does not say how many cases the unit has")
	}
	return e, nil
}

// judge returns what is not as expected.
func (e expectation) judge(out outcome) []string {
	findings := slices.Clone(out.broken)
	for _, f := range out.failed {
		if _, ok := e.failing[f.name]; !ok {
			findings = append(findings, f.name+"\n  "+strings.ReplaceAll(f.message, "\n", "\n  "))
		}
	}
	for _, name := range out.ok {
		if _, ok := e.failing[name]; ok && !slices.Contains(names(out.failed), name) {
			findings = append(findings, "passes, but is expected to fail: "+name)
		}
	}
	if n := len(out.ok) + len(out.failed) + len(e.skipped); n < e.cases {
		findings = append(findings, fmt.Sprintf("%d cases had their turn, of %d%s", n, e.cases, e.absent(out)))
	}
	return findings
}

// absent tells which cases did not have their turn, as far as they can be known by name, and what was printed beside the outcomes.
func (e expectation) absent(out outcome) string {
	var b strings.Builder
	there := append(names(out.failed), out.ok...)
	for _, name := range out.named {
		if !slices.Contains(there, name) && !slices.Contains(e.skipped, name) {
			b.WriteString("\n  not seen: " + name)
		}
	}
	for _, l := range out.strange[:min(len(out.strange), 20)] {
		b.WriteString("\n  printed: " + l)
	}
	return b.String()
}

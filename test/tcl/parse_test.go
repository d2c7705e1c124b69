package main

import (
	"slices"
	"strings"
	"testing"
)

const printed = "Cleanup: may take some time... OK\n" +
	"[ok]: SET and GET an item (2 ms)\n" +
	"\x1b[0;31m[err]\x1b[0m: INCR fails in tests/unit/type/incr.tcl\n" +
	"Expected '1' to be equal to '2' (context: type eval)\n" +
	"[ok]: DEL all keys (10 ms)\n" +
	"                   The End\n" +
	"\nExecution time of different units:\n!!! WARNING The following tests failed:\n*** [err]: INCR fails in tests/unit/type/incr.tcl\n"

func TestParse(t *testing.T) {
	out := parse(printed)
	if want := []string{"SET and GET an item", "DEL all keys"}; !slices.Equal(out.ok, want) {
		t.Errorf("ok = %q, want %q", out.ok, want)
	}
	if len(out.failed) != 1 || out.failed[0].name != "INCR fails" || !strings.HasPrefix(out.failed[0].message, "Expected '1'") {
		t.Errorf("failed = %q, want INCR fails with its message", out.failed)
	}
	if len(out.broken) != 0 {
		t.Errorf("broken = %q, want none", out.broken)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name    string
		e       expectation
		text    string
		finding string // a part of the only one; "" for none
	}{
		{"new failure", expectation{cases: 3}, printed, "INCR fails"},
		{"listed failure", expectation{cases: 3, failing: map[string]string{"INCR fails": "why"}}, printed, ""},
		{"listed, but passes", expectation{cases: 3, failing: map[string]string{"INCR fails": "why", "DEL all keys": "why"}}, printed, "passes, but"},
		{"too few", expectation{cases: 4, failing: map[string]string{"INCR fails": "why"}}, printed, "3 cases had their turn, of 4"},
		{"behind something else", expectation{cases: 2}, "[ok]: one (1 ms)\nWaiting... [ok]: two (2 ms)\n" + theEnd, ""},
		{"cut in two", expectation{cases: 2}, "[ok]: one (1 ms)\n[o\nk]: two (2 ms)\n" + theEnd, "1 cases had their turn, of 2\n  printed: [o\n  printed: k]: two (2 ms)"},
		{"no end", expectation{cases: 1}, "[ok]: one (1 ms)\n", "did not come to its end"},
		{"exception", expectation{cases: 1}, "[ok]: one (1 ms)\n[exception]: Executing test client: I/O error\n" + theEnd, "I/O error"},
	} {
		got := c.e.judge(parse(c.text))
		if c.finding == "" && len(got) > 0 || c.finding != "" && (len(got) != 1 || !strings.Contains(got[0], c.finding)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.finding)
		}
	}
}

func TestCasesNamed(t *testing.T) {
	text := "start_server {tags {\"x\"}} {\n    test {one} {\n    } {OK}\n\ttest \"two\" {\n  test \"of $type\" {\n  # test {none} {\n"
	if got, want := casesNamed(text), []string{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

package corpus

import (
	"bufio"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "put the replies got in process into the corpus")

// root is the corpus, as seen from this package.
const root = "../../test/corpus"

func scripts(t *testing.T) []string {
	paths, err := Scripts(root)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d scripts in %s: %v", len(paths), root, err)
	}
	return paths
}

func run(t *testing.T, path string, e Executor) {
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := f.Run(e, *rewrite)
	if err != nil {
		t.Fatal(err)
	}
	if _, foreign := e.(Foreign); *rewrite && !foreign && len(bad) > 0 {
		if err := os.WriteFile(path, f.Format(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, m := range bad {
		t.Error(m)
	}
}

func TestInProcess(t *testing.T) {
	for _, path := range scripts(t) {
		t.Run(strings.TrimPrefix(path, root+"/"), func(t *testing.T) {
			local, err := NewLocal()
			if err != nil {
				t.Fatal(err)
			}
			defer local.Close()
			run(t, path, local)
		})
	}
}

// TestRealRedis judges the corpus: what is expected of us is what Redis does.
func TestRealRedis(t *testing.T) {
	server, err := StartRedis()
	if errors.Is(err, ErrNoRedis) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for _, path := range scripts(t) {
		t.Run(strings.TrimPrefix(path, root+"/"), func(t *testing.T) {
			c, err := server.Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			run(t, path, c)
		})
	}
}

func TestParseKeepsTheText(t *testing.T) {
	const text = "# top\n\n> SET k \"a b\" # ours: why\nOK\n! proto 3\n> GET k\n\"a b\"\n\n# end\n"
	f, err := Parse([]byte(text))
	if err != nil || string(f.Format()) != text {
		t.Fatalf("%v, %q", err, f.Format())
	}
	s := f.Steps[0]
	if !s.Ours || len(s.Args) != 3 || s.Args[2] != "a b" || s.Want != "OK" || f.Steps[1].Directive[1] != "3" {
		t.Fatalf("%+v", f.Steps)
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		want, got string
		match     bool
	}{
		{"OK", "OK", true},
		{"OK", "KO", false},
		{"...", "anything\nat all", true},
		{"1) \"a\"\n...", "1) \"a\"\n2) \"b\"", true},
		{"1) \"a\"", "1) \"a\"\n2) \"b\"", false},
		{"1) (integer) 5..7", "1) (integer) 7", true},
		{"(integer) 5..7", "(integer) 8", false},
		{"(integer) 5..7", "\"6\"", false},
	} {
		if Match(c.want, c.got) != c.match {
			t.Errorf("Match(%q, %q) = %t", c.want, c.got, !c.match)
		}
	}
}

// TestPrint shows replies as redis-cli does.
func TestPrint(t *testing.T) {
	for _, c := range []struct{ wire, want string }{
		{"+OK\r\n", "OK"},
		{"-ERR no\r\n", "(error) ERR no"},
		{":5\r\n", "(integer) 5"},
		{"$-1\r\n", "(nil)"},
		{"_\r\n", "(nil)"},
		{"$3\r\na\"\x00\r\n", `"a\"\x00"`},
		{",1.5\r\n", "(double) 1.5"},
		{"#t\r\n", "(true)"},
		{"*0\r\n", "(empty array)"},
		{"~1\r\n:1\r\n", "1~ (integer) 1"},
		{"*2\r\n*2\r\n:1\r\n:2\r\n:3\r\n", "1) 1) (integer) 1\n   2) (integer) 2\n2) (integer) 3"},
		{"%1\r\n$1\r\nk\r\n*2\r\n:1\r\n:2\r\n", "1# \"k\" => 1) (integer) 1\n   2) (integer) 2"},
	} {
		r, err := readReply(bufio.NewReader(strings.NewReader(c.wire)), 0)
		if got := r.print(""); err != nil || got != c.want {
			t.Errorf("%q prints %s, %v, want %s", c.wire, got, err, c.want)
		}
	}
}

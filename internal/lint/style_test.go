package lint

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const linesMax = 999 // of a file; long before that it is about two things

// stateful are the package-level variables that change, by folder and name, with the reason why each may.
var stateful = map[string]string{
	"replica.routing":           "dragonboat's loggers are global and can be installed once only",
	"replica.entrySliceSize":    "linked by name to dragonboat's own tunable, which has no other handle",
	"replica.minEntrySliceSize": "linked by name to dragonboat's own tunable, which has no other handle",
}

func TestFilesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if n := strings.Count(s.text, "\n"); n > linesMax {
			t.Errorf("%s has %d lines, at most %d are allowed", s.name, n, linesMax)
		}
	}
}

func TestPackagesHaveComments(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		said[s.dir] = said[s.dir] || s.Doc != nil && strings.TrimSpace(s.Doc.Text()) != "" && !s.test
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("no file of %s says what the package is for", dir)
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: init: nothing starts itself", s.at(f))
			}
		}
	}
}

func TestTestsDoNotSleep(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			if selects(n, "time", "Sleep") {
				t.Errorf("%s: a test sleeps; let it wait for what it needs", s.at(n))
			}
			return true
		})
	}
}

func TestNothingUnfinished(t *testing.T) {
	words := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)
	walk(t, func(name string) {
		ext := filepath.Ext(name)
		if !slices.Contains([]string{".go", ".md", ".sh", ".mod", ".yml", ".conf"}, ext) && !slices.Contains([]string{"Makefile", ".ci/run"}, name) {
			return
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if word := words.FindString(line); word != "" {
				t.Errorf("%s:%d: %s", name, i+1, word)
			}
		}
	})
}

// TestNoState holds that no package changes a variable of its own. Sentinel errors and tables that are only read are no state.
func TestNoState(t *testing.T) {
	byDir := map[string][]*source{}
	for _, s := range sources(t) {
		if !s.test {
			byDir[s.dir] = append(byDir[s.dir], s)
		}
	}
	for dir, files := range byDir {
		declared := map[string]bool{}
		for _, s := range files {
			for _, spec := range variables(s) {
				for i, name := range spec.Names {
					if name.Name == "_" || stateful[dir+"."+name.Name] != "" {
						continue
					}
					declared[name.Name] = true
					if why := mutable(spec, i); why != "" {
						t.Errorf("%s: %s %s", s.at(name), name.Name, why)
					}
				}
			}
		}
		for _, s := range files {
			here := variables(s)
			assigned(s, func(x *ast.Ident) {
				if declared[x.Name] && global(x, here) {
					t.Errorf("%s: %s is changed, but belongs to the package", s.at(x), x.Name)
				}
			})
		}
	}
}

// variables returns the package-level ones of a file, those that hold embedded files left out.
func variables(s *source) []*ast.ValueSpec {
	var out []*ast.ValueSpec
	for _, d := range s.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR || g.Doc != nil && strings.Contains(commentOf(g.Doc), "//go:embed") {
			continue
		}
		for _, spec := range g.Specs {
			out = append(out, spec.(*ast.ValueSpec))
		}
	}
	return out
}

func commentOf(g *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range g.List {
		b.WriteString(c.Text + "\n")
	}
	return b.String()
}

// mutable says why a variable is state by its very declaration, or "".
func mutable(spec *ast.ValueSpec, i int) string {
	if len(spec.Values) == 0 {
		return "has no value, so somebody gives it one later"
	}
	found := ""
	look := func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.FuncLit:
			return false // what a function of a table does is its own affair
		case *ast.ChanType:
			found = "is a channel"
		case *ast.SelectorExpr:
			if p, ok := x.X.(*ast.Ident); ok && (p.Name == "sync" || p.Name == "atomic") {
				found = "is of package " + p.Name
			}
		}
		return true
	}
	if spec.Type != nil {
		ast.Inspect(spec.Type, look)
	}
	if i < len(spec.Values) {
		ast.Inspect(spec.Values[i], look)
	}
	return found
}

// assigned calls f for the first name of whatever is assigned or incremented.
func assigned(s *source, f func(*ast.Ident)) {
	target := func(e ast.Expr) {
		for {
			switch x := e.(type) {
			case *ast.Ident:
				f(x)
				return
			case *ast.SelectorExpr:
				e = x.X
			case *ast.IndexExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			default:
				return
			}
		}
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.AssignStmt:
			if x.Tok != token.DEFINE {
				for _, e := range x.Lhs {
					target(e)
				}
			}
		case *ast.IncDecStmt:
			target(x.X)
		}
		return true
	})
}

// global says whether the name can be a package-level variable: the parser resolves the names of a file, and leaves those of
// other files open.
func global(x *ast.Ident, here []*ast.ValueSpec) bool {
	if x.Obj == nil {
		return true
	}
	spec, ok := x.Obj.Decl.(*ast.ValueSpec)
	return ok && slices.Contains(here, spec)
}

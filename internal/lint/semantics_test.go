package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// Where the list of semantics versions stands, its ends, and which of the core's calls ask for one.
const (
	semanticsFile   = "keyspace/semantics.go"
	semanticsPrefix = "Semantics"
	semanticsFirst  = "SemanticsFirst"
	semanticsNewest = "SemanticsNewest"
	semanticsAsk    = "Since"
	semanticsNeeds  = "Needs"
	semanticsPut    = "PutInForce"
)

// semanticsRules are what is held of the gates: a question names a version of the list, and not the first, which is always in force; a version says what
// it changed, and somebody asks for it; and only the state machine puts one in force.
type semanticsRules struct {
	listed []string
	used   map[string]bool
}

// list reads the versions, and returns what is wrong with them.
func (r *semanticsRules) list(s *source) (wrong []string) {
	for _, d := range s.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			v := spec.(*ast.ValueSpec)
			for _, name := range v.Names {
				if !strings.HasPrefix(name.Name, semanticsPrefix) || name.Name == semanticsNewest {
					continue
				}
				r.listed = append(r.listed, name.Name)
				if v.Doc == nil && v.Comment == nil {
					wrong = append(wrong, s.at(name)+": "+name.Name+" does not say what it changed")
				}
				if len(r.listed) > 1 && len(v.Values) > 0 {
					wrong = append(wrong, s.at(name)+": "+name.Name+" has a number of its own; it is the list that counts")
				}
			}
		}
	}
	return wrong
}

// look returns what is wrong with the questions of a file of the core.
func (r *semanticsRules) look(s *source) (wrong []string) {
	named := func(e ast.Expr) {
		if sel, ok := e.(*ast.SelectorExpr); ok {
			e = sel.Sel
		}
		name, ok := e.(*ast.Ident)
		if !ok || name.Name == semanticsFirst || !slices.Contains(r.listed, name.Name) {
			wrong = append(wrong, s.at(e)+": a gate names a version of "+semanticsFile+" behind the first")
			return
		}
		r.used[name.Name] = true
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			switch {
			case !ok:
			case sel.Sel.Name == semanticsAsk && len(n.Args) == 1:
				named(n.Args[0])
			case sel.Sel.Name == semanticsPut && s.dir != "sm":
				wrong = append(wrong, s.at(n)+": only the state machine puts a version in force")
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == semanticsNeeds {
				named(n.Value)
			}
		}
		return true
	})
	return wrong
}

func (r *semanticsRules) unused() (wrong []string) {
	for _, name := range r.listed {
		if name != semanticsFirst && !r.used[name] {
			wrong = append(wrong, semanticsFile+": nobody asks for "+name)
		}
	}
	return wrong
}

// TestSemanticsAreGated holds the rules on the source.
func TestSemanticsAreGated(t *testing.T) {
	var files []*source
	r := semanticsRules{used: map[string]bool{}}
	for _, s := range sources(t) {
		if s.name == semanticsFile {
			files = append([]*source{s}, files...)
		} else if !s.test && under(s.dir, core) {
			files = append(files, s)
		}
	}
	for _, w := range r.judge(files) {
		t.Error(w)
	}
	if len(r.listed) == 0 {
		t.Errorf("no version found in %s", semanticsFile)
	}
}

// judge takes the list first.
func (r *semanticsRules) judge(files []*source) (wrong []string) {
	wrong = r.list(files[0])
	for _, s := range files[1:] {
		wrong = append(wrong, r.look(s)...)
	}
	return append(wrong, r.unused()...)
}

// TestSemanticsRules holds the rules on what they are made against.
func TestSemanticsRules(t *testing.T) {
	const list = "const (\n\tSemanticsFirst Semantics = iota + 1 // the first\n\tSemanticsOfTries // tries are counted\n\tend\n)\nconst SemanticsNewest = end - 1\n"
	const asked = "func f() { c.Tx.Since(keyspace.SemanticsOfTries) }\n"
	for _, c := range []struct{ list, code, wrong string }{
		{list, asked, ""},
		{list, "var s = Spec{Name: \"X\", Needs: keyspace.SemanticsOfTries}\n", ""},
		{list, asked + "func g() { c.Tx.Since(2) }\n", "a gate names a version"},
		{list, asked + "func g() { v.Since(keyspace.SemanticsNewest) }\n", "a gate names a version"},
		{list, asked + "func g() { v.Since(keyspace.SemanticsFirst) }\n", "a gate names a version"},
		{list, asked + "func g() { v.Since(keyspace.Semantics(n)) }\n", "a gate names a version"},
		{list, asked + "var s = Spec{Needs: 2}\n", "a gate names a version"},
		{list, asked + "func g() { space.PutInForce(2) }\n", "only the state machine"},
		{list, "", "nobody asks for SemanticsOfTries"},
		{strings.Replace(list, " // tries are counted", "", 1), asked, "does not say what it changed"},
		{strings.Replace(list, "SemanticsOfTries", "SemanticsOfTries Semantics = 7", 1), asked, "has a number of its own"},
	} {
		r := semanticsRules{used: map[string]bool{}}
		got := strings.Join(r.judge([]*source{snippet(t, semanticsFile, c.list), snippet(t, "command/x.go", c.code)}), "\n")
		if (got == "") != (c.wrong == "") || !strings.Contains(got, c.wrong) {
			t.Errorf("%s%s: %q, want %q", c.list, c.code, got, c.wrong)
		}
	}
}

// snippet is a file that is not there.
func snippet(t *testing.T, name, code string) *source {
	t.Helper()
	fset := token.NewFileSet()
	dir, _, _ := strings.Cut(name, "/")
	file, err := parser.ParseFile(fset, name, "package "+dir+"\n"+code, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return &source{name: name, dir: dir, File: file, fset: fset}
}

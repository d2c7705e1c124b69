package lint

import (
	"go/ast"
	"testing"
)

// impure reports clocks, the environment and goroutines in a file of the core.
func impure(t *testing.T, s *source) {
	ast.Inspect(s.File, func(n ast.Node) bool {
		switch {
		case selects(n, "time", "Now", "Since", "Until", "After", "AfterFunc", "Tick", "Sleep", "NewTimer", "NewTicker"):
			t.Errorf("%s: the core reads a clock; time is in the entry", s.at(n))
		case selects(n, "os", "Getenv", "LookupEnv", "Environ", "Hostname"):
			t.Errorf("%s: the core reads its environment", s.at(n))
		}
		if _, ok := n.(*ast.GoStmt); ok && beside[s.name] == "" {
			t.Errorf("%s: the core starts a goroutine", s.at(n))
		}
		return true
	})
}

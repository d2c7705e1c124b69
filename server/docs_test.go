package server

import (
	"flag"
	"os"
	"testing"

	"github.com/redoubt-db/redoubt/command"
)

var rewriteDocs = flag.Bool("rewrite", false, "write docs/commands.md anew")

// TestCommandsPage holds docs/commands.md to the table of commands.
func TestCommandsPage(t *testing.T) {
	const file = "../docs/commands.md"
	table, _ := bind(command.Families(), sessionFamilies())
	want := command.Markdown(table)
	if *rewriteDocs {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is stale; write it anew with: go test ./server -run TestCommandsPage -args -rewrite", file)
	}
}

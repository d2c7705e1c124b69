package server

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// TestTrouble: of errors that come without end one is told, without its stack.
func TestTrouble(t *testing.T) {
	var out bytes.Buffer
	tr := &trouble{log: slog.New(slog.NewTextHandler(&out, nil))}
	for range 1000 {
		tr.tell(errors.New("no space left on device\n(1) attached stack trace"))
	}
	if said := out.String(); strings.Count(said, "\n") != 1 || strings.Contains(said, "stack") || !strings.Contains(said, "no space left") {
		t.Errorf("said %q", said)
	}
}

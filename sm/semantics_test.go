package sm

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestSemantics raises the version of a program that knows 3.
func TestSemantics(t *testing.T) {
	fs := vfs.NewMem()
	r := newRig(t, fs)
	r.m.o.Semantics, r.o.Semantics = 3, 3
	for _, step := range []struct {
		request, reply string
		want           uint64
	}{
		{" SEMANTICS 1", ":1", 1},
		{" SEMANTICS 2", ":2", 2},
		{" SEMANTICS 1", ":2", 2},
		{" SEMANTICS x", "-ERR invalid semantics version", 2},
		{" SEMANTICS 0", "-ERR invalid semantics version", 2},
		{" SEMANTICS", "-ERR wrong number of arguments for ' semantics' command", 2},
	} {
		if got := strings.TrimSuffix(r.do(step.request), "|"); got != step.reply || r.m.Semantics() != step.want {
			t.Errorf("%s = %s, and version %d; want %s, %d", step.request, got, r.m.Semantics(), step.reply, step.want)
		}
	}
	for version := uint64(1); version <= 3; version++ { // entries may be older than the state, or made by who knows more
		r.apply(SealBatchFor(version, nil, r.header(1), AppendCommand(nil, 0, words("COUNT n"))))
	}
	if err := r.m.Close(); err != nil {
		t.Fatal(err)
	}
	r.open()
	if got := r.m.Semantics(); got != 2 {
		t.Errorf("version %d after a restart, want 2", got)
	}
	if err := r.m.Close(); err != nil {
		t.Fatal(err)
	}
	older := New(Options{Table: r.o.Table, Store: r.o.Store, Semantics: 1})
	if _, err := older.Open("data"); err == nil || !strings.Contains(err.Error(), "a newer version is needed") {
		t.Errorf("a program that knows 1 opens the state: %v", err)
	}
}

// TestUnknownSemantics: who does not know what the others mean stops.
func TestUnknownSemantics(t *testing.T) {
	for what, entry := range map[string]func(r *rig) []byte{
		"an entry": func(r *rig) []byte {
			return SealBatchFor(3, nil, r.header(1), AppendCommand(nil, 0, words("COUNT n")))
		},
		"a rise": func(r *rig) []byte {
			return SealBatchFor(2, nil, r.header(1), AppendCommand(nil, 0, [][]byte{[]byte(semanticsCommand), []byte("3")}))
		},
	} {
		r := newRig(t, vfs.NewMem())
		r.m.o.Semantics = 2
		if err := r.try(entry(r)); err == nil || !strings.Contains(err.Error(), "semantics version 3, where 2 is known") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestDecodeSemantics(t *testing.T) {
	m := New(Options{Semantics: 2})
	for _, row := range []string{"", "\x02\x01", "\x01", "\x01\x00", "\x01\x01x", "\x01\x03"} {
		if _, err := m.decodeSemantics([]byte(row)); err == nil {
			t.Errorf("%q was taken for a row of the semantics version", row)
		}
	}
}
